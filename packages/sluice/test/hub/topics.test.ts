import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHub, createMemoryTopics, type TopicEvent } from "../../src/hub/index.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { coded, dataOf, listen, numbers, told, turn } from "./support.ts";

const LARGE = "x".repeat(20_000);

describe("a subscriber", () => {
  it("begins with what comes from now on, in order, each once", async () => {
    const hub = createHub();
    await hub.broadcast("k", "e", "before");
    const one = await listen(hub, "k");
    for (const number of numbers(1_000)) void hub.broadcast("k", "e", number);
    await turn();
    expect(dataOf(one.events)).toEqual(numbers(1_000));
  });

  it("is woken once for what is told in one turn", async () => {
    const hub = createHub();
    let woken = 0;
    hub.open("k", { from: await hub.locate("k"), wake: () => (woken += 1) });
    for (const number of numbers(10)) void hub.broadcast("k", "e", number);
    await turn();
    expect(woken).toBe(1);
  });

  it("begins with the newest that it asks for, or as many as there are", async () => {
    const hub = createHub();
    for (const number of numbers(5)) void hub.broadcast("k", "e", number);
    const starts = [0, 2, 5, 9].map(async (last) => dataOf((await listen(hub, "k", { last })).events));
    expect(await Promise.all(starts)).toEqual([[], ["3", "4"], numbers(5), numbers(5)]);
  });

  it("goes on after the id it has, wherever it was cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(60), { minLength: 1, maxLength: 8 }), async (bursts) => {
        const hub = createHub();
        const all: TopicEvent[] = [];
        let place = await hub.locate("k");
        let count = 0;
        for (const burst of bursts) {
          for (let index = 0; index < burst; index += 1) void hub.broadcast("k", "e", String(count++));
          const { events, subscription } = await listen(hub, "k", { after: place });
          const taken = events.slice(0, Math.ceil(events.length / 2));
          all.push(...taken);
          place = taken.at(-1)?.id ?? place;
          subscription.close();
        }
        const rest = await listen(hub, "k", { after: place });
        expect(dataOf([...all, ...rest.events])).toEqual(numbers(count));
      }),
      { numRuns: 50 },
    );
  });

  it("that was away for too long is told of the gap, by 410", async () => {
    const hub = createHub({ store: createMemoryTopics({ history: 3 }) });
    const ids: string[] = [];
    for (const _ of numbers(20)) ids.push(await hub.broadcast("k", "e", LARGE));
    await expect(listen(hub, "k", { after: ids[0] ?? "" })).rejects.toMatchObject({ code: "log/gap" });
    const { events } = await listen(hub, "k", { after: ids.at(-4) ?? "" });
    expect(events.map(({ id }) => id)).toEqual(ids.slice(-3));
  });

  it("is told of the gap by an id of a topic that was made anew, and of an id that is none", async () => {
    const [here, elsewhere] = [createHub(), createHub()];
    const id = await elsewhere.broadcast("k", "e", 1);
    await here.broadcast("k", "e", 1);
    await expect(here.locate("k", { after: id })).rejects.toEqual(coded("log/gap"));
    const mine = await here.locate("k");
    for (const wrong of ["", "15", "x_15", `${mine}.1`, `${mine}\n`, mine.toUpperCase() + "g"]) {
      await expect(here.locate("k", { after: wrong })).rejects.toEqual(coded("offset/malformed"));
    }
    await expect(here.locate("k", { after: mine.replace(/1$/, "9") })).rejects.toEqual(coded("offset/beyond-end"));
  });

  it("is a loop that ends with its signal, and unsubscribes when it is left", async () => {
    const hub = createHub();
    const leaving = new AbortController();
    const heard: string[] = [];
    await hub.broadcast("k", "e", "a");
    const loop = (async () => {
      for await (const { data } of hub.subscribe("k", { last: 1, signal: leaving.signal })) {
        heard.push(data);
        if (data === "b") leaving.abort();
      }
    })();
    await turn();
    expect(hub.getConnectionCount("k")).toBe(1);
    void hub.broadcast("k", "e", "b");
    await loop;
    expect([heard, hub.getConnectionCount("k")]).toEqual([["a", "b"], 0]);
    for await (const _ of hub.subscribe("k", { last: 1 })) break;
    expect(hub.getConnectionKeys()).toEqual([]);
  });

  // A stream made of a topic (`ReadableStream.from(hub.subscribe(key, { who }))`) whose reader had gone was counted, and
  // shown as present to everybody else, until somebody told that topic something: in a quiet one for ever.
  it("is gone as soon as it is left, also while it waits for an event", async () => {
    const hub = createHub();
    const loop = hub.subscribe("k", { who: "ann" });
    expect(await loop.next()).toMatchObject({ value: { event: "presence", data: '{"joined":"ann"}' } });
    const next = loop.next();
    expect(await Promise.race([loop.return(undefined), turn()])).toEqual({ done: true, value: undefined });
    expect(await next).toEqual({ done: true, value: undefined });
    expect([await hub.presence("k"), hub.getConnectionKeys()]).toEqual([[], []]);
    const early = hub.subscribe("k", { who: "bob" });
    const first = early.next();
    await early.return(undefined);
    expect([await first, hub.getConnectionKeys()]).toEqual([{ done: true, value: undefined }, []]);
    expect(await early.next()).toEqual({ done: true, value: undefined });
  });

  it("that cannot begin leaves nothing on its signal", async () => {
    const hub = createHub();
    const { signal } = new AbortController();
    const loop = hub.subscribe("k", { who: "", signal });
    await expect(loop.next()).rejects.toEqual(coded("option/invalid"));
    expect([getEventListeners(signal, "abort"), hub.getConnectionKeys()]).toEqual([[], []]);
  });

  it("whose `wake` throws keeps it from nobody who is woken after it", async () => {
    const hub = createHub();
    const from = await hub.locate("k");
    hub.open("k", {
      from,
      wake() {
        throw new Error("of the caller");
      },
    });
    const other = await listen(hub, "k");
    void hub.broadcast("k", "e", "1");
    await turn();
    expect(dataOf(other.events)).toEqual(["1"]);
  });

  it("of a hub that is let go of is broken off", async () => {
    const hub = createHub();
    const one = await listen(hub, "k");
    await hub[Symbol.asyncDispose]();
    expect(one.error).toEqual(coded("log/released"));
  });
});

