import { describe, expect, it } from "vitest";
import type { CreateLog } from "../../src/log/index.ts";
import { createRuns } from "../../src/run/index.ts";
import {
  FENCE,
  LOG,
  REWOUND,
  append,
  codeOf,
  failure,
  readAll,
  tailOf,
  texts,
  withLosingRedis,
} from "./redis-losing.ts";
import type { Node } from "./redis-losing.ts";

const redis = withLosingRedis();
const { node, losing, reconnect, becomeAnother } = redis;

describe("where what was lost is not kept", () => {
  async function rewind(): Promise<Node> {
    const lone = node({ keepMs: 0, pollMs: 50 });
    await lone.store.create("log", LOG);
    await append(lone.store, 1, 5);
    await losing(() => append(lone.store, 6, 10));
    return lone;
  }

  it("the append fails with log/rewound, and so does every one after it", async () => {
    const { store, told } = await rewind();
    const refused = { code: "log/rewound", details: { last: 5 } };
    expect(await failure(append(store, 11, 11))).toEqual(refused);
    expect(told).toEqual([REWOUND]);
    expect(await failure(append(store, 6, 6))).toEqual(refused);
    expect(await failure(append(store, 11, 11))).toEqual(refused);
    expect((await store.read("log", { after: 0 })).entries).toEqual(texts(1, 5));
  });

  it("the close fails with log/rewound, and the terminal is taken behind what is left", async () => {
    const { store } = await rewind();
    expect(await failure(store.close("log", ["t"], { expected: 10, fence: FENCE }))).toEqual({
      code: "log/rewound",
      details: { last: 5 },
    });
    expect(await store.close("log", ["e"], { expected: 5, fence: FENCE })).toEqual({ last: 6 });
    expect(await store.close("log", ["e"], { expected: 5, fence: FENCE })).toEqual({ last: 6 });
    expect(await readAll(store)).toEqual([...texts(1, 5), "e"]);
  });

  it("a fence that is not the log's marks nothing", async () => {
    const { store } = await rewind();
    expect(await codeOf(store.append("log", ["x"], { expected: 10, fence: 0 }))).toBe("log/fenced");
    expect(await redis.admin.hexists("sluice:{log}:log", "rewound")).toBe(0);
  });

  it("readers of what is left go on to the terminal, and every other is told log/rewound", async () => {
    const { store } = await rewind();
    const other = node({ pollMs: 50 }).store;
    const [behind, at] = [tailOf(other, 3), tailOf(other, 5)];
    expect(await behind.take(2)).toEqual(texts(4, 5));
    expect(await codeOf(append(store, 11, 11))).toBe("log/rewound");
    await store.close("log", ["e"], { expected: 5, fence: FENCE });
    expect(await behind.take(1)).toEqual(["e"]);
    expect(await at.take(1)).toEqual(["e"]);
    expect(await readAll(other, 5)).toEqual(["e"]);
    // The terminal's own number may have been an entry that is lost.
    for (const after of [6, 7, 10, 11]) {
      const { code, details } = await failure(other.read("log", { after }));
      expect({ after, code, details }).toEqual({ after, code: "log/rewound", details: { last: "15", first: "11" } });
      expect(await codeOf(tailOf(other, after).next())).toBe("log/rewound");
    }
  });

  it("live readers that have more are told log/rewound, at the latest when the log is closed", async () => {
    const lone = node({ keepMs: 0 });
    const other = node({ pollMs: 3_600_000 });
    await lone.store.create("log", LOG);
    await append(lone.store, 1, 5);
    const live = [tailOf(lone.store), tailOf(other.store)];
    await losing(async () => {
      await append(lone.store, 6, 10);
      for (const tail of live) expect(await tail.take(10)).toEqual(texts(1, 10));
    });
    const ends = live.map((tail) => codeOf(tail.next()));
    expect(await codeOf(append(lone.store, 11, 11))).toBe("log/rewound");
    expect(await Promise.all(ends)).toEqual(["log/rewound", "log/rewound"]);
  });

  it("the log is marked when the connection stands again, before its producer appends", async () => {
    const lone = await rewind();
    const { store, told } = lone;
    await reconnect(lone);
    await expect.poll(() => told).toEqual([REWOUND]);
    expect(await codeOf(append(store, 11, 11))).toBe("log/rewound");
  });

  it("the run ends with an error terminal, code log/rewound, behind what is left", async () => {
    for (const how of ["append", "finish"] as const) {
      const { store } = node({ keepMs: 0, prefix: how });
      const runs = createRuns({ store });
      const { run, id } = await runs.open({ owner: "o" });
      const keys = [`${how}:{${id}}:log`, `${how}:{${id}}:entries`];
      await run!.append({ type: "text-start", id: "t" });
      await expect.poll(() => store.state(id)).toMatchObject({ last: 2 });
      const before = await Promise.all(keys.map((key) => redis.admin.dumpBuffer(key)));
      await run!.append({ type: "text-delta", id: "t", delta: "lost" });
      await expect.poll(() => store.state(id)).toMatchObject({ last: 3 });
      for (const [index, key] of keys.entries()) await redis.admin.restore(key, 0, before[index]!, "REPLACE");
      if (how === "append") await run!.append({ type: "text-delta", id: "t", delta: "x" });
      else await run!.finish();
      await runs.ended(id);
      const { entries, end } = await store.read(id, { after: 0 });
      expect(entries.map((entry) => JSON.parse(entry) as object)).toEqual([
        expect.objectContaining({ type: "start" }),
        { type: "text-start", id: "t" },
        { type: "error", code: "log/rewound", errorText: expect.any(String) as string },
      ]);
      expect(end).toBe(true);
      expect(await runs.get(id)).toMatchObject({ status: "failed", error: { code: "log/rewound" } });
    }
  });
});

