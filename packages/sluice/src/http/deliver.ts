import { SluiceError } from "../base/errors.ts";
import { createEntryEncoder, type Reading } from "./encode-entry.ts";
import { STEP } from "./replay.ts";
import type { Service } from "./service.ts";

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
  let work = 0;
  for await (const slice of service.runs.store.tail(reading.run.id, { after: from, ...STEP, signal })) {
    let text = "";
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
        // A socket that takes much at once would be given all of it before anybody else has a turn.
        await service.turn();
      }
    }
    if (text !== "") yield encoder.encode(text);
    if (slice.end) return;
    if (work < WORK_PER_TURN) continue;
    // A long way to catch up must not keep the other readers of this process waiting.
    work = 0;
    await service.turn();
  }
  signal.throwIfAborted();
  throw new SluiceError("log/released", "The store was let go of while a reader was in it.");
}
