import { SluiceError } from "../base/errors.ts";
import type { Position } from "../base/offset.ts";
import { encodeFrames, inPieces, type Reading } from "./encode-entry.ts";
import type { Piece } from "./delivery/piece.ts";
import { STEP, parseEntry } from "./replay.ts";
import type { Service } from "./service.ts";

/**
 * A run's frames after a position, for a dialect that words no entry without those before it: every reader goes through
 * all from the start. It pulls: a piece has at most 64 KiB, and the next one is made when it was taken. Returns after
 * the terminal; a log that is gone and a store that is released are errors.
 */
export async function* deliver(
  service: Service,
  reading: Reading & { readonly after: Position },
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  const { run, dialect, framing, after } = reading;
  const word = dialect.open({ runId: run.id, createdAt: run.createdAt });
  for await (const slice of service.runs.store.tail(run.id, { after: 0, ...STEP, signal })) {
    let text = "";
    let sequence = slice.after;
    for (const entry of slice.entries) {
      sequence += 1;
      const frames = word(parseEntry(entry), sequence);
      if (sequence <= after.sequence) continue;
      const skip = sequence - 1 === after.sequence ? after.skip : 0;
      text += encodeFrames(frames, sequence, framing, skip).join("");
    }
    for (const piece of await inPieces(text, service.turn)) yield piece;
    if (slice.end) return;
    await service.turn();
  }
  signal.throwIfAborted();
  throw new SluiceError("log/released", "The store was let go of while a reader was in it.");
}
