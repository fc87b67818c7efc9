import { isErrorCode, SluiceError } from "../base/errors.ts";
import { systemRandom } from "../base/id.ts";
import { createBrowserAudio } from "./socket-browser-audio.ts";
import type { Player, VoiceAudio } from "./socket-audio.ts";
import { createSocketConnection, type SocketConnectionState } from "./socket-connection.ts";
import type { Control, DownMessage, Failed } from "./socket-messages.ts";
import { nextState, type TurnEvent } from "./socket-state.ts";
import { createTalk, type OutgoingTalk } from "./socket-talk.ts";
import type {
  SocketConfig,
  SocketConversation,
  SocketConversationClientOptions,
  SocketConversationState,
  TalkOptions,
  Transcript,
} from "./socket-types.ts";
import { waitingClock } from "./wait.ts";
import { browserWake } from "./wake.ts";

const FIRST: SocketConversationState = {
  voiceAgentState: "READY",
  error: undefined,
  connection: { status: "closed" },
  transcripts: [],
  audioContext: undefined,
  socket: undefined,
};

/** A turn as far as this page has to do with it. */
interface Turn {
  readonly talk: OutgoingTalk;
  player: Player | undefined;
  /** The server says no more of it. */
  ended: boolean;
}

/**
 * Talks with a server over a WebSocket (PROTOCOL.md section 12): microphone up, answer down and heard. A connection that
 * is lost between turns comes back unseen; in a turn it is an error that the person sees.
 */
