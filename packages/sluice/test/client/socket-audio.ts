import type { AudioFormat, PlayOptions, RecordOptions, UpstreamMode, VoiceAudio } from "sluice/client";
import { PCM } from "../socket/support.ts";

/** A microphone and a loudspeaker that do what the test says. */
export interface FakeAudio extends VoiceAudio {
  /** Into the microphone that is on. */
  say(...pieces: readonly Uint8Array[]): void;
  unplug(error: Error): void;
  /** All that was handed to the loudspeaker. */
  heard(): Buffer;
  readonly formats: readonly AudioFormat[];
  readonly modes: readonly UpstreamMode[];
  /** The last sound has been heard. */
  played(): void;
  unplayable(error: Error): void;
  /** Of the answer that plays, or the last one. */
  readonly complete: boolean;
  readonly microphoneOn: boolean;
  readonly stopped: number;
  readonly closed: number;
  /** The next `record` waits for this, or fails with it. */
  permission: Promise<void>;
  /** What is said when the microphone is turned off. */
  last: Uint8Array | undefined;
}

export function fakeAudio(): FakeAudio {
  const heard: Uint8Array[] = [];
  const formats: AudioFormat[] = [];
  const modes: UpstreamMode[] = [];
  let recording: RecordOptions | undefined;
  let playing: PlayOptions | undefined;
  let complete = false;
  let stopped = 0;
  let closed = 0;
  return {
    context: undefined,
    permission: Promise.resolve(),
    last: undefined,
    wake() {},
    async record(options) {
      modes.push(options.mode);
      await this.permission;
      options.signal.throwIfAborted();
      recording = options;
      const off = (): void => {
        if (recording === options) recording = undefined;
      };
      return {
        format: options.mode === "STREAM_WHILE_TALK" ? PCM : { mimeType: "audio/webm;codecs=opus" },
        stop: async () => {
          if (this.last) options.onPiece(new Uint8Array(this.last));
          off();
          return 1_500;
        },
        cancel: off,
      };
    },
    play(options) {
      formats.push(options.format);
      playing = options;
      complete = false;
      return {
        add: (piece) => void heard.push(piece.slice()),
        end: () => (complete = true),
        stop: () => {
          stopped += 1;
        },
      };
    },
    close: () => (closed += 1),
    say: (...pieces) => pieces.forEach((piece) => recording?.onPiece(new Uint8Array(piece))),
    unplug: (error) => recording?.onLost(error),
    heard: () => Buffer.concat(heard),
    formats,
    modes,
    played: () => playing?.onPlayed(),
    unplayable: (error) => playing?.onError(error),
    get complete() {
      return complete;
    },
    get microphoneOn() {
      return recording !== undefined;
    },
    get stopped() {
      return stopped;
    },
    get closed() {
      return closed;
    },
  };
}
