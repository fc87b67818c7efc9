import {
  useRef,
  type ClipboardEvent,
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
  type SubmitEvent,
} from "react";
import type { Attachments } from "../page/use-attachments.ts";
import { AttachmentChips } from "./attachment-chips.tsx";
import { Icon } from "./icon.tsx";

interface ComposerProps {
  readonly textbox: RefObject<HTMLTextAreaElement | null>;
  readonly draft: string;
  readonly onDraft: (draft: string) => void;
  readonly attachments: Attachments;
  readonly running: boolean;
  readonly stopping: boolean;
  readonly onSend: () => void;
  readonly onStop: () => void;
}

export function Composer(props: ComposerProps): ReactNode {
  const { textbox, draft, onDraft, attachments, running, stopping, onSend, onStop } = props;
  const chooser = useRef<HTMLInputElement>(null);
  const empty = draft.trim() === "" && attachments.list.length === 0;
  // A question that goes now would go without them.
  const { reading } = attachments;

  const send = (): void => {
    if (!empty && !running && !reading) onSend();
  };
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    send();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
    event.preventDefault();
    send();
  };
  // Text that was copied in an office program comes as a picture of it, too.
  const onPaste = (event: ClipboardEvent): void => {
    const { files, types } = event.clipboardData;
    if (files.length === 0 || types.includes("text/plain")) return;
    event.preventDefault();
    attachments.add([...files]);
  };

  return (
    <form className="composer" onSubmit={onSubmit}>
      <AttachmentChips attachments={attachments.list} onRemove={attachments.remove} />
      <div className="composer-row">
        <input
          type="file"
          multiple
          hidden
          ref={chooser}
          onChange={(event) => {
            attachments.add([...(event.target.files ?? [])]);
            event.target.value = "";
          }}
        />
        <button
          type="button"
          className="icon-button"
          aria-label="Attach files"
          title="Attach files"
          onClick={() => chooser.current?.click()}
        >
          <Icon name="attach" />
        </button>
        {/* The hidden copy of the text makes the box as tall as it. */}
        <div className="composer-text" data-text={`${draft}\n`}>
          <textarea
            ref={textbox}
            id="message"
            aria-label="Message"
            placeholder="Ask anything"
            rows={1}
            dir="auto"
            enterKeyHint="send"
            value={draft}
            onChange={(event) => onDraft(event.target.value)}
            onKeyDown={onKeyDown}
            onPaste={onPaste}
          />
        </div>
        {running ? (
          <button type="button" key="stop" className="round" aria-label="Stop" disabled={stopping} onClick={onStop}>
            <Icon name="stop" />
          </button>
        ) : (
          <button type="submit" key="send" className="round" aria-label="Send" disabled={empty || reading}>
            <Icon name="send" />
          </button>
        )}
      </div>
      <div className="composer-refused" aria-live="polite">
        {reading && <p className="composer-reading">Reading files…</p>}
        {attachments.refused.map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
      </div>
    </form>
  );
}

/** Enter that ends the writing of a Japanese word, say. Safari tells only by the old key code. */
function isComposing(event: KeyboardEvent): boolean {
  return event.nativeEvent.isComposing || event.nativeEvent.keyCode === 229;
}
