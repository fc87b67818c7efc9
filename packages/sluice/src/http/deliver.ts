import { SluiceError } from "../base/errors.ts";
import { formatOffset, formatPosition, type Position } from "../base/offset.ts";
import type { RunEvent } from "../chat/index.ts";
import type { Dialect } from "../dialects/index.ts";
import type { LogStore } from "../log/index.ts";
import type { RunState } from "../run/index.ts";
import { encodeEvent } from "../sse/index.ts";

export interface Delivery {
  readonly store: LogStore;
  readonly run: RunState;
  readonly dialect: Dialect;
  /** What the reader has. */
  readonly after: Position;
  /** `<runId>~` where a bare EventSource reads, else empty. */
  readonly idPrefix: string;
  readonly signal: AbortSignal;
}

const MANY = 256;

/**
 * A run's frames after a position, as text, each with its id: the last frame of an entry carries the entry's offset,
 * those before it `<offset before>.<k>`. It pulls: the log is asked again when the last text was taken.
 * Returns after the terminal; a reader that leaves, a log that is gone and a store that is released are errors.
 */
export async function* deliver(delivery: Delivery): AsyncGenerator<string> {
  const { store, run, dialect, after, signal } = delivery;
  const word = dialect.open({ runId: run.id, createdAt: run.createdAt });
  const from = dialect.stateless ? after.sequence : 0;
  for await (const slice of store.tail(run.id, { after: from, signal })) {
    let text = "";
    let sequence = slice.after;
    for (const entry of slice.entries) {
      sequence += 1;
      // Written by this library's writer, which has checked it.
      const frames = word(JSON.parse(entry) as RunEvent, sequence);
      if (sequence > after.sequence) text += encodeFrames(frames, sequence, delivery);
    }
    if (text !== "") yield text;
    if (slice.end) return;
    // A long way to catch up must not keep the other readers of this process waiting.
    if (slice.entries.length > MANY) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  signal.throwIfAborted();
  throw new SluiceError("log/released", "The store was let go of while a reader was in it.");
}

function encodeFrames(frames: ReturnType<ReturnType<Dialect["open"]>>, sequence: number, delivery: Delivery): string {
  const { after, idPrefix } = delivery;
  const before = sequence - 1;
  // An id that claims more frames than there are is no reason to leave the last one out.
  const skip = before === after.sequence ? Math.min(after.skip, frames.length - 1) : 0;
  let text = "";
  for (let index = Math.max(skip, 0); index < frames.length; index += 1) {
    const last = index === frames.length - 1;
    const id = last ? formatOffset(sequence) : formatPosition({ sequence: before, skip: index + 1 });
    text += encodeEvent({ ...frames[index], id: idPrefix + id });
  }
  return text;
}
