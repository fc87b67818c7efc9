import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SluiceError } from "../../../src/base/errors.ts";
import { createStreamLimit, streamResponse } from "../../../src/http/index.ts";
import { GREETING, chunksOf, createWell, eventsOf, requestWith, turns, watched } from "./support.ts";

describe("what streamResponse sends", () => {
  it("is an `update` with JSON for each chunk, then `done`, under the headers of the document", async () => {
    const response = await streamResponse([{ n: 1 }, { n: 2 }], ({ n }) => ({ delta: `${n}` }), { "x-own": "yes" });
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toEqual({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
      "x-synapse-toon-format": "streaming",
      connection: "keep-alive",
      vary: "Accept-Encoding",
      "x-own": "yes",
    });
    expect(await response.text()).toBe(
      `${GREETING}event: update\nid: 11\ndata: {"delta":"1"}\n\nevent: update\nid: 12\ndata: {"delta":"2"}\n\n` +
        "event: done\nid: end\ndata: {}\n\n",
    );
  });

  it("takes a web stream, an iterator, a promise and a function of them", async () => {
    const inputs = [
      new ReadableStream<string>({
        start(controller) {
          controller.enqueue("a");
          controller.close();
        },
      }),
      new Set(["a"]).values(),
      chunksOf("a"),
      Promise.resolve(chunksOf("a")),
      () => chunksOf("a"),
      async () => ["a"],
    ];
    for (const input of inputs) {
      const events = await eventsOf(await streamResponse(input));
      expect(events.map(({ data }) => data)).toEqual(['{"delta":"a"}', "{}"]);
    }
  });

  it("skips a chunk whose transform gives null or undefined, and sends an empty text", async () => {
    const response = await streamResponse(["a", "skip", "", "gone", "b"], (chunk) =>
      chunk === "skip" ? null : chunk === "gone" ? undefined : chunk,
    );
    const events = await eventsOf(response);
    expect(events.map(({ data }) => data)).toEqual(['{"delta":"a"}', '{"delta":""}', '{"delta":"b"}', "{}"]);
  });

  // Synapse TOON trimmed string deltas: " world" arrived as "world", and readers saw "Helloworld".
  // It hurt everybody who streamed plain text without wrapping it into an array.
  it("never trims a text, nor loses anything of it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: "grapheme" })), async (texts) => {
        const events = await eventsOf(await streamResponse([" world", "\n", "\ud83d", ...texts]));
        const sent = events.slice(0, -1).map(({ data }) => (JSON.parse(data) as { delta: string }).delta);
        expect(sent).toEqual([" world", "\n", "\ud83d", ...texts]);
      }),
      { numRuns: 25 },
    );
  });

  // Synapse TOON cut an encoded chunk at 4,096 bytes, in the middle of its JSON.
  // Readers of long chunks (tool results, pasted files) got data that JSON.parse refused.
  it("sends a chunk of any size whole", async () => {
    const text = "ä".repeat(100_000);
    const [event] = await eventsOf(await streamResponse([{ text }]));
    expect(JSON.parse(event?.data ?? "")).toEqual({ text });
  });

  it("begins before the first chunk is there, and sends comments through its silence", async () => {
    const { clock, options } = watched();
    const response = await streamResponse(() => new ReadableStream<string>(), options);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect(await reader?.read()).toEqual({ done: false, value: GREETING });
    const next = reader?.read();
    await clock.advance(14_999);
    await clock.advance(1);
    expect(await next).toEqual({ done: false, value: ":\n\n" });
    await reader?.cancel();
  });

  // Silence was the difference of two times of day: after the clock of a machine had been set back by an hour, nothing
  // was said for an hour. Proxies cut answers that were waiting for their model.
  it("sends comments also when the machine's time has been set back", async () => {
    const { clock, options } = watched();
    let back = 0;
    const set = { now: () => clock.now() - back, timer: clock.timer };
    const response = await streamResponse(() => new ReadableStream<string>(), { ...options, clock: set });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    await reader?.read();
    await clock.advance(5_000);
    back = 3_600_000;
    const next = reader?.read();
    await clock.advance(30_000);
    expect(await next).toEqual({ done: false, value: ":\n\n" });
    await reader?.cancel();
  });

  it("answers HEAD with the headers, and leaves the source alone", async () => {
    let calls = 0;
    const request = requestWith({}, { method: "HEAD" });
    const response = await streamResponse(() => ((calls += 1), ["a"]), { request });
    expect([response.status, response.headers.get("content-type"), calls]).toEqual([200, "text/event-stream", 0]);
  });

  it("is 500 for what gives no chunks", async () => {
    const response = await streamResponse(undefined as unknown as string[]);
    expect([response.status, await response.json()]).toMatchObject([
      500,
      { error: { code: "run/source-unsupported" } },
    ]);
  });

  it("takes an option that is undefined for one that is not there", async () => {
    const options = Object.fromEntries(
      ["transform", "onDisconnect", "timeLimitMs", "heartbeatMs", "rateEvery", "log", "clock", "hrtime", "random"].map(
        (name) => [name, undefined],
      ),
    );
    expect((await eventsOf(await streamResponse(["a"], options))).map(({ event }) => event)).toEqual([
      "update",
      "done",
    ]);
  });

  it("refuses options that cannot work", async () => {
    for (const wrong of [{ timeLimitMs: 0 }, { rateEvery: 0.5 }, { heartbeatMs: -1 }]) {
      await expect(streamResponse(["a"], wrong)).rejects.toMatchObject({ code: "option/invalid" });
    }
    expect(() => createStreamLimit({ maxStreams: 0 })).toThrow("maxStreams");
  });
});

