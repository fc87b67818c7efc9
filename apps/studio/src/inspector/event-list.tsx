import { useCallback, useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { useMedia } from "../page/use-media.ts";
import { indented, type ShownEvent } from "./shown-event.ts";

interface EventListProps {
  readonly events: readonly ShownEvent[];
  /** The event that a replay is at. */
  readonly current?: number;
}

const MARGIN_ROWS = 10;

/** One line each, however many there are; the one that is chosen stands in full below. */
export function EventList({ events, current }: EventListProps): ReactNode {
  const rowHeight = useMedia("(pointer: coarse)") ? 40 : 24;
  const box = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState({ from: 0, to: 60 });
  const [chosen, setChosen] = useState<number>();

  const look = useCallback(() => {
    const { scrollTop = 0, clientHeight = 0 } = box.current ?? {};
    const from = Math.max(0, Math.floor(scrollTop / rowHeight) - MARGIN_ROWS);
    const to = Math.ceil((scrollTop + clientHeight) / rowHeight) + MARGIN_ROWS;
    setSeen((before) => (before.from === from && before.to === to ? before : { from, to }));
  }, [rowHeight]);
  useLayoutEffect(look, [look]);

  const show = useCallback(
    (index: number) => {
      if (!box.current) return;
      const top = index * rowHeight;
      const { scrollTop, clientHeight } = box.current;
      if (top < scrollTop) box.current.scrollTop = top;
      else if (top + rowHeight > scrollTop + clientHeight) box.current.scrollTop = top + rowHeight - clientHeight;
    },
    [rowHeight],
  );
  useEffect(() => {
    if (current !== undefined) show(current);
  }, [current, show]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const index = Math.max(0, Math.min(events.length - 1, (chosen ?? -1) + step));
    setChosen(index);
    show(index);
  };

  // The row that was pressed is gone when it is out of sight, and the keys with it: the list has them.
  const choose = (index: number): void => {
    setChosen(index);
    box.current?.focus({ preventScroll: true });
  };

  const part = events.slice(seen.from, seen.to);
  const detail = chosen === undefined ? undefined : events[chosen];
  const active = chosen !== undefined && chosen >= seen.from && chosen < seen.to ? `event-${chosen}` : undefined;
  return (
    <div className="event-list">
      <div
        className="event-rows"
        ref={box}
        onScroll={look}
        onKeyDown={onKeyDown}
        tabIndex={0}
        role="listbox"
        aria-label="Events, in order"
        {...(active === undefined ? {} : { "aria-activedescendant": active })}
      >
        <div style={{ height: Math.min(seen.from, events.length) * rowHeight }} role="presentation" />
        {part.map((event, index) => (
          <EventRow
            key={seen.from + index}
            event={event}
            index={seen.from + index}
            total={events.length}
            chosen={chosen === seen.from + index}
            current={current === seen.from + index}
            onChoose={choose}
          />
        ))}
        <div style={{ height: Math.max(0, events.length - seen.to) * rowHeight }} role="presentation" />
      </div>
      {detail && (
        <pre className="event-detail" tabIndex={0} aria-label={`Event ${detail.id}`}>
          {indented(detail.text)}
        </pre>
      )}
    </div>
  );
}

const STEPS: Readonly<Record<string, number>> = {
  ArrowDown: 1,
  ArrowUp: -1,
  PageDown: 20,
  PageUp: -20,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

interface EventRowProps {
  readonly event: ShownEvent;
  readonly index: number;
  readonly total: number;
  readonly chosen: boolean;
  readonly current: boolean;
  readonly onChoose: (index: number) => void;
}

function EventRow({ event, index, total, chosen, current, onChoose }: EventRowProps): ReactNode {
  return (
    <button
      type="button"
      tabIndex={-1}
      id={`event-${index}`}
      className="event-row"
      role="option"
      aria-selected={chosen}
      aria-posinset={index + 1}
      aria-setsize={total}
      data-current={current}
      onClick={() => onChoose(index)}
    >
      <span className="event-offset">{event.id}</span>
      <span className="event-name">{event.name}</span>
      <span className="event-text">{event.text.slice(0, 400)}</span>
    </button>
  );
}
