import type { RawData, WebSocket } from "ws";
import { ERROR_CODES, SluiceError, publicError } from "../base/errors.ts";
import { randomId } from "../base/id.ts";
import { parseUp, type UpMessage } from "../client/socket-messages.ts";
import { createAllowance } from "./allowance.ts";
import { watchHeartbeat } from "./heartbeat.ts";
import { createLine } from "./line.ts";
import { CLOSE, breach, closeStatusOf, shuttingDown, tooLong } from "./refusals.ts";
import { MAX_TEXT_BYTES, type Settings } from "./settings.ts";
import { startTurn, type Opening, type Turn } from "./turn.ts";

/** One connection: turns, one after the other. */
export interface Conversation {
  /** Takes no new turn; ends with code 1012 when the one that goes on is over, at once where there is none. */
  drain(): void;
  /** Ends the turn with `run/shutdown`, and the connection. */
  shutDown(): void;
  readonly closed: Promise<void>;
}

export interface ConversationOptions {
  readonly settings: Settings;
  readonly owner: string;
}

type Message = UpMessage | Uint8Array;

interface Waiting {
  readonly message: Message;
  /** What it counts for while it waits. */
  readonly cost: number;
}

/** Of what has come and waits for its turn to be looked at. From here on nothing more is read. */
const HIGH_BYTES = 131_072;
/** After the deadline of a drain: for the error to be read, and the good-bye to be answered. */
const LAST_WORD_MS = 2_000;
/** What a message costs beside its bytes. */
const OVERHEAD_BYTES = 128;

