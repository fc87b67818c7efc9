import { untilAborted } from "../../base/abort.ts";
import type { Clock } from "../../base/clock.ts";
import { SluiceError, publicError } from "../../base/errors.ts";
import { formatOffset } from "../../base/offset.ts";
import type { Pull } from "../../dialects/pull.ts";
import { encodeEvent, type SSEMessage } from "../../sse/index.ts";
import { createBrotliContext, createGzipContext, type Context } from "../compress/context.ts";
import type { Encoding } from "../compress/negotiate.ts";
import { greeting, HEARTBEAT } from "../greeting.ts";
import type { Monitor } from "./monitor.ts";
import { toUpdate, type Transform } from "./updates.ts";

/** What happens to a source whose reader has gone. */
export type OnDisconnect = "continue" | "stop" | "throw";

export interface BodyOptions<Chunk> {
  readonly source: Pull<Chunk>;
  readonly transform: Transform<Chunk>;
  /** Fires when the source is to end. */
  readonly ending: AbortController;
  readonly onDisconnect: OnDisconnect;
  /** Not every server cancels the body of a client that has gone. */
  readonly gone: AbortSignal | undefined;
  readonly encoding: Encoding | "identity";
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly monitor: Monitor;
  /** The whole answer in place of a stream that failed before its first update; null or undefined when there is none. */
  readonly recover: (error: unknown) => Promise<unknown>;
  /** Called once, when neither source nor reader is in use any more. */
  readonly onOver: () => void;
}

/** The id of the last frame: whoever has it has everything. */
export const LAST_ID = "end";

/** From so many unsent bytes on nothing more is taken from the source. */
const HIGH_WATER_MARK = 65_536;
const RETRY_MS = 1_000;
/** A source that never waits, and of which nothing is sent, would keep everybody else waiting: timers too. */
const AT_ONCE = 64;

/**
 * The frames of a stream that nobody keeps. The source is asked for a chunk when there is room for it, so a slow reader
 * makes it wait and nothing piles up. It ends with `done` or `error`, also when its time is over.
 */
export function streamBody<Chunk>(options: BodyOptions<Chunk>): ReadableStream<Uint8Array> {
  const { source, transform, ending, onDisconnect, gone, heartbeatMs, clock, monitor } = options;
  const iterator = source.items[Symbol.asyncIterator]();
  const chunks = untilAborted({ [Symbol.asyncIterator]: () => iterator }, ending.signal);
  const context = contextFor(options.encoding);
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let state: "open" | "gone" | "over" = "open";
  let pumping = false;
  let sequence = 0;
  let sentAt = clock.now();
  let cancelBeat = clock.timer(heartbeatMs, beat);

  /** Resolves when an update is on its way; once the reader has gone, at the end of the source. */
  async function pump(): Promise<void> {
    pumping = true;
    try {
      for (let unsent = 1; state !== "over"; unsent += 1) {
        if (unsent % AT_ONCE === 0) await turn();
        const step = await chunks.next();
        if (step.done === true) return finish();
        const update = toUpdate(await transform(step.value));
        if (update === undefined) continue;
        monitor.chunk();
        sequence += 1;
        if (isOpen()) return send({ event: "update", id: formatOffset(sequence), data: update });
      }
    } catch (error) {
      await fail(error);
    } finally {
      pumping = false;
    }
  }

  async function fail(error: unknown): Promise<void> {
    if (sequence > 0 || !isOpen() || ending.signal.aborted) return breakUp(error);
    try {
      const whole = toUpdate(await options.recover(error));
      if (whole === undefined) return breakUp(error);
      // It may be the transform that failed, and the source is still there.
      source.letGo();
      monitor.chunk();
      if (isOpen()) send({ event: "update", id: formatOffset(1), data: whole });
      finish();
    } catch (second) {
      breakUp(second);
    }
  }

  function breakUp(error: unknown): void {
    const { code, message } = publicError(error);
    close({ event: "error", id: LAST_ID, data: { code, message } });
    stop(error, error);
  }

  function finish(): void {
    close({ event: "done", id: LAST_ID, data: {} });
    end();
  }

  /** Ends the source before its end. */
  function stop(reason: unknown, error?: unknown): void {
    ending.signal.removeEventListener("abort", onEnding);
    ending.abort(reason);
    source.letGo();
    end(error);
  }

  // A function, because the state changes while others are awaited.
  function isOpen(): boolean {
    return state === "open";
  }

  function send(message: SSEMessage): void {
    const text = encodeEvent(message);
    if (message.event === "update") monitor.firstByte();
    write(text);
  }

  function write(text: string): void {
    const bytes = new TextEncoder().encode(text);
    const wire = context ? new Uint8Array(context.push(bytes)) : bytes;
    monitor.sent(bytes.byteLength, wire.byteLength);
    sentAt = clock.now();
    controller.enqueue(wire);
  }

  function close(last: SSEMessage): void {
    if (state !== "open") return;
    send(last);
    if (context) {
      const rest = new Uint8Array(context.end());
      monitor.sent(0, rest.byteLength);
      if (rest.byteLength > 0) controller.enqueue(rest);
    }
    controller.close();
  }

  function end(error?: unknown): void {
    if (state === "over") return;
    state = "over";
    cancelBeat();
    gone?.removeEventListener("abort", onGone);
    ending.signal.removeEventListener("abort", onEnding);
    context?.close();
    monitor.end(error);
    options.onOver();
  }

  function leave(): void {
    if (state !== "open") return;
    state = "gone";
    monitor.left();
    cancelBeat();
    if (onDisconnect === "continue") return pumping ? undefined : void pump();
    const error = new SluiceError("reader/left", "Client disconnected");
    if (onDisconnect === "stop") return stop(error);
    void throwInto(iterator, error);
    stop(error, error);
  }

  function onGone(): void {
    if (state === "open") controller.error(gone?.reason);
    leave();
  }

  // The time is over, also while the source or the reader hangs.
  function onEnding(): void {
    if (state !== "over") breakUp(ending.signal.reason);
  }

  function beat(): void {
    sentAt = Math.min(sentAt, clock.now()); // the machine's time may be set back
    const silentMs = clock.now() - sentAt;
    // A reader that lags has something to read.
    if (silentMs >= heartbeatMs && (controller.desiredSize ?? 0) > 0) write(HEARTBEAT);
    cancelBeat = clock.timer(silentMs < heartbeatMs ? heartbeatMs - silentMs : heartbeatMs, beat);
  }

  return new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given;
        write(greeting(RETRY_MS));
        ending.signal.addEventListener("abort", onEnding, { once: true });
        gone?.addEventListener("abort", onGone, { once: true });
        if (gone?.aborted === true) onGone();
      },
      pull: pump,
      cancel: leave,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: HIGH_WATER_MARK }),
  );
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function contextFor(encoding: Encoding | "identity"): Context | undefined {
  if (encoding === "identity") return undefined;
  return encoding === "gzip" ? createGzipContext() : createBrotliContext();
}

/** A generator meets the error where it yields, as the loop of a script meets an exception. Nobody waits for it. */
async function throwInto(iterator: AsyncIterator<unknown>, error: unknown): Promise<void> {
  try {
    await iterator.throw?.(error);
  } catch {
    // Most throw it back.
  }
}
