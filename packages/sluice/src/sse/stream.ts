import { wrongOption } from "../base/options.ts";
import { SluiceError } from "../base/errors.ts";
import { encodeEvent } from "./encode.ts";
import type { SSEMessage } from "./message.ts";

export interface SSEStream {
  /** One chunk for each message sent. */
  readonly stream: ReadableStream<Uint8Array>;
  readonly send: SSESend;
  /** Ends the stream after what is queued. Closing again does nothing. */
  close(): void;
  /** Resolves when the reader has taken enough for `send` to answer true again, or the stream has ended. */
  ready(): Promise<void>;
  /** Fires when there is no one left to send to: the reader cancelled or was too slow, or the given signal fired. */
  readonly signal: AbortSignal;
}

export interface SSESend {
  /**
   * Queues a message. True while the reader keeps up; false when it lags (wait for `ready()`, or go on up to
   * `maxQueuedBytes`) and, without looking at the message, after the end of the stream.
   * @throws SluiceError `sse/invalid-field`, `sse/invalid-data`, and the stream goes on without the message;
   * `sse/queue-full`, once: the stream breaks with it, because a clean end would pass for the whole answer
   */
  (message: SSEMessage): boolean;
  /** Fires when nothing can be sent any more: closed, cancelled or broken. For whoever was given `send` alone. */
  readonly ended: AbortSignal;
}

export interface SSEStreamOptions {
  /** Closes the stream when it fires; `request.signal` for instance. */
  readonly signal?: AbortSignal;
  /** Bytes that may wait for the reader, passed only by a single larger message. Default 1 MiB. */
  readonly maxQueuedBytes?: number;
}

/** From this many unread bytes on a reader lags. */
const HIGH_WATER_MARK = 65_536;
const MAX_QUEUED_BYTES = 1_048_576;

/** A stream of events to hand to `sseResponse`, and the functions that fill it. They can be taken apart. */
export function createSSEStream(options: SSEStreamOptions = {}): SSEStream {
  const { signal, maxQueuedBytes = MAX_QUEUED_BYTES } = options;
  if (!(maxQueuedBytes >= 1)) {
    throw wrongOption("maxQueuedBytes", "maxQueuedBytes must be a number from 1.");
  }
  const highWaterMark = Math.min(HIGH_WATER_MARK, maxQueuedBytes);
  const encoder = new TextEncoder();
  const left = new AbortController();
  const ended = new AbortController();
  const taken = createGate();
  let open = true;
  let controller!: ReadableStreamDefaultController<Uint8Array>;

  const stream = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given;
      },
      // Called when there is room below the high-water mark, which is what waiters wait for.
      pull: taken.open,
      cancel(reason) {
        end();
        left.abort(reason);
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark }),
  );

  const room = (): number => controller.desiredSize ?? 0;

  function queue(message: SSEMessage): boolean {
    if (!open) return false;
    const bytes = encoder.encode(encodeEvent(message));
    const queued = highWaterMark - room();
    if (queued > 0 && queued + bytes.byteLength > maxQueuedBytes) throw fail();
    controller.enqueue(bytes);
    return room() > 0;
  }

  function fail(): SluiceError {
    const error = new SluiceError("sse/queue-full", `The reader is more than ${maxQueuedBytes} bytes behind.`, {
      details: { maxQueuedBytes },
    });
    end();
    controller.error(error);
    left.abort(error);
    return error;
  }

  function end(): void {
    open = false;
    signal?.removeEventListener("abort", abort);
    taken.open();
    ended.abort();
  }

  function close(): void {
    if (!open) return;
    end();
    controller.close();
  }

  function abort(): void {
    close();
    left.abort(signal?.reason);
  }

  if (signal?.aborted === true) abort();
  else signal?.addEventListener("abort", abort, { once: true });

  return {
    stream,
    send: Object.assign(queue, { ended: ended.signal }),
    close,
    ready: () => (!open || room() > 0 ? Promise.resolve() : taken.passed()),
    signal: left.signal,
  };
}

interface Gate {
  /** Lets everyone through who waits now. */
  open(): void;
  passed(): Promise<void>;
}

function createGate(): Gate {
  let waiting: Promise<void> | undefined;
  let open = (): void => {};
  return {
    open() {
      open();
      waiting = undefined;
    },
    passed: () => (waiting ??= new Promise((resolve) => (open = resolve))),
  };
}
