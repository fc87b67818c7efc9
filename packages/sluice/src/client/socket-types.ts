import type { Clock } from "../base/clock.ts";
import type { SluiceError } from "../base/errors.ts";
import type { Random } from "../base/id.ts";
import type { UpstreamMode, VoiceAudio } from "./socket-audio.ts";
import type { SocketConnectionState } from "./socket-connection.ts";
import type { Control } from "./socket-messages.ts";
import type { VoiceAgentState } from "./socket-state.ts";
import type { WakeSource } from "./wake.ts";

/** Where the conversation is had. */
export interface SocketConfig {
  /** Default `/ws` of the page's origin. */
  readonly url?: string | URL;
  /** A key of the server, for pages that have no cookie of it. */
  readonly token?: string;
  /** The module that reads the microphone. Default `<url>/worklet.js`, which a server of Sluice has. */
  readonly workletUrl?: string | URL;
  /** Hz of what is recorded live. Default 24,000. */
  readonly sampleRate?: number;
  /** For the microphone. Default: echo cancellation and noise suppression. */
  readonly microphone?: MediaTrackConstraints;
  /** What a handshake may take. Default 10,000. */
  readonly connectMs?: number;
}

/** What a talk is, where it differs from what the conversation was made with. */
export interface TalkOptions {
  /** What the talk is about, in the application's words; the handler is given it. 128 characters at most. */
  readonly scope?: string;
  /** Default `STREAM_WHILE_TALK`. */
  readonly upstreamMode?: UpstreamMode;
}

export interface SocketConversationClientOptions extends TalkOptions {
  readonly socketConfig?: SocketConfig;
  /** Every control message, transcripts too. */
  readonly onControl?: (control: Control) => void;
  /** For tests, and for places that are no browser. */
  readonly audio?: VoiceAudio;
  readonly WebSocket?: new (url: URL, protocols: string[]) => WebSocket;
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly wake?: WakeSource;
}

export interface Transcript {
  readonly text: string;
  /** False: the next one replaces it. */
  readonly final: boolean;
}

export interface SocketConversationState {
  readonly voiceAgentState: VoiceAgentState;
  /** Why the last talk came to nothing, or no connection is possible. Gone with the next talk. */
  readonly error: SluiceError | undefined;
  readonly connection: SocketConnectionState;
  /** Of the last talk, newest last; one that is not final is the last. */
  readonly transcripts: readonly Transcript[];
  /** For a picture of the sound. undefined before the first talk. */
  readonly audioContext: AudioContext | undefined;
  /** undefined while there is no connection. */
  readonly socket: WebSocket | undefined;
}

/** A store: the state is a new object whenever something of it has changed. */
export interface SocketConversation {
  subscribe(listener: () => void): () => void;
  getSnapshot(): SocketConversationState;
  /** Connects, and stays connected until `close`. */
  open(): void;
  /**
   * Opens the microphone; resolves when it records, or when it does not and `error` says why. What goes on of the turn
   * before is cancelled. To be called while a gesture is being handled, or browsers make no sound.
   */
  startRecording(options?: TalkOptions): Promise<void>;
  /** Ends the talk: it is answered now. */
  stopRecording(): Promise<void>;
  /** Gives up the turn: nothing is recorded and nothing is heard any more. */
  cancel(): void;
  /** Ends everything. It can be opened again. */
  close(): void;
}
