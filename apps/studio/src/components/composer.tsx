import { useEffect, type KeyboardEvent, type ReactNode, type RefObject, type SubmitEvent } from "react";
import type { RunningState } from "../chat/chat.ts";
import { Icon } from "./icon.tsx";

interface ComposerProps {
  readonly textbox: RefObject<HTMLTextAreaElement | null>;
  readonly draft: string;
  readonly onDraft: (draft: string) => void;
  readonly running: RunningState | undefined;
  readonly onAsk: (question: string) => void;
  readonly onStop: () => void;
}

export function Composer({ textbox, draft, onDraft, running, onAsk, onStop }: ComposerProps): ReactNode {
  useEffect(() => textbox.current?.focus(), [textbox]);

  const send = (): void => {
    if (draft.trim() !== "" && running === undefined) onAsk(draft);
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

  return (
    <form className="composer" onSubmit={onSubmit}>
      {/* The hidden copy of the text makes the box as tall as it. */}
      <div className="composer-text" data-text={`${draft}\n`}>
        <textarea
          ref={textbox}
          aria-label="Message"
          placeholder="Ask anything"
          rows={1}
          dir="auto"
          enterKeyHint="send"
          value={draft}
          onChange={(event) => onDraft(event.target.value)}
          onKeyDown={onKeyDown}
        />
      </div>
      {running ? (
        <button
          type="button"
          key="stop"
          className="round"
          aria-label="Stop"
          disabled={running.stopping}
          onClick={onStop}
        >
          <Icon name="stop" />
        </button>
      ) : (
        <button type="submit" key="send" className="round" aria-label="Send" disabled={draft.trim() === ""}>
          <Icon name="send" />
        </button>
      )}
    </form>
  );
}

/** Enter that ends the writing of a Japanese word, say. Safari tells only by the old key code. */
function isComposing(event: KeyboardEvent): boolean {
  return event.nativeEvent.isComposing || event.nativeEvent.keyCode === 229;
}