describe("one subscriber that never reads", () => {
  it("costs the others nothing, is bounded, and is told when it comes back too late", async () => {
    const hub = createHub();
    const stuck = hub.open("k", { from: await hub.locate("k"), wake: () => {} });
    const others = await Promise.all([listen(hub, "k"), listen(hub, "k"), listen(hub, "k")]);
    for (const number of numbers(1_000)) await hub.broadcast("k", "e", `${number} ${LARGE}`);
    await turn();
    for (const { events } of others) {
      expect(events.map(({ data }) => data.split(" ")[0])).toEqual(numbers(1_000));
      events.length = 0;
    }
    expect((await listen(hub, "k", { last: 10_000 })).events.length).toBe(100);
    expect(() => stuck.take()).toThrow(coded("log/gap") as Error);
    expect(hub.getConnectionCount("k")).toBe(5);
  });
});

describe("who is there", () => {
  it("is told by name, once for all connections of a name", async () => {
    const hub = createHub();
    const watcher = await listen(hub, "k");
    const [ann1, ann2] = [await listen(hub, "k", { who: "ann" }), await listen(hub, "k", { who: "ann" })];
    const bob = await listen(hub, "k", { who: "bob" });
    expect([await hub.presence("k"), await hub.countConnections("k")]).toEqual([["ann", "bob"], 4]);
    ann1.subscription.close();
    ann1.subscription.close();
    bob.subscription.close();
    expect([await hub.presence("k"), await hub.countConnections("k")]).toEqual([["ann"], 2]);
    ann2.subscription.close();
    await turn();
    expect(watcher.events.map(told)).toEqual([
      { event: "presence", data: '{"joined":"ann"}' },
      { event: "presence", data: '{"joined":"bob"}' },
      { event: "presence", data: '{"left":"bob"}' },
      { event: "presence", data: '{"left":"ann"}' },
    ]);
  });
});