export function startConversation(socket: WebSocket, { settings, owner }: ConversationOptions): Conversation {
  const { clock, log, heartbeatMs, maxMessageBytes, maxTalkBytes, maxTalkMs } = settings;
  const line = createLine(socket, settings);
  const leaving = new AbortController();
  const pending: Waiting[] = [];
  const allowance = createAllowance(clock);
  let waiting = 0;
  let working = false;
  let ending = false;
  let draining = false;
  let turn: Turn | undefined;
  let stopTalkTimer = (): void => {};
  let stopCut = (): void => {};

  const heartbeat = watchHeartbeat(socket, { line, clock, heartbeatMs, log });
  socket.on("message", onMessage);
  // What `ws` finds wrong (a frame too large, text that is no UTF-8) it answers itself, with the right code.
  socket.on("error", (error) => {
    log("info", "conversation broken", { code: "socket/protocol", owner, reason: error.message });
    ending = true;
    drop();
  });
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => {
      ending = true;
      drop();
      heartbeat.stop();
      stopCut();
      leaving.abort();
      resolve();
    });
  });
  tell({ type: "ready", data: { heartbeatMs, maxMessageBytes, maxTalkBytes, maxTalkMs } });

  function onMessage(data: RawData, isBinary: boolean): void {
    heartbeat.heard();
    if (ending) return;
    const bytes = bytesOf(data);
    try {
      const message = isBinary ? bytes : parseText(bytes);
      const cost = bytes.byteLength + OVERHEAD_BYTES;
      pending.push({ message, cost });
      waiting += cost;
      // Not behind audio that its handler does not take: that may be why it is cancelled.
      if ("type" in message && message.type === "voice:cancel" && turn?.name === message.data.turn) turn.giveUp();
      if (waiting > HIGH_BYTES) pause();
    } catch (error) {
      fail(error);
      return;
    }
    if (!working) void work();
  }

  function parseText(bytes: Uint8Array): UpMessage {
    if (!allowance.take()) {
      throw new SluiceError("request/rate-limited", "There were too many messages.", {
        details: { retryAfterMs: 1_000 },
      });
    }
    const text = bytes.byteLength > MAX_TEXT_BYTES ? "" : Buffer.from(bytes).toString("utf8");
    const message = parseUp(text);
    if (message === undefined) throw breach("This is no message of the protocol sluice.voice.v1.");
    return message;
  }

  /** In order, the next one when the last is dealt with. */
  async function work(): Promise<void> {
    working = true;
    try {
      for (let next = pending.shift(); next !== undefined && !ending; next = pending.shift()) {
        await handle(next.message);
        waiting -= next.cost;
        if (waiting <= HIGH_BYTES) resume();
      }
    } catch (error) {
      fail(error);
    } finally {
      working = false;
    }
  }

  async function handle(message: Message): Promise<void> {
    if (message instanceof Uint8Array) {
      if (!turn?.talking) throw breach("Audio came outside of a talk.");
      await turn.take(message);
      return;
    }
    switch (message.type) {
      case "voice:send_chunk":
        return open({ kind: "chunks", data: message.data });
      case "voice:send_file":
        return open({ kind: "file", data: message.data });
      case "voice:commit":
        if (!turn?.talking || turn.name !== message.data.turn)
          throw breach("This turn is not the one that is talked in.");
        stopTalkTimer();
        turn.commit(message.data);
        return;
      case "voice:cancel":
        // One that is over may be cancelled: its end and the cancelling met on the way.
        if (turn?.name !== message.data.turn) throw breach("This turn is not the one that goes on.");
        stopTalkTimer();
        turn.cancel();
    }
  }

  async function open(opening: Opening): Promise<void> {
    const { data } = opening;
    if (turn?.talking) throw breach("The talk before this one was neither committed nor cancelled.");
    // Its client is told of an end before it may ask for the next one, or was the one to cancel it.
    if (turn && !turn.over) await turn.ended;
    if (data.turn <= (turn?.name ?? -1)) throw breach("Numbers of turns rise.");
    if (ending) return;
    if (draining) throw new SluiceError("run/draining", "The server is shutting down.");
    if (opening.kind === "file" && opening.data.bytes > maxTalkBytes) {
      throw new SluiceError("request/too-large", `The file is larger than ${maxTalkBytes} bytes.`);
    }
    const opened = startTurn(opening, { settings, line, owner, gone: leaving.signal });
    turn = opened;
    stopTalkTimer = clock.timer(maxTalkMs, () => fail(tooLong("The talk", maxTalkMs)));
    void opened.ended.then(() => draining && leave());
  }

  function fail(error: unknown): void {
    if (ending) return;
    ending = true;
    drop();
    const { code, message } = publicError(error);
    const status = ERROR_CODES[code];
    const traceId = randomId("trace");
    const ours = status >= 500 && status !== 503 && code !== "run/shutdown";
    log(ours ? "error" : "info", "conversation ended", {
      code,
      owner,
      traceId,
      ...(ours ? { error } : { reason: message }),
    });
    tell({ type: "error", data: { code, message, traceId } });
    line.close(closeStatusOf(code), code);
    turn?.cancel();
  }

  function leave(): void {
    if (ending) return;
    ending = true;
    drop();
    line.close(CLOSE.restart, "run/draining");
  }

  function drop(): void {
    pending.length = 0;
    waiting = 0;
    stopTalkTimer();
  }

  function pause(): void {
    heartbeat.deaf(true);
    socket.pause();
  }

  function resume(): void {
    if (!socket.isPaused) return;
    heartbeat.deaf(false);
    socket.resume();
  }

  function tell(message: Parameters<typeof line.send>[0]): void {
    void line.send(message).catch(() => {}); // gone, and `close` says so
  }

  return {
    closed,
    drain() {
      draining = true;
      if (turn === undefined || turn.over) leave();
    },
    shutDown() {
      draining = true;
      if (turn === undefined || turn.over) leave();
      else turn.stop(shuttingDown());
      // Its client may take nothing any more, or what admits a turn may hang.
      stopCut = clock.timer(LAST_WORD_MS, () => line.cut());
    },
  };
}

function bytesOf(data: RawData): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return Array.isArray(data) ? Buffer.concat(data) : data;
}
