import { SluiceError } from "../base/errors.ts";
import type { Sink } from "./drain-to.ts";
import { through } from "./through.ts";
import { createUtf8 } from "./utf8.ts";

export interface HttpStreamOptions<T> {
  /** Status and headers. Headers given here win over ours. */
  readonly init?: ResponseInit;
  /** Default: bytes as they are, text as UTF-8, anything else as JSON. */
  readonly encoder?: (data: T) => Uint8Array | string;
}

export interface HttpStreamSink<T> extends Sink<T, Response> {
  readonly transform: { (item: T): T; pullFrom(items: AsyncIterable<T>): void };
  close(): void;
}

/** Plain text that nobody holds back: no cache, no proxy that compresses, no browser that guesses at a type. */
const HEADERS = {
  "Content-Type": "text/plain; charset=utf-8",
  "Cache-Control": "no-cache, no-transform",
  "X-Accel-Buffering": "no",
  "X-Content-Type-Options": "nosniff",
};

/** Bytes that `transform` may be ahead of the reader. */
const MAX_QUEUED = 1_048_576;

/**
 * A web `Response` for `drainTo`, whose body pulls the flow: one item when the reader asks for more. A reader that goes
 * away leaves the source. A failure of the flow breaks the body, which never ends as if it were whole.
 *
 * Its functions are for use without `drainTo`: `transform` writes, returns its argument, and throws `flow/queue-full`
 * when the reader is more than 1 MiB behind; `close` ends the body.
 */
export function httpStreamResponse<T>(options: HttpStreamOptions<T> = {}): HttpStreamSink<T> {
  const { init = {}, encoder = encode } = options;
  const utf8 = createUtf8();

  let begin = (): void => {};
  /** Never, when `transform` is called instead. */
  const begun = new Promise<void>((resolve) => (begin = resolve));
  let chunks: AsyncIterator<Uint8Array> | undefined;
  let left = false;
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given;
      },
      async pull() {
        await begun;
        const step = await chunks?.next();
        if (left) return;
        if (step?.done === false) controller.enqueue(step.value);
        else controller.close();
      },
      async cancel() {
        left = true;
        await chunks?.return?.();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
  );

  const write = (item: T): T => {
    if (left) return item;
    const pieces = utf8.encode(encoder(item));
    const queued = -(controller.desiredSize ?? 0);
    if (queued > 0 && pieces.reduce((sum, { byteLength }) => sum + byteLength, queued) > MAX_QUEUED) {
      const error = new SluiceError("flow/queue-full", `The reader is more than ${MAX_QUEUED} bytes behind.`, {
        details: { maxQueued: MAX_QUEUED },
      });
      left = true;
      controller.error(error);
      throw error;
    }
    for (const piece of pieces) controller.enqueue(piece);
    return item;
  };
  const pullFrom = (items: AsyncIterable<T>): void => {
    chunks = through<T, Uint8Array>(items, () => ({
      item: (item, emit) => utf8.encode(encoder(item)).forEach(emit),
      end: (emit) => utf8.end().forEach(emit),
    }))[Symbol.asyncIterator]();
    begin();
    if (left) chunks.return?.().catch(() => {});
  };

  return {
    transform: Object.assign(write, { pullFrom }),
    close() {
      if (left) return;
      for (const piece of utf8.end()) controller.enqueue(piece);
      controller.close();
      left = true;
    },
    response: new Response(body, { ...init, headers: withOurs(init.headers) }),
  };
}

function withOurs(given: HeadersInit | undefined): Headers {
  const headers = new Headers(given);
  for (const [name, value] of Object.entries(HEADERS)) if (!headers.has(name)) headers.set(name, value);
  return headers;
}

function encode(data: unknown): Uint8Array | string {
  if (typeof data === "string" || data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return JSON.stringify(data) ?? ""; // `undefined` has no JSON.
}
