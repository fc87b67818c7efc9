import assert from "node:assert/strict";
import { SOON_MS, closedLog, contents, fails, made, options, successes, type LogCase } from "./context.ts";

const a = { holder: "node-a", ttlMs: SOON_MS };
const b = { holder: "node-b", ttlMs: SOON_MS };
// A page of lapsed logs that holds also those of other cases.
const MANY = 10_000;

export const leaseCases: Readonly<Record<string, LogCase>> = {
  "the maker of a log holds it, with the fence that create gave": async (context) => {
    const { id, fence } = await made(context, { lease: a });
    await fails(context.store.lease(id, b), "log/lease-held");
    assert.equal((await context.store.lease(id, a)).fence, fence);
    assert.equal((await context.store.lapsed(MANY)).includes(id), false);
  },

  "the holder renews: the fence stays, the lease lasts longer": async (context) => {
    const { store, advance } = context;
    const { id, fence } = await made(context, { lease: a });
    const first = await store.lease(id, a);
    await advance(0.6 * SOON_MS);
    const second = await store.lease(id, a);
    assert.equal(second.fence, fence);
    assert.equal(second.expiresAt > first.expiresAt, true);
    await advance(0.6 * SOON_MS);
    await fails(store.lease(id, b), "log/lease-held");
    assert.equal((await store.lapsed(MANY)).includes(id), false);
  },

  "a lease that is not renewed lapses, and its holder appends until another takes over": async (context) => {
    const { store, advance } = context;
    const { id, fence } = await made(context, { lease: a });
    await advance(SOON_MS + 1);
    assert.equal((await store.lapsed(MANY)).includes(id), true);
    assert.deepEqual(await store.append(id, ["a"], { expected: 0, fence }), { last: 1 });
    assert.equal((await store.lease(id, a)).fence, fence);
    assert.equal((await store.lapsed(MANY)).includes(id), false);
  },

  "a takeover raises the fence and shuts the old holder out": async (context) => {
    const { store, advance } = context;
    const { id, fence } = await made(context, { lease: a });
    await store.append(id, ["a"], { expected: 0, fence });
    await advance(SOON_MS + 1);
    const taken = await store.lease(id, b);
    assert.equal(taken.fence > fence, true);
    await fails(store.append(id, ["b"], { expected: 1, fence }), "log/fenced");
    await fails(store.append(id, ["a"], { expected: 0, fence }), "log/fenced");
    await fails(store.close(id, ["t"], { expected: 1, fence }), "log/fenced");
    await fails(store.lease(id, a), "log/lease-held");
    assert.equal((await store.lapsed(MANY)).includes(id), false);
    await store.append(id, ["c"], { expected: 1, fence: taken.fence });
    await store.close(id, ["t"], { expected: 2, fence: taken.fence });
    await fails(store.close(id, ["t"], { expected: 2, fence }), "log/fenced");
    assert.deepEqual(await contents(store, id), ["a", "c", "t"]);
  },

  "a holder that comes back gets a higher fence again": async (context) => {
    const { store, advance } = context;
    const { id, fence } = await made(context, { lease: a });
    await advance(SOON_MS + 1);
    const second = await store.lease(id, b);
    await advance(SOON_MS + 1);
    const third = await store.lease(id, a);
    assert.equal(fence < second.fence && second.fence < third.fence, true);
    await fails(store.append(id, ["a"], { expected: 0, fence }), "log/fenced");
    await fails(store.append(id, ["a"], { expected: 0, fence: second.fence }), "log/fenced");
    await store.append(id, ["a"], { expected: 0, fence: third.fence });
  },

  "a renewal that comes after a takeover fails, also when that one has lapsed in turn": async (context) => {
    const { store, advance } = context;
    const { id, fence } = await made(context, { lease: a });
    assert.equal((await store.lease(id, { ...a, fence })).fence, fence);
    await advance(SOON_MS + 1);
    assert.equal((await store.lease(id, { ...a, fence })).fence, fence);
    await advance(SOON_MS + 1);
    const taken = await store.lease(id, b);
    await fails(store.lease(id, { ...a, fence }), "log/fenced");
    await advance(SOON_MS + 1);
    await fails(store.lease(id, { ...a, fence }), "log/fenced");
    assert.equal((await store.lease(id, { ...b, fence: taken.fence })).fence, taken.fence);
  },

  "a log made without a lease takes what everybody appends, and never lapses": async (context) => {
    const { store, advance } = context;
    const id = context.id();
    const { lease: _none, ...unleased } = options(context);
    const claimed = { ...unleased, claim: { key: id, hash: "" } };
    const { fence } = await store.create(id, claimed);
    await advance(SOON_MS + 1);
    const found = await store.create(context.id(), claimed);
    assert.equal(found.created, false);
    await store.append(id, ["a"], { expected: 0, fence });
    await store.append(id, ["b"], { expected: 1, fence: found.fence });
    await fails(store.append(id, ["c"], { expected: 1, fence }), "log/conflict");
    await fails(store.lease(id, b), "log/lease-held");
    assert.equal((await store.lapsed(MANY)).includes(id), false);
    assert.deepEqual(await contents(store, id), ["a", "b"]);
  },

  "of many that take a lapsed lease over at the same instant, one gets it": async (context) => {
    const { store, advance } = context;
    const { id } = await made(context, { lease: a });
    await advance(SOON_MS + 1);
    const calls = Array.from({ length: 20 }, (_, index) => store.lease(id, { ...b, holder: `node-${index}x` }));
    assert.equal(await successes(calls, "log/lease-held"), 1);
  },

  "a closed log has no lease and does not lapse": async (context) => {
    const { store, advance } = context;
    const { id } = await closedLog(context, ["t"], { lease: a });
    await fails(store.lease(id, a), "log/closed");
    await advance(SOON_MS + 1);
    await fails(store.lease(id, b), "log/closed");
    assert.equal((await store.lapsed(MANY)).includes(id), false);
  },

  "a deleted log does not lapse": async (context) => {
    const { store, advance } = context;
    const { id } = await made(context, { lease: a });
    await store.delete(id);
    await advance(SOON_MS + 1);
    assert.equal((await store.lapsed(MANY)).includes(id), false);
    await fails(store.lease(id, a), "log/not-found");
  },

  "lapsed gives at most as many as asked": async (context) => {
    const { store, advance } = context;
    for (let index = 0; index < 3; index += 1) await made(context, { lease: a });
    await advance(SOON_MS + 1);
    assert.equal((await store.lapsed(2)).length, 2);
  },

  "the lease of a log that never was cannot be taken": async ({ store, id }) => {
    await fails(store.lease(id(), a), "log/not-found");
  },
};
