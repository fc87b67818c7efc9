import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/chat/index.ts";
import type { OpenRun, RunInput } from "../../src/run/index.ts";
import { OWNER, createWorld, forbidStrayRejections, gate, saying, textOf, turns } from "./support.ts";

forbidStrayRejections();

describe("a start", () => {
  it("answers once the run exists and reads the source in the background", async () => {
    const { runs, read } = createWorld();
    const more = gate();
    const { id, attached } = await runs.start({ owner: OWNER }, async function* () {
      yield* saying("a");
      await more.opened;
      yield { type: "text-delta", id: "t", delta: "b" };
    });
    expect(attached).toBe(false);
    expect(id).toMatch(/^run_[0-9a-f]{32}$/);
    expect(await runs.get(id)).toMatchObject({ id, owner: OWNER, status: "running" });
    expect(runs.producing).toBe(1);
    more.open();
    await runs.ended(id);
    expect(runs.producing).toBe(0);
    expect(await read(id)).toEqual([
      { type: "start", messageId: id.replace("run_", "msg_") },
      { type: "text-start", id: "t" },
      { type: "text-delta", id: "t", delta: "a" },
      { type: "text-delta", id: "t", delta: "b" },
      { type: "finish", finishReason: "stop" },
    ]);
  });

  it("has a first event in the log before the source says anything", async () => {
    const { runs, read } = createWorld();
    const { run, id } = await runs.open({ owner: OWNER, messageId: "m1" });
    await turns();
    expect(await read(id)).toEqual([{ type: "start", messageId: "m1" }]);
    await run?.finish();
  });

  it("takes a source that is an iterable, a promise of one, or a function that makes one", async () => {
    const { runs, read } = createWorld();
    const inputs: RunInput[] = [
      saying("x"),
      Promise.resolve(saying("x")),
      () => saying("x"),
      async () => saying("x"),
      () => Promise.resolve(saying("x")),
    ];
    for (const input of inputs) {
      const { id } = await runs.start({ owner: OWNER }, input);
      await runs.ended(id);
      expect(textOf(await read(id))).toBe("x");
    }
  });

  it("refuses a messageId that is no text before anything exists", async () => {
    const { runs } = createWorld();
    const options: object = { owner: OWNER, messageId: 7 };
    await expect(runs.open(options as { owner: string })).rejects.toMatchObject({ code: "chat/invalid-event" });
    expect((await runs.list({ owner: OWNER, limit: 10 })).runs).toEqual([]);
    expect(runs.producing).toBe(0);
  });

  it("rejects with what the store throws, and leaves nothing behind", async () => {
    const failure = new Error("disk on fire");
    const { runs, clock } = createWorld({ over: () => ({ create: () => Promise.reject(failure) }) });
    await expect(runs.start({ owner: OWNER }, saying("x"))).rejects.toBe(failure);
    expect(runs.producing).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it("survives a promised source that rejects while the run is still being made", async () => {
    const made = gate();
    const { runs, read } = createWorld({
      over: (memory) => ({ create: async (...given) => (await made.opened, memory.create(...given)) }),
    });
    const starting = runs.start({ owner: OWNER }, Promise.reject(new Error("no model")));
    await turns();
    made.open();
    const { id } = await starting;
    await runs.ended(id);
    expect((await read(id)).at(-1)).toMatchObject({ type: "error", code: "PROCESSING_ERROR" });
    expect(runs.producing).toBe(0);
  });
});

describe("an idempotent start", () => {
  it("makes one source call of many starts with one key at the same instant, and all attach", async () => {
    const { runs } = createWorld();
    let calls = 0;
    const source = (): AsyncIterable<never> | ReturnType<typeof saying> => {
      calls += 1;
      return saying("once");
    };
    const options = { owner: OWNER, requestId: "k", request: { q: 1, a: { c: 1, b: 2 } } };
    const started = await Promise.all(Array.from({ length: 25 }, () => runs.start(options, source)));
    expect(new Set(started.map(({ id }) => id)).size).toBe(1);
    expect(started.filter(({ attached }) => !attached)).toHaveLength(1);
    await runs.ended(started[0]!.id);
    expect(calls).toBe(1);
  });

  it("attaches also when another node of the same store has started it", async () => {
    const first = createWorld();
    const second = createWorld({ store: first.store });
    const [one, two] = await Promise.all([
      first.runs.start({ owner: OWNER, requestId: "k" }, () => saying("x")),
      second.runs.start({ owner: OWNER, requestId: "k" }, () => saying("x")),
    ]);
    expect(one.id).toBe(two.id);
    expect(one.attached).toBe(!two.attached);
    await Promise.all([first.runs.ended(one.id), second.runs.ended(one.id)]);
  });

  it("compares the bodies as canonical JSON: the order of keys means nothing", async () => {
    const { runs } = createWorld();
    const one = await runs.start({ owner: OWNER, requestId: "k", request: { a: 1, b: [{ c: 1, d: 2 }] } }, saying("x"));
    const two = await runs.start({ owner: OWNER, requestId: "k", request: { b: [{ d: 2, c: 1 }], a: 1 } }, saying("y"));
    expect(two).toEqual({ id: one.id, attached: true });
    await runs.ended(one.id);
  });

  it.each([{ q: 2 }, undefined, { q: 1, __proto__: null, extra: 1 }, JSON.parse('{"q": 1, "__proto__": {"a": 1}}')])(
    "answers run/request-conflict for a different body: %j",
    async (request: unknown) => {
      const { runs } = createWorld();
      const { id } = await runs.start({ owner: OWNER, requestId: "k", request: { q: 1 } }, saying("x"));
      let called = false;
      const again = runs.start({ owner: OWNER, requestId: "k", request }, () => {
        called = true;
        return saying("y");
      });
      await expect(again).rejects.toMatchObject({ code: "run/request-conflict" });
      expect(called).toBe(false);
      await runs.ended(id);
    },
  );

  it("is per owner: another owner's same key is another run, whatever the body", async () => {
    const { runs } = createWorld();
    const one = await runs.start({ owner: OWNER, requestId: "k", request: 1 }, saying("x"));
    const two = await runs.start({ owner: "bob", requestId: "k", request: 2 }, saying("y"));
    expect(two.attached).toBe(false);
    expect(two.id).not.toBe(one.id);
    expect((await runs.find(OWNER, "k"))?.id).toBe(one.id);
    expect((await runs.find("bob", "k"))?.id).toBe(two.id);
    await Promise.all([runs.ended(one.id), runs.ended(two.id)]);
  });

  it("cannot be fooled by owners and keys that look alike when they are joined", async () => {
    const { runs } = createWorld();
    const one = await runs.start({ owner: "a", requestId: "b/c" }, saying("x"));
    const two = await runs.start({ owner: "a/b", requestId: "c" }, saying("x"));
    expect(two.attached).toBe(false);
    await Promise.all([runs.ended(one.id), runs.ended(two.id)]);
  });

  it("attaches to a run that failed: a key never calls the model twice", async () => {
    const { runs } = createWorld();
    const { id } = await runs.start({ owner: OWNER, requestId: "k" }, () => Promise.reject(new Error("model down")));
    await runs.ended(id);
    expect(await runs.get(id)).toMatchObject({ status: "failed" });
    const again = await runs.start({ owner: OWNER, requestId: "k" }, () => {
      throw new Error("must not be called");
    });
    expect(again).toEqual({ id, attached: true });
  });

  it("frees the key when the run is gone: after its time, or when it is deleted", async () => {
    const { runs, clock } = createWorld({ ttlMs: 60_000 });
    const start = async (): Promise<string> => {
      const { id, attached } = await runs.start({ owner: OWNER, requestId: "k" }, saying("x"));
      expect(attached).toBe(false);
      await runs.ended(id);
      return id;
    };
    const first = await start();
    await clock.advance(59_999);
    expect((await runs.start({ owner: OWNER, requestId: "k" }, saying("x"))).id).toBe(first);
    await clock.advance(1);
    const second = await start();
    expect(await runs.get(first)).toBeUndefined();
    await runs.delete(second);
    await start();
  });

  it("lets go of the source that came with a start that attached, and with one that was refused", async () => {
    const { runs } = createWorld();
    const { id } = await runs.start({ owner: OWNER, requestId: "k", request: 1 }, saying("x"));
    const cancelled: string[] = [];
    const stream = (name: string): ReadableStream<string> =>
      new ReadableStream<string>({ cancel: () => void cancelled.push(name) });
    await runs.start({ owner: OWNER, requestId: "k", request: 1 }, stream("attached"));
    await expect(runs.start({ owner: OWNER, requestId: "k", request: 2 }, stream("refused"))).rejects.toMatchObject({
      code: "run/request-conflict",
    });
    await runs.start({ owner: OWNER, requestId: "k", request: 1 }, Promise.resolve(stream("promised")));
    await runs.start({ owner: OWNER, requestId: "k", request: 1 }, Promise.reject(new Error("unseen")));
    await turns();
    expect(cancelled.toSorted()).toEqual(["attached", "promised", "refused"]);
    await runs.ended(id);
  });

  it("gives an `open` with a taken key no run to push into", async () => {
    const { runs } = createWorld();
    const first = await runs.open({ owner: OWNER, requestId: "k" });
    const second = await runs.open({ owner: OWNER, requestId: "k" });
    expect(second).toEqual({ id: first.id, attached: true, run: undefined });
    await first.run?.finish();
  });

  it("refuses a body that is no JSON, or nested without end, and starts nothing", async () => {
    const { runs } = createWorld();
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    const deep: unknown = JSON.parse(`${"[".repeat(200_000)}${"]".repeat(200_000)}`);
    for (const request of [circular, deep, 1n]) {
      const start = runs.start({ owner: OWNER, requestId: "k", request }, saying("x"));
      await expect(start).rejects.toMatchObject({ code: "request/invalid" });
    }
    expect(await runs.find(OWNER, "k")).toBeUndefined();
  });
});

describe("the runs of an owner", () => {
  it("are listed newest first, in pages, and only the owner's", async () => {
    const { runs } = createWorld();
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      const { id } = await runs.start({ owner: OWNER, requestId: `k${n}`, meta: { n } }, saying("x"));
      await runs.ended(id);
      ids.unshift(id);
    }
    await runs.ended((await runs.start({ owner: "bob" }, saying("x"))).id);
    const first = await runs.list({ owner: OWNER, limit: 3 });
    expect(first.runs.map(({ id }) => id)).toEqual(ids.slice(0, 3));
    expect(first.runs[0]).toMatchObject({ status: "finished", requestId: "k4", meta: { n: 4 } });
    const second = await runs.list({ owner: OWNER, limit: 3, before: first.next! });
    expect(second.runs.map(({ id }) => id)).toEqual(ids.slice(3));
    expect(second.next).toBeUndefined();
    expect((await runs.list({ owner: "carol", limit: 3 })).runs).toEqual([]);
  });

  it("tell how they ended, with usage, finish reason, times and offsets", async () => {
    const { runs, clock } = createWorld();
    const { run, id } = await runs.open({ owner: OWNER, requestId: "k", meta: { model: "m" } });
    await clock.advance(30);
    for await (const event of saying("a", "b")) await run?.append(event);
    await clock.advance(70);
    const usage = { inputTokens: 3, outputTokens: 2, note: "no number" };
    await run?.finish({ finishReason: "length", messageMetadata: { usage, other: 1 } });
    await runs.ended(id);
    expect(await runs.get(id)).toEqual({
      id,
      owner: OWNER,
      status: "finished",
      requestId: "k",
      meta: { model: "m" },
      createdAt: 1_000_000,
      closedAt: 1_000_100,
      firstOffset: "11",
      lastOffset: "15",
      bytes: expect.any(Number),
      stopRequested: false,
      finishReason: "length",
      usage: { inputTokens: 3, outputTokens: 2 },
      firstTokenMs: 30,
    });
    expect(await runs.find(OWNER, "k")).toEqual(await runs.get(id));
  });

  it("tell the usage that was told last, however they end and wherever it travelled", async () => {
    const tell = (usage: object): RunEvent => ({ type: "message-metadata", messageMetadata: { usage } });
    const ends: readonly (readonly [status: string, end: (run: OpenRun) => Promise<void>, usage: object])[] = [
      ["finished", (run) => run.finish(), { inputTokens: 3, outputTokens: 5 }],
      [
        "finished",
        (run) => run.finish({ messageMetadata: { usage: { outputTokens: 6 } } }),
        { inputTokens: 3, outputTokens: 6 },
      ],
      ["failed", (run) => run.fail(new Error("the model is gone")), { inputTokens: 3, outputTokens: 5 }],
      ["aborted", (run) => run.append({ type: "abort" }), { inputTokens: 3, outputTokens: 5 }],
    ];
    for (const [status, end, usage] of ends) {
      const { runs } = createWorld();
      const { run, id } = await runs.open({ owner: OWNER });
      await run?.append(tell({ inputTokens: 3, outputTokens: 2 }));
      await run?.append({ event: "mine", data: { messageMetadata: { usage: { inputTokens: 99 } } } });
      await run?.append(tell({ outputTokens: 5, note: "no number" }));
      if (run) await end(run);
      await runs.ended(id);
      expect(await runs.get(id)).toMatchObject({ status, usage });
      expect((await runs.get(id))?.usage).toEqual(usage);
    }
  });

  it("are deleted once they have ended, and not before", async () => {
    const { runs } = createWorld();
    const { run, id } = await runs.open({ owner: OWNER });
    await expect(runs.delete(id)).rejects.toMatchObject({ code: "run/running" });
    await run?.finish();
    await runs.delete(id);
    expect(await runs.get(id)).toBeUndefined();
    await expect(runs.delete(id)).rejects.toMatchObject({ code: "run/not-found" });
  });

  it("that never were are not found, and have ended", async () => {
    const { runs } = createWorld();
    expect(await runs.get("run_0")).toBeUndefined();
    expect(await runs.find(OWNER, "k")).toBeUndefined();
    await expect(runs.ended("run_0")).resolves.toBeUndefined();
    await expect(runs.stop("run_0")).rejects.toMatchObject({ code: "run/not-found" });
    await expect(runs.delete("run_0")).rejects.toMatchObject({ code: "run/not-found" });
  });
});

describe("options", () => {
  it.each([
    { limits: { maxDurationMs: 1_800_001 } },
    { limits: { maxDurationMs: 0 } },
    { limits: { maxBytes: 1.5 } },
    { limits: { maxEntries: Number.NaN } },
    { limits: { maxEntries: Number.POSITIVE_INFINITY } },
    { leaseMs: 0 },
    { leaseMs: Number.NaN },
    { ttlMs: -1 },
  ])("that cannot hold are refused by name: %j", (options) => {
    expect(() => createWorld(options)).toThrow(expect.objectContaining({ code: "option/invalid" }));
  });

  it("of one start are checked as well, and start nothing", async () => {
    const { runs } = createWorld();
    const start = runs.start({ owner: OWNER, limits: { maxBytes: -1 } }, saying("x"));
    await expect(start).rejects.toMatchObject({ code: "option/invalid", details: { field: "maxBytes" } });
    expect((await runs.list({ owner: OWNER, limit: 1 })).runs).toEqual([]);
  });
});
