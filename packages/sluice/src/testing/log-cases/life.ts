import assert from "node:assert/strict";
import { SOON_MS, closedLog, contents, fails, made, options, slice, tailOf, type LogCase } from "./context.ts";

export const lifeCases: Readonly<Record<string, LogCase>> = {
  "a closed log is kept for its time to live, then gone with its claim": async (context) => {
    const { store, advance } = context;
    const owner = context.id();
    const claim = { key: context.id(), hash: "h" };
    const { id, fence } = await closedLog(context, ["a", "t"], { owner, claim, ttlMs: SOON_MS });
    const reader = tailOf(context, id, { maxEntries: 1 });
    assert.deepEqual((await slice(reader.next())).entries, ["a"]);
    assert.deepEqual(await contents(store, id), ["a", "t"]);
    await advance(SOON_MS + 1);
    assert.equal(await store.state(id), undefined);
    assert.equal(await store.find(owner, claim.key), undefined);
    assert.deepEqual(await store.list({ owner, limit: 10 }), { logs: [] });
    await fails(store.read(id, { after: 0 }), "log/not-found");
    await fails(reader.next(), "log/not-found");
    await fails(store.append(id, ["a"], { expected: 0, fence }), "log/not-found");
    assert.equal(await store.delete(id), false);
    assert.equal((await store.create(context.id(), options(context, { owner, claim }))).created, true);
  },

  "an expired log frees its claim also when nobody looked at it": async (context) => {
    const owner = context.id();
    const claim = { key: context.id(), hash: "h" };
    await closedLog(context, ["t"], { owner, claim, ttlMs: SOON_MS });
    await context.advance(SOON_MS + 1);
    const calls = Array.from({ length: 5 }, () =>
      context.store.create(context.id(), options(context, { owner, claim })),
    );
    const answers = await Promise.all(calls);
    assert.equal(answers.filter(({ created }) => created).length, 1);
  },

  "the time to live begins at the close: an open log does not expire": async (context) => {
    const { store, advance } = context;
    const { id, fence } = await made(context, { ttlMs: SOON_MS });
    await store.append(id, ["a"], { expected: 0, fence });
    await advance(2 * SOON_MS);
    assert.deepEqual(await contents(store, id), ["a"]);
    await store.close(id, ["t"], { expected: 1, fence });
    assert.deepEqual(await contents(store, id), ["a", "t"]);
  },

  "a log expires its time to live after its close, however long it was open, and reading does not prolong it": async (
    context,
  ) => {
    const { store, advance } = context;
    const owner = context.id();
    const claim = { key: context.id(), hash: "h" };
    const { id, fence } = await made(context, { owner, claim, ttlMs: SOON_MS });
    await advance(2 * SOON_MS);
    assert.equal((await store.find(owner, claim.key))?.id, id);
    await store.close(id, ["t"], { expected: 0, fence });
    await advance(0.5 * SOON_MS);
    assert.deepEqual(await contents(store, id), ["t"]);
    assert.equal((await store.find(owner, claim.key))?.id, id);
    assert.equal((await store.create(context.id(), options(context, { owner, claim }))).state.id, id);
    assert.equal((await store.list({ owner, limit: 10 })).logs.length, 1);
    // A repeated close is the first one.
    await store.close(id, ["t"], { expected: 0, fence });
    await advance(0.5 * SOON_MS + 1);
    assert.equal(await store.state(id), undefined);
    assert.equal(await store.find(owner, claim.key), undefined);
    assert.deepEqual(await store.list({ owner, limit: 10 }), { logs: [] });
  },

  "an expired log is as one that never was, whatever is asked of it": async (context) => {
    const { store, advance } = context;
    const lease = { holder: "node-a", ttlMs: SOON_MS };
    const { id, fence } = await closedLog(context, ["t"], { ttlMs: SOON_MS, lease });
    await advance(SOON_MS + 1);
    await fails(store.requestStop(id), "log/not-found");
    await fails(store.lease(id, { holder: "node-b", ttlMs: SOON_MS }), "log/not-found");
    await fails(store.close(id, ["t"], { expected: 0, fence }), "log/not-found");
    await fails(tailOf(context, id).next(), "log/not-found");
    await store.stopRequested(id, new AbortController().signal);
    assert.equal((await store.lapsed(10_000)).includes(id), false);
  },

  "the id of a log that was deleted or has expired is free: the next one with it is another log": async (context) => {
    const { store, advance } = context;
    const owner = context.id();
    const claim = { key: context.id(), hash: "h" };
    const { id } = await closedLog(context, ["old", "t"], { owner, claim, ttlMs: SOON_MS });
    const other = await made(context, { owner });
    await advance(SOON_MS + 1);
    for (const round of ["expired", "deleted"]) {
      const { created, state, fence } = await store.create(id, options(context, { owner, meta: { round } }));
      assert.deepEqual([created, state.first, state.last, state.bytes, state.closedAt], [true, 1, 0, 0, undefined]);
      assert.deepEqual(await store.state(id), state);
      const listed = (await store.list({ owner, limit: 10 })).logs.map((log) => log.id);
      assert.deepEqual(listed, [id, other.id], round);
      assert.equal(await store.find(owner, claim.key), undefined);
      await store.append(id, ["new"], { expected: 0, fence });
      assert.deepEqual(await contents(store, id), ["new"]);
      assert.equal(await store.delete(id), true);
    }
  },

  "state tells at every step what the log is": async (context) => {
    const { store } = context;
    const claim = { key: context.id(), hash: "h" };
    const { id, fence, owner } = await made(context, { claim, meta: { a: [1] } });
    const told = async (): Promise<object> => {
      const { createdAt, closedAt, ...rest } = (await store.state(id)) ?? assert.fail("no state");
      assert.equal(Number.isSafeInteger(createdAt), true);
      return { ...rest, closed: closedAt !== undefined && closedAt >= createdAt };
    };
    const fresh = {
      id,
      owner,
      meta: { a: [1] },
      claim,
      first: 1,
      last: 0,
      bytes: 0,
      stopRequested: false,
      closed: false,
    };
    assert.deepEqual(await told(), fresh);
    await store.append(id, ["é", ""], { expected: 0, fence });
    assert.deepEqual(await told(), { ...fresh, last: 2, bytes: 2 });
    await store.requestStop(id);
    assert.deepEqual(await told(), { ...fresh, last: 2, bytes: 2, stopRequested: true });
    await store.close(id, ["t"], { expected: 2, fence, summary: { status: "aborted" } });
    const ended = { last: 3, bytes: 3, stopRequested: true, closed: true, summary: { status: "aborted" } };
    assert.deepEqual(await told(), { ...fresh, ...ended });
    assert.equal(await store.delete(id), true);
    assert.equal(await store.state(id), undefined);
  },

  "a deleted log is gone with its claim": async (context) => {
    const { store } = context;
    const owner = context.id();
    const claim = { key: context.id(), hash: "h" };
    const { id, fence } = await made(context, { owner, claim });
    await store.append(id, ["a"], { expected: 0, fence });
    assert.equal(await store.delete(id), true);
    assert.equal(await store.delete(id), false);
    assert.equal(await store.state(id), undefined);
    assert.equal(await store.find(owner, claim.key), undefined);
    assert.deepEqual(await store.list({ owner, limit: 10 }), { logs: [] });
    await fails(store.read(id, { after: 0 }), "log/not-found");
    await fails(store.append(id, ["b"], { expected: 1, fence }), "log/not-found");
    await fails(store.requestStop(id), "log/not-found");
    assert.equal((await store.create(context.id(), options(context, { owner, claim }))).created, true);
  },

  "delete of a log that never was says so": async ({ store, id }) => {
    assert.equal(await store.delete(id()), false);
  },

  "requestStop is seen by the producer, once and for all": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    const signal = new AbortController().signal;
    let asked = false;
    const waiting = store.stopRequested(id, signal).then(() => (asked = true));
    await store.append(id, ["a"], { expected: 0, fence });
    assert.equal((await store.state(id))?.stopRequested, false);
    assert.equal(asked, false);
    assert.equal((await store.requestStop(id)).stopRequested, true);
    await waiting;
    assert.equal((await store.requestStop(id)).stopRequested, true);
    await store.stopRequested(id, signal);
    assert.equal((await store.state(id))?.stopRequested, true);
    // Everything else goes on: the producer decides what comes last.
    await store.append(id, ["b"], { expected: 1, fence });
    await store.close(id, ["t"], { expected: 2, fence });
    assert.deepEqual(await contents(store, id), ["a", "b", "t"]);
  },

  "requestStop does nothing to a closed log": async (context) => {
    const { store } = context;
    const { id } = await closedLog(context, ["t"]);
    const state = await store.state(id);
    assert.deepEqual(await store.requestStop(id), state);
    assert.deepEqual(await store.state(id), state);
  },

  "requestStop of a log that never was fails": async ({ store, id }) => {
    await fails(store.requestStop(id()), "log/not-found");
  },

  "stopRequested resolves when the log is closed, deleted or unknown, or the signal fires": async (context) => {
    const { store } = context;
    const open = new AbortController().signal;
    const [closing, deleted, left] = [await made(context), await made(context), await made(context)];
    const leave = new AbortController();
    const waits = [
      store.stopRequested(closing.id, open),
      store.stopRequested(deleted.id, open),
      store.stopRequested(left.id, leave.signal),
    ];
    await store.close(closing.id, ["t"], { expected: 0, fence: closing.fence });
    await store.delete(deleted.id);
    leave.abort(new Error("the producer is done"));
    await Promise.all(waits);
    await store.stopRequested(closing.id, open);
    await store.stopRequested(context.id(), open);
    await store.stopRequested(left.id, leave.signal);
  },

  "logs live side by side": async (context) => {
    const { store } = context;
    const logs = await Promise.all(Array.from({ length: 10 }, () => made(context)));
    await Promise.all(
      logs.map(async ({ id, fence }) => {
        for (let last = 0; last < 5; last += 1) await store.append(id, [`${id} ${last}`], { expected: last, fence });
        await store.close(id, ["t"], { expected: 5, fence });
      }),
    );
    for (const { id } of logs) {
      assert.deepEqual(await contents(store, id), [...[0, 1, 2, 3, 4].map((last) => `${id} ${last}`), "t"]);
    }
  },

  "a store that is let go of knows of no stop: who waits for one waits on for its signal": async (context) => {
    const { store } = context;
    const { id } = await made(context);
    const leave = new AbortController();
    let resolved = false;
    const waiting = store.stopRequested(id, leave.signal).then(() => (resolved = true));
    await store[Symbol.asyncDispose]();
    assert.equal(resolved, false);
    leave.abort(new Error("the producer is done"));
    await waiting;
  },

  "a store that is let go of returns its open tails and takes nothing more": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    await store.append(id, ["a"], { expected: 0, fence });
    const tail = tailOf(context, id);
    assert.deepEqual((await slice(tail.next())).entries, ["a"]);
    const [waiting, elsewhere] = [tail.next(), tailOf(context, id, { after: 1 }).next()];
    await store[Symbol.asyncDispose]();
    assert.equal((await waiting).done, true);
    assert.equal((await elsewhere).done, true);
    await fails(store.append(id, ["b"], { expected: 1, fence }), "log/released");
    await fails(store.read(id, { after: 0 }), "log/released");
    await fails(store.create(context.id(), options(context)), "log/released");
  },
};
