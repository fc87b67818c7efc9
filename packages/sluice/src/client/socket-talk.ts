import type { Clock } from "../base/clock.ts";
import { SluiceError } from "../base/errors.ts";
import type { Recorder, UpstreamMode, VoiceAudio } from "./socket-audio.ts";
import { noConnection, type SocketConnection } from "./socket-connection.ts";
import type { Totals } from "./socket-messages.ts";
import { startTimer } from "./wait.ts";

/** What a person says, on its way up. */
export interface OutgoingTalk {
  readonly turn: number;
  /** Neither committed nor cancelled. */
  readonly open: boolean;
  /** Whether the server has all of it. */
  isAll(totals: Totals): boolean;
  /** Resolves when the microphone records. @throws SluiceError; the reason, when it was cancelled meanwhile */
  start(onLost: (error: unknown) => void): Promise<void>;
  /** Turns the microphone off, sends what is left and commits. */
  finish(): Promise<void>;
  /** Turns the microphone off and tells the server, unless it has said its last word on a talk that was committed. */
  cancel(answered: boolean): void;
}

export interface TalkSettings {
  readonly turn: number;
  readonly mode: UpstreamMode;
  readonly scope: string | undefined;
  readonly audio: VoiceAudio;
  readonly connection: SocketConnection;
  readonly clock: Clock;
  /** The server takes no longer talk: this one is over. */
  readonly onFull: () => void;
}

/** What may wait in the browser to be sent: over a minute of live talk. A connection that is slower is none. */
const MOST_UNSENT_BYTES = 4_194_304;
/** A talk ends before the server would end it. */
const PART_OF_LIMIT = 0.95;

export function createTalk({ turn, mode, scope, audio, connection, clock, onFull }: TalkSettings): OutgoingTalk {
  const live = mode === "STREAM_WHILE_TALK";
  const cancelling = new AbortController();
  const waiting: Uint8Array<ArrayBuffer>[] = [];
  const said = { chunks: 0, bytes: 0 };
  let recorder: Recorder | undefined;
  let recorded = 0;
  let full = false;
  let finished = false;
  let opened = false;
  let open = true;
  let stopTimer = (): void => {};
  let fail = (_error: unknown): void => {};

  function take(piece: Uint8Array<ArrayBuffer>): void {
    if (!open || full) return;
    const most = connection.welcome?.maxTalkBytes ?? MOST_UNSENT_BYTES;
    if (recorded + piece.byteLength > most) {
      // What follows is not taken either: a talk with a hole in it is worse than a short one.
      full = true;
      onFull();
      return;
    }
    recorded += piece.byteLength;
    waiting.push(piece);
    if (live) flush();
  }

  /** What has been recorded waits for the connection: whoever is quick to talk loses no word. */
  function flush(): void {
    const { socket, welcome } = connection;
    if (!socket || !welcome || !open || !recorder) return;
    if (!opened) {
      opened = true;
      connection.send({ type: "voice:send_chunk", data: { turn, scope, format: recorder.format } });
      stopTimer = startTimer(clock, welcome.maxTalkMs * PART_OF_LIMIT, onFull);
    }
    sendAll(welcome.maxMessageBytes);
    if (socket.bufferedAmount > MOST_UNSENT_BYTES) {
      const error = new SluiceError("socket/lost", "The connection does not keep up with the talk.");
      connection.abandon(error);
      fail(error);
    }
  }

  function sendAll(most: number): void {
    for (const piece of waiting.splice(0)) {
      for (let at = 0; at < piece.byteLength; at += most) {
        const part = piece.subarray(at, at + most);
        said.chunks += 1;
        said.bytes += part.byteLength;
        connection.send(part);
      }
    }
  }

  function sendFile(durationMs: number): void {
    const { welcome } = connection;
    if (!welcome || !recorder) throw noConnection();
    const { format } = recorder;
    connection.send({ type: "voice:send_file", data: { turn, scope, format, bytes: recorded, durationMs } });
    opened = true;
    sendAll(welcome.maxMessageBytes);
  }

  return {
    turn,
    get open() {
      return open;
    },
    isAll: ({ chunks, bytes }) => !open && chunks === said.chunks && bytes === said.bytes,
    async start(onLost) {
      fail = onLost;
      const { signal } = cancelling;
      const ready = connection.whenOpen();
      ready.catch(() => {}); // awaited below, and not at all where there is no microphone
      recorder = await audio.record({ mode, signal, onPiece: take, onLost });
      // It may have come on in the moment in which it was no longer wanted.
      if (!open) recorder.cancel();
      signal.throwIfAborted();
      await ready;
      if (live) flush();
    },
    async finish() {
      if (!recorder || finished) return;
      finished = true;
      const durationMs = await recorder.stop();
      stopTimer();
      if (!open) return;
      if (live) flush();
      else if (recorded > 0) sendFile(durationMs);
      if (!connection.welcome) throw noConnection();
      open = false;
      if (opened) connection.send({ type: "voice:commit", data: { turn, ...said } });
      else throw new SluiceError("audio/no-microphone", "Nothing was recorded.");
    },
    cancel(answered) {
      stopTimer();
      cancelling.abort(new SluiceError("reader/left", "The talk was given up."));
      recorder?.cancel();
      waiting.length = 0;
      if (opened && (open || !answered)) connection.send({ type: "voice:cancel", data: { turn } });
      open = false;
    },
  };
}
