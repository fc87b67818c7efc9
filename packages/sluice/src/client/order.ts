import { type Position, parsePosition } from "../base/offset.ts";
import { parseUuid } from "../base/uuid.ts";

/**
 * Tells of each id whether its event is new, that is after all events before it. Only ids of a run have an order
 * (`<offset>`, `<offset>.<k>` or a UUID that tells it, maybe after `<runId>~`); an event with any other id is always new.
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
  const text = id.slice(id.lastIndexOf("~") + 1);
  try {
    return parseUuid(text)?.position ?? parsePosition(text);
  } catch {
    return undefined;
  }
}

function isAfter(a: Position, b: Position): boolean {
  return a.sequence > b.sequence || (a.sequence === b.sequence && a.skip > b.skip);
}
