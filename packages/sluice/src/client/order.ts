import { type Position, parsePosition } from "../base/offset.ts";

/**
 * Tells of each id whether its event is new, that is after all events before it. Only ids of a run have an order
 * (`<offset>` or `<offset>.<k>`, maybe after `<runId>~`); an event with any other id is always new.
 */
export function createOrder(lastEventId: string | undefined): (id: string) => boolean {
  let last = parseEventId(lastEventId ?? "");
  return (id) => {
    const next = parseEventId(id);
    if (next === undefined) return true;
    if (last !== undefined && !isAfter(next, last)) return false;
    last = next;
    return true;
  };
}

function parseEventId(id: string): Position | undefined {
  try {
    return parsePosition(id.slice(id.lastIndexOf("~") + 1));
  } catch {
    return undefined;
  }
}

function isAfter(a: Position, b: Position): boolean {
  return a.sequence > b.sequence || (a.sequence === b.sequence && a.skip > b.skip);
}
