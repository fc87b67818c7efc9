import { untilAborted } from "../base/abort.ts";
import { ERROR_CODES, SluiceError, publicError } from "../base/errors.ts";
import { randomId } from "../base/id.ts";
import { wrongOption } from "../base/options.ts";
import { parseFormat, type FileOpening, type TalkOpening, type Totals } from "../client/socket-messages.ts";
import type { Release } from "../http/limits.ts";
import { createAudioQueue } from "./audio-queue.ts";
import { hasLeft, type Line } from "./line.ts";
import { breach, tooLong } from "./refusals.ts";
import type { Settings } from "./settings.ts";
import type { TalkAnswer } from "./types.ts";

/** One talk and its answer. */
export interface Turn {
  readonly name: number;
  /** The client has neither committed nor cancelled it. */
  readonly talking: boolean;
  /** Resolves when its answer has ended in any way, and its client was told. Never rejects. */
  readonly ended: Promise<void>;
  readonly over: boolean;
  /** Resolves when more may be read. @throws SluiceError for a client that does not keep to the protocol */
  take(chunk: Uint8Array): Promise<void>;
  /** @throws SluiceError `socket/protocol` when something is missing */
  commit(totals: Totals): void;
  /** The client wants no answer: it ends at once. What was said before may still come, and is dropped. */
  giveUp(): void;
  /** The same, in its turn: nothing more of the talk comes. */
  cancel(): void;
  /** Ends the answer with an error that the client is told. */
  stop(reason: SluiceError): void;
}

export interface TurnContext {
  readonly settings: Settings;
  readonly line: Line;
  readonly owner: string;
  /** Fires when the connection has gone. */
  readonly gone: AbortSignal;
}

export type Opening =
  | { readonly kind: "chunks"; readonly data: TalkOpening }
  | { readonly kind: "file"; readonly data: FileOpening };

/** Of the answer's binary messages: little enough to play at once, and to be taken by a slow client within `stallMs`. */
const PIECE_BYTES = 16_384;

