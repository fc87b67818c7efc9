import { SluiceError } from "../base/errors.ts";
import { createEntryEncoder, type Reading } from "./encode-entry.ts";
import { STEP } from "./replay.ts";
import type { Service } from "./service.ts";
import type { Turn } from "./turns.ts";

const encoder = new TextEncoder();

// In characters, about a millisecond. What an entry costs beside its length is counted as characters too.
const WORK_PER_TURN = 16_384;
const WORK_PER_ENTRY = 64;

/**
 * A run's frames after a position, as bytes of whole characters. It pulls: a piece has at most 64 KiB, and the next
 * one is made when it was taken. Returns after the terminal; a reader that leaves, a log that is gone and a store that
 * is released are errors.
 */
export async function* deliver(service: Service, reading: Reading, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { from, encode } = createEntryEncoder(service, reading);
  const pace = createPace(service.turn);
  for await (const slice of service.runs.store.tail(reading.run.id, { after: from, ...STEP, signal })) {
    let text = "";
    let work = 0;
    let sequence = slice.after;
    for (const entry of slice.entries) {
      work += entry.length + WORK_PER_ENTRY;
      const encoded = encode(entry, (sequence += 1));
      if (typeof encoded === "string") {
        text += encoded;
        continue;
      }
      if (text !== "") yield encoder.encode(text);
      text = "";
      for (const piece of await encoded) {
        signal.throwIfAborted();
        yield piece;
        await pace(piece.byteLength);
      }
    }
    if (text !== "") yield encoder.encode(text);
    if (slice.end) return;
    await pace(work);
  }
  signal.throwIfAborted();
  throw new SluiceError("log/released", "The store was let go of while a reader was in it.");
}

/**
 * Waits for a turn after much work: a reader with a long way to catch up, whose socket takes all of it at once, must
 * not keep the others of this process waiting. One that is live hardly ever waits.
 */
function createPace(turn: Turn): (work: number) => Promise<void> {
  let done = 0;
  return async (work) => {
    done += work;
    if (done < WORK_PER_TURN) return;
    done = 0;
    await turn();
  };
}
