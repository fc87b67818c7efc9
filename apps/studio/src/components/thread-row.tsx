import { memo, useEffect, useRef, useState, type KeyboardEvent, type MouseEvent, type ReactNode } from "react";
import { addressOf } from "../page/route.ts";
import type { ThreadItem } from "../state/thread-list.ts";
import { Icon } from "./icon.tsx";
import { Popover } from "./popover.tsx";

interface ThreadRowProps {
  readonly thread: ThreadItem;
  readonly open: boolean;
  readonly onOpen: (id: string) => void;
  readonly onRename: (id: string, title: string) => void;
  readonly onRemove: (id: string) => void;
}

export const ThreadRow = memo(function ThreadRow(props: ThreadRowProps): ReactNode {
  const { thread, open, onOpen, onRename, onRemove } = props;
  const { id, title, running, unread } = thread;
  const [renaming, setRenaming] = useState(false);
  const row = useRef<HTMLLIElement>(null);
  const link = useRef<HTMLAnchorElement>(null);

  // In another tab or window it is the browser's.
  const onClick = (event: MouseEvent): void => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    onOpen(id);
  };
  const onRenamed = (wanted: string | undefined): void => {
    setRenaming(false);
    if (wanted !== undefined) onRename(id, wanted);
    requestAnimationFrame(() => link.current?.focus());
  };
  // The focus would be nowhere.
  const remove = (): void => {
    const neighbour = row.current?.nextElementSibling ?? row.current?.previousElementSibling;
    neighbour?.querySelector("a")?.focus();
    onRemove(id);
  };

  if (renaming) {
    return (
      <li className="thread" data-open={open}>
        <TitleField title={title} onDone={onRenamed} />
      </li>
    );
  }
  return (
    <li className="thread" data-open={open} ref={row}>
      <a ref={link} href={addressOf(id)} aria-current={open ? "page" : undefined} title={title} onClick={onClick}>
        <span className="thread-title" dir="auto">
          {title}
        </span>
        {running && <span className="thread-mark running">{hidden("answering")}</span>}
        {unread && !running && <span className="thread-mark unread">{hidden("new answer")}</span>}
      </a>
      <Popover
        label={`More for “${title}”`}
        button={<Icon name="more" />}
        role="menu"
        className="icon-button thread-more"
      >
        <button type="button" role="menuitem" onClick={() => setRenaming(true)}>
          <Icon name="pencil" />
          Rename
        </button>
        <button type="button" role="menuitem" className="dangerous" onClick={remove}>
          <Icon name="trash" />
          Delete
        </button>
      </Popover>
    </li>
  );
});

interface TitleFieldProps {
  readonly title: string;
  /** Undefined: it stays as it was. */
  readonly onDone: (title: string | undefined) => void;
}

function TitleField({ title, onDone }: TitleFieldProps): ReactNode {
  const field = useRef<HTMLInputElement>(null);
  const [value, setValue] = useState(title);
  const done = useRef(false);

  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);

  // The field leaves the page, and so loses the focus, after either key.
  const finish = (wanted: string | undefined): void => {
    if (done.current) return;
    done.current = true;
    onDone(wanted);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // Safari tells of the Enter that ends a Japanese word only by the old key code.
    if (event.nativeEvent.isComposing || event.nativeEvent.keyCode === 229) return;
    if (event.key === "Enter") finish(value);
    else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      finish(undefined);
    }
  };
  return (
    <input
      className="thread-field"
      ref={field}
      aria-label="Title of the chat"
      maxLength={200}
      value={value}
      onChange={(event) => setValue(event.target.value)}
      onKeyDown={onKeyDown}
      onBlur={() => finish(value)}
    />
  );
}

function hidden(words: string): ReactNode {
  return <span className="sr-only">, {words}</span>;
}