describe("a log that is taken over", () => {
  const SHORT: CreateLog = { ...LOG, lease: { holder: "a", ttlMs: 1 } };
  const other = { holder: "b", ttlMs: 60_000 };
  // Five appends may take less than a millisecond, so time is told.
  let now = 1_000_000;
  const timed = (): Node => node({ time: () => now });

  it("on another server than it was made on is marked: what its producer had appended may be lost", async () => {
    const { store } = timed();
    await store.create("log", SHORT);
    await append(store, 1, 5);
    await becomeAnother();
    now += 1;
    const { fence } = await store.lease("log", other);
    expect(await codeOf(append(store, 6, 6, fence))).toBe("log/rewound");
    await store.close("log", ["e"], { expected: 5, fence });
    expect(await readAll(store, 5)).toEqual(["e"]);
    expect(await codeOf(store.read("log", { after: 6 }))).toBe("log/rewound");
  });

  it("on the same server is not", async () => {
    const { store } = timed();
    await store.create("log", SHORT);
    await append(store, 1, 5);
    now += 1;
    const { fence } = await store.lease("log", other);
    await append(store, 6, 6, fence);
    await store.close("log", ["e"], { expected: 6, fence });
    expect((await store.read("log", { after: 7 })).end).toBe(true);
  });

  it("is not marked by its holder's renewals", async () => {
    const { store } = node();
    await store.create("log", LOG);
    await becomeAnother();
    await store.lease("log", { holder: "a", ttlMs: 60_000, fence: FENCE });
    await append(store, 1, 1);
    expect((await store.read("log", { after: 1 })).entries).toEqual([]);
  });

  it("gets nothing back from the producer that was fenced off", async () => {
    const [a, b] = [timed(), timed()];
    await a.store.create("log", SHORT);
    await append(a.store, 1, 5);
    await losing(() => append(a.store, 6, 10));
    now += 1;
    const { fence } = await b.store.lease("log", other);
    await reconnect(a);
    expect(await codeOf(append(a.store, 11, 11))).toBe("log/fenced");
    await b.store.close("log", ["e"], { expected: 5, fence });
    expect(await readAll(b.store)).toEqual([...texts(1, 5), "e"]);
    expect(a.told).toEqual([]);
  });
});

describe("a caller that is mistaken about the end of a log", () => {
  it("gets log/conflict and marks nothing, whichever server it is", async () => {
    const { store } = node();
    await store.create("log", LOG);
    expect(await failure(store.append("log", ["x"], { expected: 3, fence: FENCE }))).toEqual({
      code: "log/conflict",
      details: { expected: 3, last: 0 },
    });
    await append(store, 1, 2);
    await becomeAnother();
    expect(await codeOf(store.append("log", ["x"], { expected: 3, fence: FENCE }))).toBe("log/conflict");
    expect(await codeOf(store.close("log", ["x"], { expected: 3, fence: FENCE }))).toBe("log/conflict");
    await append(store, 3, 3);
  });

  it("is believed when this node knows nothing of the log and the server is another one", async () => {
    const { store } = node();
    await store.create("log", LOG);
    await becomeAnother();
    expect(await failure(store.append("log", ["x"], { expected: 3, fence: FENCE }))).toEqual({
      code: "log/rewound",
      details: { last: 0 },
    });
  });

  it("gets log/conflict of a log without a lease, which everybody appends to", async () => {
    const anyone = node();
    const { store, told } = anyone;
    await store.create("log", { owner: "o", meta: {}, ttlMs: 60_000 });
    await append(store, 1, 5);
    await losing(() => append(store, 6, 10));
    await becomeAnother();
    await reconnect(anyone);
    expect(await codeOf(append(store, 11, 11))).toBe("log/conflict");
    await append(store, 6, 6);
    expect(told).toEqual([]);
  });

  it("puts nothing of a log that was deleted into another of the same id", async () => {
    const [a, b] = [node(), node()];
    await a.store.create("log", LOG);
    await append(a.store, 1, 5);
    await b.store.delete("log");
    await b.store.create("log", LOG);
    expect(await codeOf(append(a.store, 6, 6))).toBe("log/conflict");
    await reconnect(a);
    for (let turn = 0; turn < 3; turn += 1) await a.store.state("log"); // behind what it looks for, and would put back
    expect((await b.store.read("log", { after: 0 })).entries).toEqual([]);
    await append(b.store, 1, 1);
    expect(a.told).toEqual([]);
  });
});
