import { describe, expect, it } from "vitest";
import { createHub } from "../../src/hub/index.ts";
import { silent } from "../../src/base/log.ts";
import { Bells } from "../../src/log/redis/bells.ts";
import { RedisFollowing, type Page } from "../../src/hub/redis/following.ts";
import { Presence } from "../../src/hub/redis/presence.ts";
import { createRedisTopics, type RedisClient, type RedisSubscriber } from "../../src/hub/redis.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { coded, numbers } from "./support.ts";

const never = (): Promise<never> => new Promise(() => {});
const client: RedisClient = { call: never, on: () => {}, removeListener: () => {} };
const subscriber: RedisSubscriber = {
  ssubscribe: never,
  sunsubscribe: async () => {},
  on: () => {},
  removeListener: () => {},
  disconnect: () => {},
};

describe("what waits for a Redis that does not answer", () => {
  // Each that waited was tried for five seconds, one after the other: the hundredth user who typed got an answer after
  // eight minutes, and all requests until then were held open.
  it("fails when the first of it does: nobody waits longer than the patience", async () => {
    const clock = createManualClock();
    const hub = createHub({ store: createRedisTopics({ client, subscriber, clock, patienceMs: 1_000 }) });
    const outcomes: unknown[] = [];
    for (const who of numbers(50)) hub.typing("k", who).catch((error: unknown) => outcomes.push(error));
    hub.broadcast("k", "e", 1).catch((error: unknown) => outcomes.push(error));
    await clock.advance(1_000);
    expect(outcomes).toEqual(Array.from({ length: 51 }, () => coded("log/unavailable")));
    await hub[Symbol.asyncDispose]();
  });

  it("is bounded, whatever it is", async () => {
    const clock = createManualClock();
    const hub = createHub({ store: createRedisTopics({ client, subscriber, clock }) });
    const outcomes: unknown[] = [];
    for (const who of numbers(10_000)) hub.typing("k", who).catch((error: unknown) => outcomes.push(error));
    await Promise.resolve();
    expect(outcomes.length).toBeGreaterThan(1_000);
    expect(outcomes[0]).toEqual(coded("hub/queue-full"));
    const disposed = hub[Symbol.asyncDispose]();
    await clock.advance(1_000);
    await disposed;
  });
});

describe("a topic that is read page by page", () => {
  // Between two pages of a long topic a burst pushed the next events out. The node went on behind them, and a
  // subscriber that had asked for everything was given the rest as if nothing had been in between.
  it("is read anew when events go before they were read", async () => {
    const clock = createManualClock();
    const page = (dropped: number, after: number, last: number): Page => ({
      epoch: "0123456789abcdef",
      dropped,
      last,
      events: [1, 2, 3].map((more) => ({ sequence: after + more, text: "e\ns" })),
    });
    const asked: unknown[] = [];
    const pages = [page(0, 0, 6), page(5, 5, 8), page(5, 5, 8)];
    let loaded = (): void => {};
    const changed = new Promise<void>((resolve) => (loaded = resolve));
    const following = new RedisFollowing({
      channel: "c",
      bells: new Bells({ subscriber, clock, log: silent, pollMs: 1_000 }),
      async read(after) {
        asked.push(after);
        return pages.shift() ?? page(5, 8, 8);
      },
      begin: (load) => load(),
      history: 100,
      clock,
      log: silent,
      follower: { changed: loaded },
    });
    await changed;
    following.close();
    expect(asked).toEqual([undefined, 3, undefined]);
    expect([following.ring?.dropped, following.ring?.last]).toEqual([5, 8]);
  });
});

describe("who is there", () => {
  it("is told in whole, in the end, to a Redis that had lost it and fails while it is told", async () => {
    const presence = new Presence();
    const told = new Set<string>();
    const tell = async (_total: number, names: readonly (readonly [string, number])[]): Promise<boolean> => {
      for (const [who] of names) told.add(who);
      return true;
    };
    for (const who of ["ann", "bob"]) presence.set(who, 1);
    await presence.tell(tell);
    presence.set("cid", 1);
    told.clear();
    const failing = presence.tell(async (total, names) => {
      if (told.size > 0) throw new Error("gone");
      await tell(total, names);
      return false; // it knew nothing of this node
    });
    await expect(failing).rejects.toThrow("gone");
    await presence.tell(tell);
    expect([...told].sort()).toEqual(["ann", "bob", "cid"]);
  });
});