describe("a stream that cannot be completed", () => {
  it("ends with `error`, in words for strangers, and one log line", async () => {
    const { lines, ended, options } = watched();
    const response = await streamResponse(async function* () {
      yield "a";
      throw new Error("/etc/secret");
    }, options);
    expect((await eventsOf(response)).map(({ event, id, data }) => [event, id, data])).toEqual([
      ["update", "11", '{"delta":"a"}'],
      ["error", "end", '{"code":"PROCESSING_ERROR","message":"The answer could not be completed."}'],
    ]);
    expect(lines).toEqual([
      {
        level: "error",
        message: "stream interrupted",
        code: "PROCESSING_ERROR",
        chunks: 1,
        run: ended[0]?.id,
        bytes: ended[0]?.bytes,
        ms: ended[0]?.ms,
        error: new Error("/etc/secret"),
      },
    ]);
    expect(ended).toMatchObject([{ code: "PROCESSING_ERROR", chunks: 1 }]);
  });

  it("ends with `error` when the transform throws, or gives what has no JSON, and lets go of the source", async () => {
    for (const transform of [
      () => {
        throw new Error("no");
      },
      () => 1n,
    ]) {
      const { well, chunks } = createWell();
      const events = await eventsOf(await streamResponse(chunks, transform));
      expect(events.map(({ event }) => event)).toEqual(["error"]);
      await turns();
      expect(well).toEqual({ given: 1, ended: "returned" });
    }
  });

  it("ends with `error` when its time is over, while the source hangs", async () => {
    const { clock, lines, options } = watched({ timeLimitMs: 300_000 });
    let reason: unknown;
    const response = await streamResponse(async function* ({ signal }) {
      signal.addEventListener("abort", () => (reason = signal.reason));
      yield "a";
      await new Promise(() => {});
    }, options);
    const events = eventsOf(response);
    await clock.advance(299_999);
    expect(reason).toBeUndefined();
    await clock.advance(1);
    expect((await events).at(-1)).toMatchObject({
      event: "error",
      data: '{"code":"run/max-duration","message":"The answer took longer than 300 s."}',
    });
    expect(reason).toMatchObject({ code: "run/max-duration" });
    expect(lines).toMatchObject([{ message: "stream interrupted", code: "run/max-duration", chunks: 1 }]);
    expect(clock.timers).toBe(0);
  });

  it("is 504 when its time is over before there is a source, which is let go of when it comes late", async () => {
    const { clock, options } = watched({ timeLimitMs: 1_000 });
    const { well, chunks } = createWell();
    let open: (source: AsyncIterable<string>) => void = () => {};
    const answer = streamResponse(() => new Promise<AsyncIterable<string>>((resolve) => (open = resolve)), options);
    await clock.advance(1_000);
    expect((await answer).status).toBe(504);
    const late = chunks();
    await late.next();
    open(late);
    await turns();
    expect(well.ended).toBe("returned");
    expect(clock.timers).toBe(0);
  });
});

describe("a client that comes back", () => {
  // uuid ids named nothing that could be resumed from, and a page whose EventSource reconnected got the answer again.
  // Readers saw the text twice, and the model was paid twice.
  it("is never sent the answer again: 204 when it has everything, 410 when it has a part", async () => {
    const { well, chunks } = createWell(3);
    for (const [id, status, code] of [
      ["end", 204, undefined],
      ["12", 410, "log/gap"],
    ] as const) {
      const response = await streamResponse(chunks, { request: requestWith({ "last-event-id": id }) });
      expect(response.headers.get("cache-control")).toBe("no-store");
      const body = (status === 204 ? {} : await response.json()) as { error?: { code: string } };
      expect([response.status, body.error?.code]).toEqual([status, code]);
    }
    expect(well.given).toBe(0);
  });

  it("does not keep a source that was made for nothing", async () => {
    const { well, chunks } = createWell();
    const made = chunks();
    await made.next();
    await streamResponse(made, { request: requestWith({ "last-event-id": "end" }) });
    await turns();
    expect(well.ended).toBe("returned");
  });
});

