import type { AudioFormat } from "./socket-messages.ts";

/** How a talk goes up: while it is said, or when it has been said. */
export type UpstreamMode = "STREAM_WHILE_TALK" | "UPLOAD_AFTER_TALK";

/** The ears and the mouth of a conversation. */
export interface VoiceAudio {
  /** undefined before the first talk: a browser makes sound only after a gesture. */
  readonly context: AudioContext | undefined;
  /** To be called while a gesture is being handled. Changes nothing that is heard. */
  wake(): void;
  /**
   * Opens the microphone. @throws SluiceError `audio/*`; the signal's reason, with the microphone off again, when it
   * fires first
   */
  record(options: RecordOptions): Promise<Recorder>;
  /** Something to play an answer with. */
  play(options: PlayOptions): Player;
  /** Turns off whatever is on. It can be used again. */
  close(): void;
}

export interface RecordOptions {
  readonly mode: UpstreamMode;
  readonly signal: AbortSignal;
  readonly onPiece: (piece: Uint8Array<ArrayBuffer>) => void;
  /** The microphone has been taken away. */
  readonly onLost: (error: Error) => void;
}

export interface Recorder {
  /** Live: PCM. Of a file: what the browser records, known at its end. */
  readonly format: AudioFormat;
  /** Turns the microphone off; resolves with the length when the last piece has been given. */
  stop(): Promise<number>;
  /** Turns the microphone off; nothing more comes. */
  cancel(): void;
}

export interface PlayOptions {
  readonly format: AudioFormat;
  /** All that was given has been heard, after `end`. */
  readonly onPlayed: () => void;
  readonly onError: (error: Error) => void;
}

export interface Player {
  /** PCM is heard as it comes, other formats when they are complete. */
  add(piece: Uint8Array): void;
  end(): void;
  /** At once, and without `onPlayed`. */
  stop(): void;
}