export function createSocketConversation(options: SocketConversationClientOptions = {}): SocketConversation {
  const { socketConfig = {}, clock = waitingClock, random = systemRandom, wake = browserWake } = options;
  const audio = options.audio ?? browserAudio(socketConfig, clock);
  const listeners = new Set<() => void>();
  let snapshot = FIRST;
  let turn: Turn | undefined;
  let lastTurn = 0;
  /** Whose audio the binary messages are. */
  let speaking: number | undefined;

  const connection = createSocketConnection({
    url: () => urlOf(socketConfig),
    token: socketConfig.token,
    connectMs: socketConfig.connectMs ?? 10_000,
    WebSocket: options.WebSocket ?? globalThis.WebSocket,
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    clock,
    random,
    wake,
    onState: connectionChanged,
    onMessage: receive,
    onAudio: hear,
    onLost(error) {
      if (turn && !(turn.ended && !turn.talk.open)) fail(error);
    },
  });

  function connectionChanged(state: SocketConnectionState): void {
    const { connection: before } = snapshot;
    let { error } = snapshot;
    if (state.status === "failed") error = state.error;
    // What was wrong with the connection is not any more; what was wrong with a talk stays to be seen.
    else if (before.status === "failed" && error === before.error) error = undefined;
    update({ connection: state, socket: connection.socket, error });
  }

  function receive(message: DownMessage): void {
    if (message.type === "ready" || message.type === "ping") return;
    if (message.type === "error" && message.data.turn === undefined) {
      fail(serverError(message.data));
      return;
    }
    // Late: of a turn that has been given up.
    if (!turn || turn.talk.turn !== message.data.turn) return;
    switch (message.type) {
      case "voice:chunk_received":
      case "voice:file_received":
        if (turn.talk.isAll(message.data)) step({ kind: "received" });
        return;
      case "metadata":
        speaking = message.data.turn;
        turn.player?.stop();
        turn.player = audio.play({
          format: message.data.format,
          onPlayed: () => step({ kind: "played" }),
          onError: fail,
        });
        return;
      case "control-message":
        control(message.data);
        return;
      case "voice:received_end_of_response_stream":
        answered(turn);
        return;
      case "error":
        fail(serverError(message.data));
    }
  }

  function hear(piece: Uint8Array): void {
    if (!turn?.player || turn.talk.turn !== speaking) return;
    step({ kind: "audio" });
    turn.player.add(piece);
  }

  function control(message: Control): void {
    const { name, text, final = true } = message;
    if (name === "transcript" && text !== undefined) {
      const kept = snapshot.transcripts.filter((transcript) => transcript.final);
      update({ transcripts: [...kept, { text, final } satisfies Transcript] });
    }
    options.onControl?.(message);
  }

  function answered(of: Turn): void {
    of.ended = true;
    // Nobody listens any more: the talk is over, whether the person has noticed or not.
    if (of.talk.open) void stopRecording();
    step({ kind: "end", playing: of.player !== undefined });
    of.player?.end();
  }

  async function startRecording(talkOptions: TalkOptions = {}): Promise<void> {
    // The button was pressed twice: what it asked for goes on, or is about to.
    const { voiceAgentState: before } = snapshot;
    if (turn && !turn.ended && (before === "READY" || before === "RECORDING")) return;
    giveUp();
    const mode = talkOptions.upstreamMode ?? options.upstreamMode ?? "STREAM_WHILE_TALK";
    const scope = talkOptions.scope ?? options.scope;
    lastTurn += 1;
    const talk = createTalk({
      turn: lastTurn,
      mode,
      scope,
      audio,
      connection,
      clock,
      onFull: () => void stopRecording(),
    });
    const mine: Turn = { talk, player: undefined, ended: false };
    turn = mine;
    update({ error: undefined, transcripts: [], voiceAgentState: "READY" });
    try {
      // At once: browsers allow sound, and ask for the microphone, only while a gesture is handled.
      audio.wake();
      connection.open();
      await talk.start((error) => turn === mine && fail(error));
      if (turn !== mine) return;
      update({ audioContext: audio.context });
      step({ kind: "record" });
    } catch (error) {
      if (turn === mine) fail(error);
    }
  }

  async function stopRecording(): Promise<void> {
    const mine = turn;
    if (!mine?.talk.open) return;
    // It has not begun: the person is still being asked for the microphone.
    if (snapshot.voiceAgentState === "READY") cancel();
    if (snapshot.voiceAgentState !== "RECORDING") return;
    step({ kind: "stop" });
    if (mine.ended) step({ kind: "end", playing: mine.player !== undefined });
    try {
      await mine.talk.finish();
    } catch (error) {
      if (turn === mine) fail(error);
    }
  }

  function fail(error: unknown): void {
    giveUp();
    const told =
      error instanceof SluiceError
        ? error
        : new SluiceError("PROCESSING_ERROR", "The talk has failed.", { cause: error });
    update({ error: told, voiceAgentState: "READY" });
  }

  function cancel(): void {
    giveUp();
    step({ kind: "reset" });
  }

  /** Whatever goes on, it does not any more. */
  function giveUp(): void {
    const old = turn;
    turn = undefined;
    if (!old) return;
    old.player?.stop();
    old.talk.cancel(old.ended);
  }

  function step(event: TurnEvent): void {
    const voiceAgentState = nextState(snapshot.voiceAgentState, event, turn?.player !== undefined);
    if (voiceAgentState !== snapshot.voiceAgentState) update({ voiceAgentState });
  }

  function update(change: Partial<SocketConversationState>): void {
    snapshot = { ...snapshot, ...change };
    for (const listener of listeners) listener();
  }

  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    getSnapshot: () => snapshot,
    open: () => connection.open(),
    startRecording,
    stopRecording,
    cancel,
    close() {
      cancel();
      connection.close();
      audio.close();
      update({ audioContext: undefined, socket: undefined });
    },
  };
}

function browserAudio(config: SocketConfig, clock: typeof waitingClock): VoiceAudio {
  const { sampleRate = 24_000, microphone } = config;
  return createBrowserAudio({ workletUrl: () => workletUrlOf(config), sampleRate, constraints: microphone, clock });
}

function urlOf({ url = "/ws" }: SocketConfig): URL {
  const absolute = new URL(url, globalThis.location?.href);
  absolute.protocol = absolute.protocol.replace("http", "ws");
  return absolute;
}

function workletUrlOf(config: SocketConfig): URL {
  if (config.workletUrl !== undefined) return new URL(config.workletUrl, globalThis.location?.href);
  const url = urlOf(config);
  url.protocol = url.protocol.replace("ws", "http");
  url.pathname += "/worklet.js";
  return url;
}

function serverError({ code, message, traceId }: Failed): SluiceError {
  const details = { code, traceId };
  return new SluiceError(isErrorCode(code) ? code : "client/refused", message, { details });
}
