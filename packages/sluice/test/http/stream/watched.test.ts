import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { SluiceError } from "../../../src/base/errors.ts";
import { createStreamLimit, streamResponse, type StreamRate } from "../../../src/http/index.ts";
import { LARGE, createWell, eventsOf, requestWith, turns, watched } from "./support.ts";

describe("a reader that is slow, or leaves", () => {
  it("makes the source wait from 65,536 unsent bytes on, and go on when it takes some", async () => {
    const { well, chunks } = createWell();
    const response = await streamResponse(chunks, { onDisconnect: "stop" });
    await turns(200);
    const stalled = well.given;
    expect(stalled * LARGE.length).toBeGreaterThan(60_000);
    expect(stalled * LARGE.length).toBeLessThanOrEqual(65_536 + LARGE.length);
    const reader = response.body?.getReader();
    for (let taken = 0; taken < 20; taken += 1) await reader?.read();
    await turns(50);
    expect(well.given).toBeGreaterThan(stalled);
    await reader?.cancel();
  });

  it("does not keep a stream alive by taking nothing: it is over at its time limit, and says so when it is read", async () => {
    const { ended, clock, options } = watched({ timeLimitMs: 1_000 });
    const { well, chunks } = createWell();
    const response = await streamResponse(chunks, options);
    await turns(200);
    await clock.advance(1_000);
    expect(ended).toMatchObject([{ code: "run/max-duration" }]);
    expect(well.ended).toBe("returned");
    expect((await eventsOf(response)).at(-1)).toMatchObject({ event: "error", id: "end" });
  });

  it("is read for to the end by default, with one log line", async () => {
    const { lines, ended, clock, options } = watched();
    const { well, chunks } = createWell(500);
    const response = await streamResponse(chunks, options);
    await response.body?.cancel();
    await expect.poll(() => well).toEqual({ given: 500, ended: "complete" });
    await turns();
    expect(lines.filter(({ message }) => message === "stream interrupted")).toMatchObject([
      { level: "info", code: "reader-left", chunks: 500 },
    ]);
    expect(ended).toMatchObject([{ code: "reader-left", chunks: 500 }]);
    expect(clock.timers).toBe(0);
  });

  it("keeps its time limit for a source that never waits, also when nothing of it is sent", async () => {
    for (const transform of [(chunk: string) => chunk, () => null]) {
      const { ended, clock, options } = watched<string>({ timeLimitMs: 1_000, transform });
      const { well, chunks } = createWell();
      const response = await streamResponse(chunks, options);
      await response.body?.cancel();
      await turns();
      await clock.advance(1_000);
      expect(ended).toMatchObject([{ code: "run/max-duration" }]);
      await turns();
      expect(well.ended).toBe("returned");
    }
  });

  it("stops the source with `stop`, and its signal says why", async () => {
    const { lines, options } = watched({ onDisconnect: "stop" });
    const { well, chunks } = createWell();
    let signal: AbortSignal | undefined;
    const response = await streamResponse((context) => {
      signal = context.signal;
      return chunks();
    }, options);
    await turns();
    await response.body?.cancel();
    await turns();
    expect(well.ended).toBe("returned");
    expect(signal?.reason).toMatchObject({ code: "reader/left" });
    expect(lines.filter(({ message }) => message === "stream interrupted")).toMatchObject([{ code: "reader-left" }]);
  });

  it("meets the source as an exception with `throw`", async () => {
    const { ended, options } = watched({ onDisconnect: "throw" });
    const { well, chunks } = createWell();
    const response = await streamResponse(chunks, options);
    await turns(100);
    await response.body?.cancel();
    await turns();
    expect(well.ended).toBeInstanceOf(SluiceError);
    expect(well.ended).toMatchObject({ code: "reader/left", message: "Client disconnected" });
    expect(ended).toMatchObject([{ code: "reader-left", error: { code: "reader/left" } }]);
  });

  // A provider may think for a minute before it answers, and nobody told it that its reader had gone.
  // Whoever had asked for `stop` paid for answers that nobody waited for.
  it("stops the provider also before there is a source", async () => {
    for (const [onDisconnect, aborted] of [
      ["stop", true],
      ["throw", true],
      ["continue", false],
    ] as const) {
      const { lines, clock, options } = watched({ onDisconnect, timeLimitMs: 1_000 });
      const leaving = new AbortController();
      let signal: AbortSignal | undefined;
      const answer = streamResponse<string>(
        (context) => {
          signal = context.signal;
          return new Promise<string[]>(() => {});
        },
        { ...options, request: requestWith({}, { signal: leaving.signal }) },
      );
      await turns();
      leaving.abort();
      expect([onDisconnect, signal?.aborted]).toEqual([onDisconnect, aborted]);
      await clock.advance(1_000);
      expect((await answer).status).toBe(aborted ? 499 : 504);
      expect([lines.length, clock.timers]).toEqual([1, 0]);
    }
  });

  it("is noticed by the request's signal, where nobody cancels the body", async () => {
    const { ended, options } = watched({ onDisconnect: "stop" });
    const leaving = new AbortController();
    const { well, chunks } = createWell();
    const response = await streamResponse(chunks, { ...options, request: requestWith({}, { signal: leaving.signal }) });
    await turns();
    leaving.abort();
    await turns();
    expect(well.ended).toBe("returned");
    expect(ended).toHaveLength(1);
    await expect(response.text()).rejects.toThrow("abort");
  });
});

