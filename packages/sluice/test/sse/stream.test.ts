import { describe, expect, it } from "vitest";
import { createSSEStream, encodeEvent, parseEvents, type ParsedEvent } from "../../src/sse/index.ts";

const KIB = "x".repeat(1024);
/** What `{ data: KIB }` weighs on the wire. */
const KIB_BYTES = encodeEvent({ data: KIB }).length;

async function drain(stream: ReadableStream<Uint8Array>): Promise<ParsedEvent[]> {
  const events: ParsedEvent[] = [];
  for await (const event of parseEvents(stream)) events.push(event);
  return events;
}

/** Whether a promise has settled by now, without waiting for anything but the turns of microtasks. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.finally(() => (done = true)).catch(() => {});
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  return done;
}

describe("createSSEStream", () => {
  it("delivers what was sent before it was read, then ends", async () => {
    const { stream, send, close } = createSSEStream();
    expect(send({ event: "message", data: { content: "Hello!" }, id: "1" })).toBe(true);
    expect(send({ event: "done", data: {} })).toBe(true);
    close();
    expect(await drain(stream)).toEqual([
      { event: "message", data: '{"content":"Hello!"}', id: "1" },
      { event: "done", data: "{}" },
    ]);
  });

  it("gives one chunk for each message", async () => {
    const { stream, send, close } = createSSEStream();
    send({ data: "a" });
    send({ retry: 3000 });
    close();
    const chunks: string[] = [];
    for await (const chunk of stream) chunks.push(new TextDecoder().decode(chunk));
    expect(chunks).toEqual(["data: a\n\n", "retry: 3000\n\n"]);
  });

  it("throws on a malformed message and goes on without it", async () => {
    const { stream, send, close } = createSSEStream();
    expect(() => send({ event: "a\nb", data: "x" })).toThrow(expect.objectContaining({ code: "sse/invalid-field" }));
    expect(() => send({})).toThrow(expect.objectContaining({ code: "sse/invalid-data" }));
    expect(send({ data: "good" })).toBe(true);
    close();
    expect(await drain(stream)).toEqual([{ event: "message", data: "good" }]);
  });

  it("closes once, however often it is told", async () => {
    const { stream, send, close, signal } = createSSEStream();
    send({ data: "a" });
    close();
    close();
    expect(await drain(stream)).toEqual([{ event: "message", data: "a" }]);
    close();
    expect(signal.aborted).toBe(false);
  });

  it("answers false to a send after the close, whatever is sent", async () => {
    const { stream, send, close } = createSSEStream();
    close();
    expect(send({ data: "late" })).toBe(false);
    expect(send({ event: "a\nb" })).toBe(false);
    expect(await drain(stream)).toEqual([]);
  });

  it("refuses a limit that is not a number from 1", () => {
    for (const maxQueuedBytes of [0, -1, Number.NaN]) {
      expect(() => createSSEStream({ maxQueuedBytes })).toThrow(expect.objectContaining({ code: "option/invalid" }));
    }
  });
});

describe("a reader that lags", () => {
  it("makes send answer false from 64 KiB on, and loses nothing", async () => {
    const { stream, send, close } = createSSEStream();
    let sent = 1;
    while (send({ data: KIB })) sent += 1;
    expect(sent).toBe(Math.ceil(65_536 / KIB_BYTES));
    expect(send({ data: KIB })).toBe(false);
    close();
    expect((await drain(stream)).length).toBe(sent + 1);
  });

  it("is waited for with ready", async () => {
    const { stream, send, ready } = createSSEStream();
    const reader = stream.getReader();
    expect(await settled(ready())).toBe(true);
    while (send({ data: KIB }));
    const first = ready();
    const second = ready();
    expect(await settled(first)).toBe(false);
    await reader.read();
    await first;
    await second;
    expect(send({ data: "" })).toBe(true);
  });

  it("bounds a producer that waits for ready to little more than 64 KiB", async () => {
    const { stream, send, close, ready } = createSSEStream();
    const total = 500;
    let sent = 0;
    const producing = (async () => {
      for (; sent < total; sent += 1) if (!send({ data: KIB })) await ready();
      close();
    })();
    let read = 0;
    for await (const chunk of stream) {
      read += 1;
      expect(chunk.byteLength).toBe(KIB_BYTES);
      expect((sent - read) * KIB_BYTES).toBeLessThan(65_536 + 2 * KIB_BYTES);
    }
    await producing;
    expect(read).toBe(total);
  });

  it("breaks the stream with a code when more than the limit would wait", async () => {
    const { stream, send, ready, close, signal } = createSSEStream();
    const full = expect.objectContaining({ code: "sse/queue-full", details: { maxQueuedBytes: 1_048_576 } });
    const fits = Math.floor(1_048_576 / KIB_BYTES);
    for (let sent = 0; sent < fits; sent += 1) send({ data: KIB });
    expect(signal.aborted).toBe(false);
    expect(() => send({ data: KIB })).toThrow(full);

    // From here on it is like any other end, so that the clean-up of a producer cannot throw again.
    expect(send({ event: "error", data: {} })).toBe(false);
    close();
    await ready();
    expect(signal.reason).toEqual(full);
    // A clean end would pass for the whole answer.
    await expect(drain(stream)).rejects.toEqual(full);
  });

  it("lets a single message pass that is larger than the limit", async () => {
    const { stream, send, close } = createSSEStream({ maxQueuedBytes: 10 });
    expect(send({ data: KIB })).toBe(false);
    expect(() => send({ data: "x" })).toThrow(expect.objectContaining({ code: "sse/queue-full" }));
    close();
    await expect(drain(stream)).rejects.toMatchObject({ code: "sse/queue-full" });

    const again = createSSEStream({ maxQueuedBytes: 10 });
    again.send({ data: KIB });
    again.close();
    expect((await drain(again.stream)).length).toBe(1);
  });
});

describe("a reader that leaves", () => {
  it("fires the signal with its reason and makes send answer false", async () => {
    const { stream, send, signal } = createSSEStream();
    send({ data: "a" });
    const reason = new Error("the tab was closed");
    await stream.cancel(reason);
    expect(signal.reason).toBe(reason);
    expect(send({ data: "b" })).toBe(false);
  });

  it("releases a producer that waits for ready", async () => {
    const { stream, send, close, ready } = createSSEStream();
    while (send({ data: KIB }));
    const waiting = ready();
    expect(await settled(waiting)).toBe(false);
    await stream.cancel();
    await waiting;
    expect(await settled(ready())).toBe(true);
    close();
  });

  it("is told apart from a close by the producer", async () => {
    const { stream, close, ready, signal } = createSSEStream();
    close();
    await ready();
    await drain(stream);
    await stream.cancel();
    expect(signal.aborted).toBe(false);
  });

  it("while the queue of a closed stream is read, fires the signal too", async () => {
    const { stream, send, close, signal } = createSSEStream();
    send({ data: "a" });
    close();
    await stream.cancel();
    expect(signal.aborted).toBe(true);
  });
});

describe("the signal of the options", () => {
  it("closes the stream, fires the stream's signal with the same reason, and loses nothing queued", async () => {
    const request = new AbortController();
    const { stream, send, ready, signal } = createSSEStream({ signal: request.signal });
    while (send({ data: KIB }));
    const waiting = ready();
    const reason = new Error("the client went away");
    request.abort(reason);
    await waiting;
    expect(signal.reason).toBe(reason);
    expect(send({ data: "late" })).toBe(false);
    expect((await drain(stream)).length).toBe(Math.ceil(65_536 / KIB_BYTES));
  });

  it("that fired before gives a stream that has ended", async () => {
    const { stream, send, signal } = createSSEStream({ signal: AbortSignal.abort() });
    expect(send({ data: "late" })).toBe(false);
    expect(signal.aborted).toBe(true);
    expect(await drain(stream)).toEqual([]);
  });

  it("is let go of at the end, whichever end it is", async () => {
    for (const end of ["close", "cancel", "queue-full"]) {
      const listening = new Set<unknown>();
      const request = new AbortController();
      const { addEventListener, removeEventListener } = request.signal;
      request.signal.addEventListener = (type: string, listener: never, options?: never) => {
        listening.add(listener);
        addEventListener.call(request.signal, type, listener, options);
      };
      request.signal.removeEventListener = (type: string, listener: never, options?: never) => {
        listening.delete(listener);
        removeEventListener.call(request.signal, type, listener, options);
      };
      const { stream, send, close } = createSSEStream({ signal: request.signal, maxQueuedBytes: 10 });
      expect(listening.size).toBe(1);
      if (end === "close") close();
      if (end === "cancel") await stream.cancel();
      if (end === "queue-full") {
        send({ data: KIB });
        expect(() => send({ data: KIB })).toThrow(expect.objectContaining({ code: "sse/queue-full" }));
      }
      expect(listening.size).toBe(0);
    }
  });
});