describe("who types", () => {
  it("is told when it changes, and stops by itself", async () => {
    const clock = createManualClock();
    const hub = createHub({ store: createMemoryTopics({ clock }), typingMs: 5_000 });
    const watcher = await listen(hub, "k");
    await hub.typing("k", "ann");
    await clock.advance(4_000);
    await hub.typing("k", "ann");
    await clock.advance(4_000);
    await hub.typing("k", "bob");
    expect(watcher.events.map(told)).toEqual([{ event: "typing", data: '{"isTyping":true,"who":"ann"}' }]);
    await clock.advance(1_000);
    await hub.typing("k", "bob", false);
    await hub.typing("k", "bob", false);
    await turn();
    expect(watcher.events.slice(1).map(told)).toEqual([
      { event: "typing", data: '{"isTyping":true,"who":"bob"}' },
      { event: "typing", data: '{"isTyping":false,"who":"ann"}' },
      { event: "typing", data: '{"isTyping":false,"who":"bob"}' },
    ]);
    expect(clock.timers).toBe(0);
  });
});

describe("progress", () => {
  it("is an event with a percentage and whatever else", async () => {
    const hub = createHub();
    const watcher = await listen(hub, "k");
    await hub.progress("k", { percent: 50, step: "upload" });
    expect(watcher.events.map(told)).toEqual([{ event: "progress", data: '{"percent":50,"step":"upload"}' }]);
    expect(() => hub.progress("k", { percent: 101 })).toThrow(coded("option/invalid") as Error);
    expect(() => hub.progress("k", { percent: Number.NaN })).toThrow(coded("option/invalid") as Error);
  });
});

describe("topics in memory", () => {
  it("are gone when nobody has used them for their time, but for those who are there", async () => {
    const clock = createManualClock();
    const hub = createHub({ store: createMemoryTopics({ clock, ttlMs: 1_000 }) });
    const idle = await hub.broadcast("idle", "e", 1);
    const watched = await hub.broadcast("watched", "e", 1);
    await listen(hub, "watched");
    await clock.advance(999);
    expect(await hub.locate("watched", { after: watched })).toBe(watched);
    await clock.advance(1);
    await expect(hub.locate("idle", { after: idle })).rejects.toEqual(coded("log/gap"));
    await clock.advance(5_000);
    expect(await hub.locate("watched", { after: watched })).toBe(watched);
  });

  it("take no more than they may: those used longest ago go first, and who follows one goes on", async () => {
    const hub = createHub({ store: createMemoryTopics({ maxLength: 100_000 }) });
    const live = await listen(hub, "followed");
    const followed = await hub.broadcast("followed", "e", LARGE);
    const first = await hub.broadcast("first", "e", LARGE);
    const last = await hub.broadcast("last", "e", LARGE);
    for (const number of numbers(50)) await hub.broadcast(`key ${number}`, "e", 1);
    await expect(hub.locate("first", { after: first })).rejects.toEqual(coded("log/gap"));
    expect(await hub.locate("last", { after: last })).toBe(last);
    await hub.broadcast("followed", "e", "more");
    await turn();
    expect(dataOf(live.events)).toEqual([LARGE, "more"]);
    expect(await hub.locate("followed", { after: followed })).toBe(followed);
  });

  it("are bounded also where they are only looked at", async () => {
    const hub = createHub({ store: createMemoryTopics({ maxLength: 10_000 }) });
    const first = await hub.locate("key 0");
    for (const number of numbers(100)) await hub.locate(`key ${number}`);
    await expect(hub.locate("key 0", { after: first })).rejects.toEqual(coded("log/gap"));
    expect(hub.getConnectionKeys()).toEqual([]);
  });

  it("refuse options that cannot work", () => {
    expect(() => createMemoryTopics({ history: 0 })).toThrow(coded("option/invalid") as Error);
    expect(() => createMemoryTopics({ history: 10_001 })).toThrow(coded("option/invalid") as Error);
    expect(() => createHub({ typingMs: 0.5 })).toThrow(coded("option/invalid") as Error);
  });
});
