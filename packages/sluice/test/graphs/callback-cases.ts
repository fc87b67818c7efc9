import { expect } from "vitest";
import { isSluiceError, SluiceError, type ErrorCode } from "../../src/base/errors.ts";
import type { Json } from "../../src/base/json.ts";
import { createCallbacks, type CallbackHandler, type Callbacks } from "../../src/graphs/callbacks.ts";
import type { CallbackStore } from "../../src/graphs/index.ts";
import type { ManualClock } from "../../src/testing/index.ts";

export interface CallbackContext {
  readonly store: CallbackStore;
  readonly clock: ManualClock;
}

const TYPE = "chat::1.0.0";
const by = (owner = "alice"): { graphType: string; owner: string } => ({ graphType: TYPE, owner });

function service(
  { store, clock }: CallbackContext,
  handler: CallbackHandler,
  more: Partial<Parameters<typeof createCallbacks>[1]> = {},
): Callbacks {
  return createCallbacks((type, name) => (type === TYPE && name === "act" ? handler : undefined), {
    store,
    clock,
    ...more,
  });
}

async function fails(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  const outcome = await promise.then(
    (value) => value,
    (error: unknown) => error,
  );
  expect(isSluiceError(outcome) ? outcome.code : outcome).toBe(code);
}

/** Waits out every pause, so that the clock stands still for nobody. */
async function settled<T>(promise: Promise<T>, clock: ManualClock): Promise<T> {
  let done = false;
  const mark = (): void => {
    done = true;
  };
  promise.then(mark, mark);
  while (!done) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    // While Redis is asked nobody waits for the time, and none is to go by.
    if (!done && clock.timers > 0) await clock.advance(50);
  }
  return promise;
}

/** A handler that is told when to go on. */
function held(): {
  readonly handler: CallbackHandler;
  readonly begun: Promise<void>;
  go(value: Json): void;
  calls: number;
} {
  let begin = (): void => {};
  let go = (_value: Json): void => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const value = new Promise<Json>((resolve) => {
    go = resolve;
  });
  const it = {
    calls: 0,
    begun,
    go: (result: Json) => go(result),
    handler: () => {
      it.calls += 1;
      begin();
      return value;
    },
  };
  return it;
}