export function startTurn(opening: Opening, { settings, line, owner, gone }: TurnContext): Turn {
  const { clock, log, handler, admit } = settings;
  const { turn, format, scope } = opening.data;
  const expected = opening.kind === "file" ? opening.data.bytes : undefined;
  const stopping = new AbortController();
  const queue = createAudioQueue();
  const received = { chunks: 0, bytes: 0 };
  const sent = { chunks: 0, bytes: 0 };
  let announced = false;
  let talking = true;
  let over = false;
  let cancelled = false;

  const stop = (reason: SluiceError): void => {
    stopping.abort(reason);
    queue.discard(reason);
  };
  const leave = (): void => stop(hasLeft());
  const giveUp = (): void => {
    if (over) return;
    cancelled = true;
    leave();
  };
  gone.addEventListener("abort", leave, { once: true });
  const stopTimer = clock.timer(settings.maxTurnMs, () => stop(tooLong("The answer", settings.maxTurnMs)));
  const acknowledge = createAcknowledger(() =>
    line.send({ type: "voice:chunk_received", data: { turn, ...received } }),
  );
  const ended = run().catch((error: unknown) => log("error", "turn failed", { code: "PROCESSING_ERROR", error }));

  async function run(): Promise<void> {
    let release: Release;
    try {
      release = await admit?.(owner, "talk");
      const durationMs = opening.kind === "file" ? opening.data.durationMs : undefined;
      const talk = { audio: queue, format, kind: opening.kind, durationMs, scope, owner, signal: stopping.signal };
      for await (const piece of untilAborted(handler(talk), stopping.signal)) await say(piece);
      await line.send({ type: "voice:received_end_of_response_stream", data: { turn, ...sent, reason: "finish" } });
    } catch (error) {
      await tell(stopping.signal.aborted ? stopping.signal.reason : error).catch(() => {}); // who has left is not told
    } finally {
      stopTimer();
      gone.removeEventListener("abort", leave);
      queue.discard(hasLeft());
      over = true;
      release?.();
    }
  }

  async function say(piece: TalkAnswer): Promise<void> {
    if (piece instanceof Uint8Array) return sayAudio(piece);
    if ("format" in piece) {
      const answer = parseFormat(piece.format);
      if (answer === undefined) throw wrongOption("format", "The format of the answer cannot be played.");
      if (announced) throw wrongOption("format", "An answer has one format.");
      announced = true;
      return line.send({ type: "metadata", data: { turn, format: answer } });
    }
    if ("transcript" in piece) {
      const { transcript: text, final = true } = piece;
      return line.send({ type: "control-message", data: { turn, name: "transcript", text, final } });
    }
    return line.send({ type: "control-message", data: { turn, name: piece.control, data: piece.data } });
  }

  async function sayAudio(audio: Uint8Array): Promise<void> {
    if (!announced) throw wrongOption("format", "A handler says the format of its audio before the audio.");
    if (sent.bytes + audio.byteLength > settings.maxAnswerBytes) throw tooLarge("The answer", settings.maxAnswerBytes);
    for (let at = 0; at < audio.byteLength; at += PIECE_BYTES) {
      stopping.signal.throwIfAborted();
      const piece = audio.subarray(at, at + PIECE_BYTES);
      sent.chunks += 1;
      sent.bytes += piece.byteLength;
      await line.send(piece);
    }
  }

  async function tell(error: unknown): Promise<void> {
    if (gone.aborted) return;
    if (cancelled) {
      await line.send({ type: "voice:received_end_of_response_stream", data: { turn, ...sent, reason: "cancelled" } });
      return;
    }
    const { code, message, details } = publicError(error);
    const status = ERROR_CODES[code];
    const traceId = randomId("trace");
    const ours = status >= 500 && details["retryAfterMs"] === undefined;
    log(ours ? "error" : "info", "talk not answered", {
      code,
      turn,
      traceId,
      ...(ours ? { error } : { reason: message }),
    });
    await line.send({ type: "error", data: { turn, code, message, traceId } });
  }

  return {
    name: turn,
    ended,
    get talking() {
      return talking;
    },
    get over() {
      return over;
    },
    async take(chunk) {
      if (chunk.byteLength === 0) throw breach("A piece of audio is empty.");
      received.chunks += 1;
      received.bytes += chunk.byteLength;
      const most = expected ?? settings.maxTalkBytes;
      if (received.bytes > most) throw tooLarge(expected === undefined ? "The talk" : "The file", most);
      if (opening.kind === "chunks") acknowledge();
      await queue.push(chunk);
    },
    commit({ chunks, bytes }) {
      const missing = expected !== undefined && expected !== received.bytes;
      if (chunks !== received.chunks || bytes !== received.bytes || missing) {
        throw breach(
          `The talk came in ${received.chunks} pieces with ${received.bytes} bytes, not as it was committed.`,
        );
      }
      talking = false;
      queue.end();
      if (opening.kind === "chunks") acknowledge();
      else void line.send({ type: "voice:file_received", data: { turn, ...received } }).catch(() => {});
    },
    giveUp,
    cancel() {
      talking = false;
      giveUp();
    },
    stop,
  };
}

// One on the way at a time, with all that has come meanwhile: a client that reads nothing gets no pile of them.
function createAcknowledger(send: () => Promise<void>): () => void {
  let sending = false;
  let again = false;
  const acknowledge = (): void => {
    again = sending;
    if (sending) return;
    sending = true;
    send().then(
      () => {
        sending = false;
        if (again) acknowledge();
      },
      () => {}, // gone
    );
  };
  return acknowledge;
}

function tooLarge(what: string, limit: number): SluiceError {
  return new SluiceError("request/too-large", `${what} is larger than ${limit} bytes.`, { details: { limit } });
}
