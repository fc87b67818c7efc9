import { parsePosition } from "../base/offset.ts";
import { DELTA_END, TEXT_DELTA, splitApplicationEvent, splitDelta } from "../chat/delta-text.ts";
import { createFold } from "../chat/index.ts";
import type { Message, RunEvent } from "../chat/index.ts";
import { createAnswer } from "../dialects/answer.ts";
import type { LogSlice, LogStore } from "../log/index.ts";
import type { RunState } from "../run/index.ts";
import type { Service } from "./service.ts";
import type { Turn } from "./turns.ts";

/** Limits of one step through a log: about a millisecond's work. */
export const STEP = { maxEntries: 512, maxLength: 32_768 } as const;

export interface Replay {
  readonly store: LogStore;
  readonly runId: string;
  readonly after?: number;
  readonly last: number;
  readonly turn: Turn;
}

/** Whether more was there than one step gives. */
export function isFull({ entries }: LogSlice): boolean {
  if (entries.length >= STEP.maxEntries) return true;
  let length = 0;
  for (const entry of entries) length += entry.length;
  return length > STEP.maxLength / 2;
}

/**
 * Calls `each` for every event of a run after the entry `after` (default: from the first on) to the entry `last`, in
 * steps between which others have their turn. @throws what the store throws
 */
export async function replay(log: Replay, each: (event: RunEvent, sequence: number) => void): Promise<void> {
  const { store, runId, after = 0, last, turn } = log;
  for (let sequence = after; sequence < last;) {
    if (sequence > after) await turn();
    const { entries } = await store.read(runId, { after: sequence, ...STEP });
    for (const entry of entries.slice(0, last - sequence)) each(parseEntry(entry), (sequence += 1));
  }
}

/**
 * What the last frame of an answer shows, of a run up to the entry `last`. Deltas of text are joined before they are
 * parsed, and what it does not show is passed over: a run is mostly deltas.
 */
export async function answerOf({ runs, turn }: Service, runId: string, last: number): Promise<Message> {
  const answer = createAnswer(runId);
  let head = "";
  let literal = "";
  const flush = (): void => {
    if (literal !== "") answer.add(parseEntry(head + literal + DELTA_END));
    literal = "";
  };
  for (let sequence = 0; sequence < last;) {
    if (sequence > 0) await turn();
    const { entries } = await runs.store.read(runId, { after: sequence, ...STEP });
    for (const entry of entries.slice(0, last - sequence)) {
      sequence += 1;
      const delta = splitDelta(entry);
      if (delta && !delta.head.startsWith(TEXT_DELTA)) continue;
      if (delta?.head !== head || literal.length > STEP.maxLength) flush();
      if (delta) {
        head = delta.head;
        literal += delta.literal;
      } else if (!splitApplicationEvent(entry)) answer.add(parseEntry(entry));
    }
  }
  flush();
  return answer.message;
}

/** An entry of a run. This library's writer has written it, and checked it. */
export function parseEntry(entry: string): RunEvent {
  return JSON.parse(entry) as RunEvent;
}

/** The message as far as the log went when `run` was looked at: folded once for all who ask at the same time. */
export function messageOf({ runs, turn, messages }: Service, run: RunState): Promise<Message> {
  return messages(`${run.id} ${run.lastOffset}`, async () => {
    const fold = createFold();
    const { sequence: last } = parsePosition(run.lastOffset);
    await replay({ store: runs.store, runId: run.id, last, turn }, fold.add);
    return fold.message;
  });
}
