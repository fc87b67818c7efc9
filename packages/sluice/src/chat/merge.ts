import { canonicalJson } from "../base/json.ts";
import { isApplicationEvent } from "./events.ts";
import type { ChatEvent, RunEvent } from "./events.ts";

const MAX_LENGTH = 16_384;

/**
 * One delta in place of two that follow each other, when nobody could tell the difference in the folded message;
 * else undefined. Keys nobody here knows are never lost: a delta that has some is not joined.
 */
export function mergeEvents(a: RunEvent, b: RunEvent): RunEvent | undefined {
  if (!isDelta(a) || !isDelta(b)) return undefined;
  if (a.type === "tool-input-delta") {
    if (b.type !== a.type || b.toolCallId !== a.toolCallId) return undefined;
    return { ...a, inputTextDelta: a.inputTextDelta + b.inputTextDelta };
  }
  if (b.type !== a.type || b.id !== a.id || !addsNothing(a.providerMetadata, b.providerMetadata)) return undefined;
  return { ...a, delta: a.delta + b.delta };
}

/** The same run in fewer events: deltas that follow each other are joined, up to `maxLength` characters each. */
export function mergeRun(events: readonly RunEvent[], maxLength: number = MAX_LENGTH): RunEvent[] {
  const merged: RunEvent[] = [];
  let last: RunEvent | undefined;
  for (const event of events) {
    const joined: RunEvent | undefined = last && mergeEvents(last, event);
    if (joined !== undefined && lengthOf(joined) <= maxLength) {
      merged[merged.length - 1] = joined;
      last = joined;
    } else {
      merged.push(event);
      last = event;
    }
  }
  return merged;
}

// A delta without metadata leaves the part's as it is, so the joined one may carry what the first had.
function addsNothing(first: unknown, second: unknown): boolean {
  if (second === undefined || second === first) return true;
  return first !== undefined && canonicalJson(first) === canonicalJson(second);
}

type Delta = Extract<ChatEvent, { readonly type: "text-delta" | "reasoning-delta" | "tool-input-delta" }>;

const KEYS: ReadonlyMap<string, readonly string[]> = new Map<Delta["type"], readonly string[]>([
  ["text-delta", ["type", "id", "delta", "providerMetadata"]],
  ["reasoning-delta", ["type", "id", "delta", "providerMetadata"]],
  ["tool-input-delta", ["type", "toolCallId", "inputTextDelta"]],
]);

function isDelta(event: RunEvent): event is Delta {
  const known = isApplicationEvent(event) ? undefined : KEYS.get(event.type);
  return known !== undefined && Object.keys(event).every((key) => known.includes(key));
}

function lengthOf(event: RunEvent): number {
  if (!isDelta(event)) return 0;
  return event.type === "tool-input-delta" ? event.inputTextDelta.length : event.delta.length;
}
