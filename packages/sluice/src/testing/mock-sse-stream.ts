import * as sse from "../sse/index.ts";
import type { SSEMessage, SSEStream, SSEStreamOptions } from "../sse/index.ts";
import { createSpies } from "./spy.ts";
import type { Spy } from "./spy.ts";

type SSE = typeof sse;

/** Stands for all of `sluice/sse`: what is not named here is the real thing. */
export interface MockSSEStream extends Omit<SSE, "createSSEStream" | "sseResponse"> {
  readonly createSSEStream: Spy<SSE["createSSEStream"]>;
  readonly sseResponse: Spy<SSE["sseResponse"]>;
  /** Every message that was sent, whichever stream it was sent to. */
  readonly send: Spy<(message: SSEMessage) => boolean>;
  readonly close: Spy<() => void>;
  /** Those that were made. */
  readonly streams: readonly SSEStream[];
  /** Forgets calls and streams: before the next test. */
  clear(): void;
}

/**
 * For `vi.mock("sluice/sse", ...)`, or the like of another test runner: `createSSEStream` and `sseResponse` with spies on
 * them. The streams are real, so what was sent can also be read from the response, and a reader that cancels is told of.
 */
export function mockSSEStream(): MockSSEStream {
  const spies = createSpies();
  const streams: SSEStream[] = [];
  // One spy for all streams. Called by itself it belongs to none, and does nothing.
  const send = spies.spy("send", (_message: SSEMessage) => false as boolean);
  const close = spies.spy("close", (): void => {});

  function create(options?: SSEStreamOptions): SSEStream {
    const real = sse.createSSEStream(options);
    const stream: SSEStream = {
      ...real,
      send: Object.assign(send.as(real.send), { ended: real.send.ended }),
      close: close.as(real.close),
    };
    streams.push(stream);
    return stream;
  }

  return {
    ...sse,
    createSSEStream: spies.spy("createSSEStream", create),
    sseResponse: spies.spy("sseResponse", sse.sseResponse),
    send,
    close,
    streams,
    clear() {
      spies.clear();
      streams.length = 0;
    },
  };
}
