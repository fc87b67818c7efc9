import type { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { fold, type ChatEvent } from "../../src/chat/index.ts";
import type { LogStore } from "../../src/log/index.ts";
import { DUE } from "../../src/log/redis/scripts/indexes.ts";
import { createWriter } from "../../src/run/index.ts";
import { startFaultProxy } from "../../src/testing/fault-proxy.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { FENCE, LOG, PUT_BACK, append, codeOf, readAll, tailOf, texts, withLosingRedis } from "./redis-losing.ts";

const redis = withLosingRedis();
const { node, losing, reconnect, becomeAnother, connect, startServer } = redis;

describe("acknowledged entries that a fail-over has lost", () => {
  it("are put back by the next append, with the same numbers", async () => {
    const { store, told } = node();
    await store.create("log", LOG);
    await append(store, 1, 5);
    await losing(() => append(store, 6, 10));
    await append(store, 11, 12);
    await store.close("log", ["t"], { expected: 12, fence: FENCE });
    expect(await readAll(store)).toEqual([...texts(1, 12), "t"]);
    expect((await store.state("log"))?.bytes).toBe(Buffer.byteLength([...texts(1, 12), "t"].join("")));
    expect(told).toEqual([PUT_BACK]);
  });

  it("are put back by the close, also when nothing is left of them", async () => {
    const { store } = node();
    await store.create("log", LOG);
    await losing(() => append(store, 1, 7));
    await store.close("log", ["t"], { expected: 7, fence: FENCE, summary: { status: "finished" } });
    expect(await readAll(store)).toEqual([...texts(1, 7), "t"]);
    expect((await store.state("log"))?.summary).toEqual({ status: "finished" });
  });

  it("are put back as they were: other fields of a record, line ends, any text", async () => {
    const { store } = node();
    await store.create("log", LOG);
    const odd = ["", "a\nb\r\n", "\0", "é𝄞", "x".repeat(40_000)];
    await store.append("log", odd.slice(0, 2), { expected: 0, fence: FENCE });
    await losing(() => store.append("log", odd.slice(2), { expected: 2, fence: FENCE }));
    await append(store, 6, 6);
    await store.close("log", ["t"], { expected: 6, fence: FENCE });
    expect(await readAll(store)).toEqual([...odd, "entry 6", "t"]);
  });

  it("are put back when they are half of what an append had", async () => {
    const { store } = node();
    await store.create("log", LOG);
    await store.append("log", texts(1, 3), { expected: 0, fence: FENCE });
    await losing(() => store.append("log", texts(4, 6), { expected: 3, fence: FENCE }));
    // As a replica that got only a part would have it.
    await redis.admin.xadd("sluice:{log}:entries", "4", "e", "entry 4");
    await redis.admin.hset("sluice:{log}:log", "last", "4");
    await append(store, 7, 7);
    expect((await store.read("log", { after: 0 })).entries).toEqual(texts(1, 7));
  });

  it("are put back once by appends that come together", async () => {
    const { store } = node();
    await store.create("log", LOG);
    await append(store, 1, 5);
    await losing(() => append(store, 6, 10));
    await Promise.all([append(store, 11, 11), append(store, 12, 12), append(store, 13, 13)]);
    expect((await store.read("log", { after: 0 })).entries).toEqual(texts(1, 13));
  });

  it("are put back again when they are lost again", async () => {
    const { store, told } = node();
    await store.create("log", LOG);
    await append(store, 1, 2);
    await losing(() => losing(() => append(store, 3, 6)).then(() => append(store, 7, 8)));
    await append(store, 9, 9);
    expect((await store.read("log", { after: 0 })).entries).toEqual(texts(1, 9));
    expect(told).toEqual([PUT_BACK, PUT_BACK]);
  });

  it("are put back when the connection stands again, while their producer pauses", async () => {
    const producer = node();
    const { store, told } = producer;
    await store.create("log", LOG);
    await append(store, 1, 5);
    await losing(() => append(store, 6, 10));
    await reconnect(producer);
    await expect.poll(() => store.state("log")).toMatchObject({ last: 10 });
    expect((await store.read("log", { after: 0 })).entries).toEqual(texts(1, 10));
    expect(told).toEqual([PUT_BACK]);
  });

  it("are put back with the close that was lost with them, when the connection stands again", async () => {
    const producer = node();
    const { store } = producer;
    await store.create("log", LOG);
    await append(store, 1, 5);
    await losing(async () => {
      await append(store, 6, 7);
      await store.close("log", ["t"], { expected: 7, fence: FENCE, summary: { status: "finished" } });
    });
    await reconnect(producer);
    await expect.poll(async () => (await store.state("log"))?.closedAt).toBeDefined();
    expect(await readAll(store)).toEqual([...texts(1, 7), "t"]);
    expect((await store.state("log"))?.summary).toEqual({ status: "finished" });
  });

  it("are not looked for when the first connection is made", async () => {
    const { store, told } = node();
    await store.create("log", LOG);
    await append(store, 1, 5);
    expect(told).toEqual([]);
    expect(await codeOf(store.read("log", { after: 9 }))).toBe("offset/beyond-end"); // no grace: it does not wait
  });

  it("go on to be read by readers of every node, each entry once", async () => {
    const [a, b] = [node(), node({ pollMs: 50 })];
    await a.store.create("log", LOG);
    const tails = [tailOf(a.store), tailOf(b.store)];
    await append(a.store, 1, 5);
    const before = losing(async () => {
      await append(a.store, 6, 10);
      return Promise.all(tails.map((tail) => tail.take(10)));
    });
    expect(await before).toEqual([texts(1, 10), texts(1, 10)]);
    await Promise.all([reconnect(b), reconnect(a)]);
    await append(a.store, 11, 12);
    await a.store.close("log", ["t"], { expected: 12, fence: FENCE });
    for (const tail of tails) expect(await tail.take(3)).toEqual(["entry 11", "entry 12", "t"]);
    for (const { store } of [a, b]) expect(await readAll(store)).toEqual([...texts(1, 12), "t"]);
  });
});

describe("a reader that has more than the log", () => {
  it("waits for the producer within the grace after a reconnect", async () => {
    const [a, b] = [node(), node({ graceMs: 60_000 })];
    await a.store.create("log", LOG);
    await append(a.store, 1, 5);
    await b.store.state("log");
    await losing(() => append(a.store, 6, 10));
    await reconnect(b);
    const reading = Promise.all([b.store.read("log", { after: 10 }), tailOf(b.store, 10).take(1)]);
    await b.store.state("log"); // behind their first looks
    await append(a.store, 11, 11);
    const [read, tailed] = await reading;
    expect([read.after, tailed]).toEqual([10, ["entry 11"]]);
  });

  it("is told log/rewound when the grace is over, and it was further in this tail or Redis was away", async () => {
    const clock = createManualClock();
    const [a, b] = [node(), node({ graceMs: 300, clock })];
    await a.store.create("log", LOG);
    await append(a.store, 1, 5);
    const live = tailOf(b.store);
    await losing(async () => {
      await append(a.store, 6, 10);
      expect(await live.take(10)).toHaveLength(10);
    });
    await reconnect(b);
    const late = [codeOf(b.store.read("log", { after: 8 })), codeOf(tailOf(b.store, 8).next())];
    let told: readonly string[] | undefined;
    void Promise.all([codeOf(live.next()), ...late]).then((codes) => (told = codes));
    await b.store.state("log"); // behind their first looks
    await clock.advance(299);
    await b.store.state("log");
    expect(told).toBeUndefined();
    while (told === undefined) {
      await clock.advance(1);
      await b.store.state("log");
    }
    expect(told).toEqual(Array(3).fill("log/rewound"));
    // Long after that nobody knows better than that it is a strange offset.
    expect(await codeOf(b.store.read("log", { after: 8 }))).toBe("offset/beyond-end");
    expect(await codeOf(tailOf(b.store, 8).next())).toBe("offset/beyond-end");
  });

  it("is told log/rewound at once by a node that has just come, when the server is another than the log's", async () => {
    const { store } = node();
    await store.create("log", LOG);
    await append(store, 1, 5);
    await becomeAnother();
    expect(await codeOf(node().store.read("log", { after: 8 }))).toBe("log/rewound");
    await store.close("log", ["t"], { expected: 5, fence: FENCE });
    expect(await codeOf(node().store.read("log", { after: 8 }))).toBe("log/rewound");
    expect((await node().store.read("log", { after: 6 })).end).toBe(true);
  });

  it("of a closed log does not wait", async () => {
    const closed = node({ graceMs: 3_600_000 });
    await closed.store.create("log", LOG);
    await closed.store.close("log", ["t"], { expected: 0, fence: FENCE });
    await reconnect(closed);
    expect(await codeOf(closed.store.read("log", { after: 2 }))).toBe("offset/beyond-end");
  });
});

it("nothing lapses after Redis was away, also for who had asked before", async () => {
  const client = connect(redis.server.url);
  let isAsked = false;
  let answer = (): void => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  const call = client.call.bind(client) as (command: string, args: string[]) => Promise<unknown>;
  const slow = async (command: string, args: string[]): Promise<unknown> => {
    if (args[0] === DUE.sha) {
      isAsked = true;
      await answered;
    }
    return call(command, args);
  };
  const waiting = node({ client: Object.assign(client, { call: slow }), graceMs: 60_000 });
  await waiting.store.create("log", { ...LOG, lease: { holder: "a", ttlMs: 1 } });
  const lapsed = waiting.store.lapsed(10);
  expect(isAsked).toBe(true);
  await reconnect(waiting);
  answer();
  expect(await lapsed).toEqual([]);
});

describe("an append that was given up", () => {
  /** A client whose next append is delivered when it is told to. */
  function delaying(): { client: Redis; held: () => boolean; deliver: () => Promise<void>; hold: () => void } {
    const client = connect(redis.server.url);
    let state: "pass" | "hold" | "held" = "pass";
    let send: (() => Promise<unknown>) | undefined;
    const call = client.call.bind(client) as (command: string, args: string[]) => Promise<unknown>;
    const delayed = (command: string, args: string[]): Promise<unknown> => {
      if (state !== "pass" && args.includes('{"event":"n","data":2}') && args.length === 9) {
        state = "held";
        send = () => call(command, args);
        return new Promise(() => {});
      }
      return call(command, args);
    };
    return {
      client: Object.assign(client, { call: delayed }),
      hold: () => (state = "hold"),
      held: () => state === "held",
      deliver: async () => void (await send?.()),
    };
  }

  it.each(["before", "after", "never"] as const)(
    "and arrives %s the terminal is in the log once, and the run ends",
    async (when) => {
      const { client, hold, held, deliver } = delaying();
      const { store } = node({ client, patienceMs: 500 });
      const clock = createManualClock();
      const { fence } = await store.create("log", LOG);
      const refused: unknown[] = [];
      const limits = { maxBytes: 1_000, maxEntries: 10 };
      const onRefused = (error: unknown): void => void refused.push(error);
      const closing: LogStore = Object.create(store, {
        append: { value: store.append.bind(store) },
        state: { value: store.state.bind(store) },
        close: {
          value: async (...given: Parameters<LogStore["close"]>) => {
            if (when === "before") await deliver();
            return store.close(...given);
          },
        },
      });
      const writer = createWriter({ store: closing, clock, runId: "log", fence, limits, onRefused });
      await writer.append({ type: "start" });
      await writer.append({ event: "n", data: 1 });
      await expect.poll(() => store.state("log")).toMatchObject({ last: 2 });
      hold();
      await writer.append({ event: "n", data: 2 });
      await expect.poll(held).toBe(true);
      await clock.advance(10_000);
      await expect.poll(() => refused).toHaveLength(1);
      const { terminal } = await writer.end({ terminal: { type: "finish" } });
      expect(terminal).toMatchObject({ type: "error", code: "log/unavailable" });
      if (when === "after") await deliver();
      const { entries, end } = await store.read("log", { after: 0 });
      expect(entries.map((entry) => JSON.parse(entry) as object)).toEqual([
        { type: "start" },
        { event: "n", data: 1 },
        { event: "n", data: 2 },
        terminal,
      ]);
      expect(end).toBe(true);
    },
  );
});

describe("a replica that becomes the master", () => {
  it("without the last entries: the message of every reader is the one that was produced", async () => {
    const replica = await startServer("--replicaof", "127.0.0.1", String(redis.server.port));
    await expect.poll(() => replica.command("info", "replication")).toContain("master_link_status:up");
    const target = { port: redis.server.port };
    const proxy = await startFaultProxy({ target });
    redis.onEnd(() => proxy.close());
    const url = `redis://127.0.0.1:${proxy.port}`;
    const [a, b] = [node({}, url), node({ pollMs: 50 }, url)];
    await a.store.create("log", LOG);

    const events: ChatEvent[] = [
      { type: "start", messageId: "m" },
      { type: "text-start", id: "t" },
    ];
    for (let n = 1; n <= 40; n += 1) events.push({ type: "text-delta", id: "t", delta: `word ${n} é ` });
    events.push({ type: "text-end", id: "t" }, { type: "finish", finishReason: "stop" });
    const entries = events.map((event) => JSON.stringify(event));
    const put = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n += 1) await a.store.append("log", [entries[n]!], { expected: n, fence: FENCE });
    };
    const live = [tailOf(a.store), tailOf(b.store)];
    await put(0, 15);
    await connect(redis.server.url).call("wait", "1", "5000");
    await replica.command("replicaof", "no", "one");
    await put(15, 25); // only the old master has these, and every reader
    for (const tail of live) expect(await tail.take(25)).toEqual(entries.slice(0, 25));
    target.port = replica.port;
    await redis.server.kill();
    proxy.cutAll();

    await put(25, entries.length - 1);
    await a.store.close("log", entries.slice(-1), { expected: entries.length - 1, fence: FENCE });
    for (const tail of live) expect(await tail.take(entries.length - 25)).toEqual(entries.slice(25));
    for (const { store } of [a, b]) {
      const read = await readAll(store);
      expect(JSON.stringify(fold(read.map((entry) => JSON.parse(entry) as ChatEvent)))).toBe(
        JSON.stringify(fold(events)),
      );
    }
    expect(a.told).toEqual([PUT_BACK]);
  });
});

it("a server that asks for a password is ready when it answers, and is given it", async () => {
  const guarded = await startServer("--requirepass", "secret");
  const { store } = node({}, guarded.url);
  expect(await store.state("log")).toBeUndefined();
  expect(await guarded.command("ping")).toContain("PONG");
  expect(await codeOf(node({}, `redis://127.0.0.1:${guarded.port}`).store.state("log"))).toBe("log/unavailable");
});