describe("figures of a stream", () => {
  it("tells the rate every 10 chunks, in chunks per second, and logs it", async () => {
    let now = 0n;
    const rates: StreamRate[] = [];
    const { lines, options } = watched({ hrtime: () => now, onRate: (rate) => rates.push(rate) });
    const response = await streamResponse(function* () {
      for (let n = 0; n < 25; n += 1) {
        now += 20_000_000n;
        yield n;
      }
    }, options);
    await response.text();
    expect(rates).toEqual([
      { rate: 50, chunk: 10 },
      { rate: 50, chunk: 20 },
    ]);
    expect(lines).toMatchObject(rates.map((rate) => ({ message: "stream rate", ...rate })));
  });

  it("has a rate where the clock has not moved, and goes on when a hook throws", async () => {
    const rates: StreamRate[] = [];
    const response = await streamResponse(["a", "b"], {
      hrtime: () => 0n,
      rateEvery: 1,
      onRate(rate) {
        rates.push(rate);
        throw new Error("hook");
      },
      onEnd() {
        throw new Error("hook");
      },
      log() {
        throw new Error("hook");
      },
    });
    expect((await eventsOf(response)).at(-1)?.event).toBe("done");
    expect(rates.every(({ rate }) => Number.isFinite(rate))).toBe(true);
  });

  it("sums up: time to the first update, total time, chunks, bytes", async () => {
    let now = 0n;
    const { ended, options } = watched({ hrtime: () => now });
    const response = await streamResponse(function* () {
      now += 80_000_000n;
      yield "a";
      now += 20_000_000n;
    }, options);
    const bytes = (await response.text()).length;
    expect(ended).toEqual([
      {
        id: expect.stringMatching(/^stream_[0-9a-f]{32}$/),
        code: "done",
        chunks: 1,
        bytes,
        wireBytes: bytes,
        savings: 0,
        firstByteMs: 80,
        ms: 100,
      },
    ]);
  });

  for (const [encoding, decode] of [
    ["gzip", gunzipSync],
    ["br", brotliDecompressSync],
  ] as const) {
    it(`saves at least the document's 71 % with ${encoding}, each update at once`, async () => {
      const { ended, options } = watched({ compression: true, request: requestWith({ "accept-encoding": encoding }) });
      const chunks = Array.from({ length: 100 }, (_, index) => ({
        index,
        text: Array.from({ length: 40 }, (_, word) => `word ${(index * 7 + word * 13) % 97} of the answer`).join(" "),
      }));
      const response = await streamResponse(chunks, options);
      expect(response.headers.get("content-encoding")).toBe(encoding);
      const wire = new Uint8Array(await response.arrayBuffer());
      const plain = decode(wire);
      expect(plain.toString()).toMatch(/event: done\nid: end\ndata: \{\}\n\n$/);
      expect(ended).toMatchObject([{ bytes: plain.byteLength, wireBytes: wire.byteLength }]);
      expect(ended[0]?.savings).toBeGreaterThan(0.71);
    });
  }

  // Synapse TOON chose brotli whatever `Accept-Encoding` said.
  // Clients without brotli, scripts above all, got bytes that they could not read.
  it("is never compressed in a way that the client did not offer", async () => {
    for (const accept of ["identity", "zstd", "br;q=0", undefined]) {
      const request = requestWith(accept === undefined ? {} : { "accept-encoding": accept });
      const response = await streamResponse(["a"], { compression: true, request });
      expect(response.headers.get("content-encoding")).toBeNull();
      expect(await response.text()).toContain('{"delta":"a"}');
    }
  });
});

describe("a limit of streams", () => {
  it("refuses an owner's stream beyond it with 429 and Retry-After, and asks no source for it", async () => {
    const admit = createStreamLimit({ maxStreams: 1 });
    const { well, chunks } = createWell();
    const first = await streamResponse(chunks, { limit: { owner: "alice", admit }, onDisconnect: "stop" });
    const given = well.given;
    let calls = 0;
    const ask = (owner: string): Promise<Response> =>
      streamResponse(() => ((calls += 1), ["a"]), { limit: { owner, admit } });
    const second = await ask("alice");
    expect([second.status, second.headers.get("retry-after"), calls]).toEqual([429, "5", 0]);
    expect(await second.json()).toMatchObject({ error: { code: "request/too-many-streams" } });
    expect((await ask("bob")).status).toBe(200);
    await first.body?.cancel();
    expect(given).toBeGreaterThan(0);
    expect((await ask("alice")).status).toBe(200);
  });

  it("gives the place back after the end, an error, a failed source and the time limit", async () => {
    const admit = createStreamLimit({ maxStreams: 1 });
    const { clock, options } = watched<string>({ limit: { owner: "alice", admit }, timeLimitMs: 1_000 });
    await (await streamResponse(["a"], options)).text();
    await (
      await streamResponse(["a"], () => {
        throw new Error("no");
      })
    ).text();
    expect((await streamResponse<string>(() => Promise.reject(new Error("no")), options)).status).toBe(500);
    expect((await streamResponse(() => new ReadableStream<string>(), options)).status).toBe(200);
    expect((await streamResponse(["a"], options)).status).toBe(429);
    await clock.advance(1_000);
    expect((await streamResponse(["a"], options)).status).toBe(200);
  });
});
