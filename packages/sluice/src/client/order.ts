import { type Position, parsePosition } from "../base/offset.ts";

/**
 * Tells of each id whether its event is new, that is after all events before it. Only ids of Sluice have an order
 * (`<offset>` or `<offset>.<k>`, maybe after `<runId>~`); an event with any other id is always new.
 */
export function createOrder(lastEventId: string | undefined): (id: string) => boolean {
  let last = parseEventId(lastEventId ?? "");
  return (id) => {
    const next = parseEventId(id);
    if (next === undefined) return true;
    if (last !== undefined && sameRun(last, next) && !isAfter(next, last)) return false;
    last = { ...next, run: next.run ?? last?.run };
    return true;
  };
}

interface EventPosition extends Position {
  /** The run's own URL words ids without it. */
  readonly run: string | undefined;
}

function parseEventId(id: string): EventPosition | undefined {
  const tilde = id.lastIndexOf("~");
  try {
    return { ...parsePosition(id.slice(tilde + 1)), run: tilde > 0 ? id.slice(0, tilde) : undefined };
  } catch {
    return undefined;
  }
}

function sameRun(a: EventPosition, b: EventPosition): boolean {
  return a.run === undefined || b.run === undefined || a.run === b.run;
}

function isAfter(a: Position, b: Position): boolean {
  return a.sequence > b.sequence || (a.sequence === b.sequence && a.skip > b.skip);
}