describe("a source that cannot be had", () => {
  const limited = Object.assign(new Error("429 for sk-secret"), { status: 429 });

  it("is answered 200 with the document's JSON when the provider limits the rate", async () => {
    const { lines, options } = watched();
    const response = await streamResponse(() => Promise.reject(limited), options);
    expect([response.status, await response.json()]).toEqual([200, { error: "Rate limited, using standard response" }]);
    expect(lines).toMatchObject([{ level: "warn", message: "stream fell back", code: "llm/rate-limited" }]);
  });

  it("is answered with the complete answer of `fallback`", async () => {
    const failing = new SluiceError("llm/rate-limited", "Too many.");
    for (const input of [() => Promise.reject(limited), Promise.reject(failing)]) {
      const response = await streamResponse(input, { fallback: async () => ({ text: "all of it" }) });
      expect([response.status, await response.json()]).toEqual([200, { text: "all of it" }]);
    }
  });

  it("is the only update of a stream that had begun, when the limit shows with the first chunk", async () => {
    const late = async function* (): AsyncGenerator<string> {
      await Promise.reject(limited);
      yield "never";
    };
    const response = await streamResponse(late, { fallback: () => ({ text: "all of it" }) });
    expect((await eventsOf(response)).map(({ event, data }) => [event, data])).toEqual([
      ["update", '{"text":"all of it"}'],
      ["done", "{}"],
    ]);
    const text = await eventsOf(await streamResponse(late, { fallback: () => "all of it" }));
    expect(text[0]?.data).toBe('{"delta":"all of it"}');
    expect((await eventsOf(await streamResponse(late)))[0]?.event).toBe("error");
  });

  it("is 500, and no exception, when the complete answer has no JSON; in a stream that had begun, `error`", async () => {
    for (const nothing of [undefined, 1n]) {
      const { lines, options } = watched({ fallback: () => nothing });
      const response = await streamResponse(() => Promise.reject(limited), options);
      expect([response.status, lines.length]).toEqual([500, 1]);
    }
    const late = new ReadableStream<string>({ start: (controller) => controller.error(limited) });
    const events = await eventsOf(await streamResponse(late, { fallback: () => undefined }));
    expect(events.map(({ event }) => event)).toEqual(["error"]);
  });

  it("lets go of the source when it was the transform that met the limit", async () => {
    const { well, chunks } = createWell();
    const transform = (): never => {
      throw limited;
    };
    const response = await streamResponse(chunks, { transform, fallback: () => "all of it" });
    expect((await eventsOf(response)).map(({ event }) => event)).toEqual(["update", "done"]);
    await turns();
    expect(well).toEqual({ given: 1, ended: "returned" });
  });

  // A promise of chunks failed while the limit of streams was still asked, and nobody listened to it yet.
  // Node ends the process for that, and with it everybody's streams.
  it("is nobody's unhandled rejection while a limit is asked", async () => {
    const stray: unknown[] = [];
    const note = (reason: unknown): unknown => stray.push(reason);
    process.on("unhandledRejection", note);
    const limit = { owner: "alice", admit: () => turns().then(() => undefined) };
    const response = await streamResponse(Promise.reject<string[]>(new Error("down")), { limit });
    process.off("unhandledRejection", note);
    expect([response.status, stray]).toEqual([500, []]);
  });

  it("is 500 in the shape of our errors for any other failure, and tells nothing of it", async () => {
    const { lines, options } = watched();
    const response = await streamResponse(() => {
      throw new Error("/etc/secret");
    }, options);
    const body = (await response.json()) as { error: Record<string, string> };
    expect([response.status, body.error]).toEqual([
      500,
      {
        code: "PROCESSING_ERROR",
        message: "The answer could not be completed.",
        traceId: expect.stringMatching(/^trace_/),
      },
    ]);
    expect(lines).toMatchObject([{ level: "error", message: "request refused", traceId: body.error["traceId"] }]);
  });

  it("does not take our own limits for the provider's, nor a failing fallback for an answer", async () => {
    const own = new SluiceError("request/rate-limited", "Slowly.");
    expect((await streamResponse(() => Promise.reject(own))).status).toBe(429);
    const response = await streamResponse(() => Promise.reject(limited), {
      fallback: () => Promise.reject(new Error("down")),
    });
    expect(response.status).toBe(500);
  });
});
