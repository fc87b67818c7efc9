import { SluiceError } from "../base/errors.ts";
import { blockOf, isPcm } from "../client/socket-messages.ts";
import type { Talk, TalkAnswer, TalkHandler } from "./types.ts";

export interface LoopbackOptions {
  /** Audio that is held at a time, of all talks together. Default 64 MiB; a talk beyond it is told to come back. */
  readonly maxHeldBytes?: number;
}

/**
 * Answers with what was said, once it is said: for a first try, and to tell a broken microphone from a broken model.
 * It understands nothing, and its transcript says so: how long the talk was, its bytes, its format.
 */
export function loopback({ maxHeldBytes = 67_108_864 }: LoopbackOptions = {}): TalkHandler {
  let held = 0;
  return async function* answer(talk: Talk): AsyncGenerator<TalkAnswer> {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    try {
      for await (const piece of talk.audio) {
        if (held + piece.byteLength > maxHeldBytes) {
          throw new SluiceError("run/too-many", "The loopback has as much audio as it can hold. Try again soon.", {
            details: { retryAfterMs: 2_000 },
          });
        }
        held += piece.byteLength;
        bytes += piece.byteLength;
        pieces.push(piece);
      }
      yield { transcript: `Loopback: ${factsOf(talk, bytes)}.` };
      if (bytes === 0) return;
      yield { format: talk.format };
      yield* pieces;
    } finally {
      held -= bytes;
    }
  };
}

function factsOf({ format, durationMs }: Talk, bytes: number): string {
  const { sampleRate = 0, channels } = format;
  const ms = isPcm(format) ? (bytes / blockOf(format) / sampleRate) * 1000 : durationMs;
  const kind = isPcm(format) ? `${format.mimeType}, ${sampleRate} Hz, ${channels} ch` : format.mimeType;
  const size = `${bytes.toLocaleString("en-US")} bytes`;
  return ms === undefined ? `${size}, ${kind}` : `${(ms / 1000).toFixed(1)} s of audio, ${size}, ${kind}`;
}