/** What a store of action tokens keeps, sentence by sentence. Run on every store. */
export const callbackCases: Readonly<Record<string, (context: CallbackContext) => Promise<void>>> = {
  "a token does what it was issued for, with its params": async (context) => {
    const { issue, redeem } = service(context, ({ params, owner, graphType, handler, threadId, runId, attempt }) => {
      return { params, owner, graphType, handler, threadId, runId, attempt } as Json;
    });
    const token = await issue({ handler: "act", params: { id: 7 } }, { ...by(), threadId: "t", runId: "run_1" });
    expect(token).toMatch(/^cb::chat::1\.0\.0::[0-9a-f]{32}$/);
    expect(await redeem(token, "alice")).toEqual({
      params: { id: 7 },
      owner: "alice",
      graphType: TYPE,
      handler: "act",
      threadId: "t",
      runId: "run_1",
      attempt: 1,
    });
  },

  "no two tokens are the same": async (context) => {
    const { issue } = service(context, () => null);
    const tokens = await Promise.all(Array.from({ length: 100 }, () => issue({ handler: "act" }, by())));
    expect(new Set(tokens).size).toBe(100);
  },

  "the same token again gives the same result and does nothing again": async (context) => {
    let calls = 0;
    const { issue, redeem } = service(context, () => ({ call: (calls += 1) }));
    const token = await issue({ handler: "act" }, by());
    const results = [await redeem(token, "alice"), await redeem(token, "alice"), await redeem(token, "alice")];
    expect([calls, results]).toEqual([1, [{ call: 1 }, { call: 1 }, { call: 1 }]]);
  },

  // While a new version was rolled out, a button of it that was pressed at a node of the old one was spent: it failed at
  // all nodes from then on.
  "a node that does not know the action leaves the token, and its attempts, to those that do": async (context) => {
    const { issue, redeem } = service(context, () => "done", { maxAttempts: 1 });
    const old = createCallbacks(() => undefined, { ...context, maxAttempts: 1 });
    const token = await issue({ handler: "act" }, by());
    for (let press = 0; press < 3; press += 1) await fails(old.redeem(token, "alice"), "callback/failed");
    await fails(old.redeem(token, "mallory"), "callback/not-found");
    expect(await redeem(token, "alice")).toBe("done");
    expect(await old.redeem(token, "alice")).toBe("done");
  },

  "two who come at once get one result of one call": async (context) => {
    const work = held();
    const { issue, redeem } = service(context, work.handler);
    const token = await issue({ handler: "act" }, by());
    const both = Promise.all([redeem(token, "alice"), redeem(token, "alice")]);
    await work.begun;
    work.go("done");
    expect(await settled(both, context.clock)).toEqual(["done", "done"]);
    expect(work.calls).toBe(1);
  },

  "one who finds the token at work for too long is told": async (context) => {
    const work = held();
    // The first attempt is on all the while, however often the time goes on before a slow Redis answers the second.
    const { issue, redeem } = service(context, work.handler, { waitMs: 1_000, attemptMs: 1_000_000_000 });
    const token = await issue({ handler: "act" }, by());
    const first = redeem(token, "alice");
    await work.begun;
    await fails(settled(redeem(token, "alice"), context.clock), "callback/locked");
    work.go("done");
    expect(await first).toBe("done");
  },

  "a stranger finds nothing, and the token stays usable": async (context) => {
    let calls = 0;
    const { issue, redeem } = service(context, () => (calls += 1));
    const token = await issue({ handler: "act" }, by("alice"));
    await fails(redeem(token, "mallory"), "callback/not-found");
    await fails(redeem(token, ""), "callback/not-found");
    expect(calls).toBe(0);
    expect(await redeem(token, "alice")).toBe(1);
    await fails(redeem(token, "mallory"), "callback/not-found");
  },

  "a token that never was is not found": async (context) => {
    const { redeem } = service(context, () => null);
    for (const token of [`${TYPE}`, "cb::chat::1.0.0::00", "", "}{", "cb::chat::1.0.0::x\r\ny", "\ud800"]) {
      await fails(redeem(token, "alice"), "callback/not-found");
    }
  },

  "a token ends with its time": async (context) => {
    const { issue, redeem } = service(context, () => "done");
    const usual = await issue({ handler: "act" }, by());
    const short = await issue({ handler: "act", ttlMs: 1_000 }, by());
    await context.clock.advance(1_000);
    await fails(redeem(short, "alice"), "callback/not-found");
    await context.clock.advance(598_999);
    expect(await redeem(usual, "alice")).toBe("done");
    const other = await issue({ handler: "act" }, by());
    await context.clock.advance(600_000);
    await fails(redeem(other, "alice"), "callback/not-found");
  },

  "a result is kept for as long again": async (context) => {
    const { issue, redeem } = service(context, () => "done");
    const token = await issue({ handler: "act" }, by());
    await context.clock.advance(599_999);
    expect(await redeem(token, "alice")).toBe("done");
    await context.clock.advance(599_999);
    expect(await redeem(token, "alice")).toBe("done");
    await context.clock.advance(1);
    await fails(redeem(token, "alice"), "callback/not-found");
  },

  "a handler that fails is tried again, after a pause that grows": async (context) => {
    const at: number[] = [];
    const { issue, redeem } = service(context, ({ attempt }) => {
      at.push(context.clock.now());
      if (attempt < 3) throw new Error("not yet");
      return attempt;
    });
    const token = await issue({ handler: "act" }, by());
    expect(await settled(redeem(token, "alice"), context.clock)).toBe(3);
    const [first = 0, second = 0, third = 0] = at;
    expect([second - first >= 200, third - second >= 400]).toEqual([true, true]);
  },

  "a handler that fails in its last attempt has failed for good": async (context) => {
    let calls = 0;
    const { issue, redeem } = service(context, () => {
      calls += 1;
      throw new Error("a secret");
    });
    const token = await issue({ handler: "act" }, by());
    await fails(settled(redeem(token, "alice"), context.clock), "callback/failed");
    await fails(redeem(token, "alice"), "callback/failed");
    expect(calls).toBe(3);
  },

  "a handler that refuses is not tried again, and its code is what the caller gets": async (context) => {
    let calls = 0;
    const { issue, redeem } = service(context, () => {
      calls += 1;
      throw new SluiceError("request/invalid", "Too late to approve.");
    });
    const token = await issue({ handler: "act" }, by());
    await fails(redeem(token, "alice"), "request/invalid");
    await fails(redeem(token, "alice"), "request/invalid");
    expect(calls).toBe(1);
  },

  "an attempt that takes too long is told so, and another one begins": async (context) => {
    const fired: boolean[] = [];
    const { issue, redeem } = service(
      context,
      ({ attempt, signal }) => {
        if (attempt === 2) return "done";
        signal.addEventListener("abort", () => fired.push(true));
        return new Promise(() => {});
      },
      { attemptMs: 5_000 },
    );
    const token = await issue({ handler: "act" }, by());
    expect(await settled(redeem(token, "alice"), context.clock)).toBe("done");
    expect(fired).toEqual([true]);
  },

  "a lock whose holder was killed lapses, and counts as an attempt": async (context) => {
    const { issue, redeem } = service(context, ({ attempt }) => attempt, { attemptMs: 5_000 });
    const token = await issue({ handler: "act" }, by());
    const killed = { owner: "alice", holder: "a node that was killed", lockMs: 5_000 };
    expect((await context.store.take(token, killed)).kind).toBe("taken");
    expect(await settled(redeem(token, "alice"), context.clock)).toBe(2);
  },

  "a token whose holders were all killed has failed": async (context) => {
    const { issue, redeem } = service(context, () => "done", { attemptMs: 1_000 });
    const token = await issue({ handler: "act" }, by());
    for (const holder of ["a", "b", "c"]) {
      await context.store.take(token, { owner: "alice", holder, lockMs: 1_000 });
      await context.clock.advance(1_000);
    }
    await fails(redeem(token, "alice"), "callback/failed");
  },

  "one who has lost the lock settles nothing": async ({ store, clock }) => {
    const token = "cb::x";
    await store.issue(token, { owner: "alice", action: "{}", ttlMs: 60_000 });
    await store.take(token, { owner: "alice", holder: "slow", lockMs: 1_000 });
    await clock.advance(1_000);
    expect(await store.take(token, { owner: "alice", holder: "next", lockMs: 1_000 })).toEqual({
      kind: "taken",
      action: "{}",
      attempt: 2,
    });
    expect(await store.settle(token, { holder: "slow", outcome: "1", keepMs: 60_000 })).toBe(false);
    await store.release(token, "slow");
    expect((await store.take(token, { owner: "alice", holder: "third", lockMs: 1_000 })).kind).toBe("locked");
    expect(await store.settle(token, { holder: "next", outcome: "2", keepMs: 60_000 })).toBe(true);
    expect(await store.take(token, { owner: "alice", holder: "third", lockMs: 1_000 })).toEqual({
      kind: "settled",
      outcome: "2",
    });
  },

  "a holder that takes again what it holds gets the same answer": async ({ store }) => {
    const token = "cb::y";
    await store.issue(token, { owner: "alice", action: "{}", ttlMs: 60_000 });
    const again = { owner: "alice", holder: "a", lockMs: 1_000 };
    const first = await store.take(token, again);
    expect([first, await store.take(token, again)]).toEqual([
      { kind: "taken", action: "{}", attempt: 1 },
      { kind: "taken", action: "{}", attempt: 1 },
    ]);
  },

  "of a hundred who take it at once, one does": async ({ store }) => {
    const token = "cb::z";
    await store.issue(token, { owner: "alice", action: "{}", ttlMs: 60_000 });
    const all = Array.from({ length: 100 }, (_, index) =>
      store.take(token, { owner: "alice", holder: `h${index}`, lockMs: 60_000 }),
    );
    const kinds = (await Promise.all(all)).map(({ kind }) => kind);
    expect([kinds.filter((kind) => kind === "taken").length, kinds.filter((kind) => kind === "locked").length]).toEqual(
      [1, 99],
    );
  },

  "a token at work just before its end can still say how it went": async (context) => {
    const { issue, redeem } = service(context, async () => {
      await context.clock.advance(10_000);
      return "done";
    });
    const token = await issue({ handler: "act", ttlMs: 1_000 }, by());
    await context.clock.advance(999);
    expect(await redeem(token, "alice")).toBe("done");
    expect(await redeem(token, "alice")).toBe("done");
  },

  "what a handler returns may be any JSON, and nothing is null": async (context) => {
    const values: Json[] = [null, 0, "", false, [], {}, "ünï ☃ \u0000", { deep: [{ a: 1 }] }];
    for (const value of [...values, undefined]) {
      const { issue, redeem } = service(context, () => value);
      const token = await issue({ handler: "act" }, by());
      expect(await redeem(token, "alice")).toEqual(value ?? null);
      expect(await redeem(token, "alice")).toEqual(value ?? null);
    }
  },
};
