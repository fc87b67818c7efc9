import assert from "node:assert/strict";
import { formatOffset } from "../../base/offset.ts";
import { closedLog, contents, fails, made, slice, tailOf, type LogCase } from "./context.ts";

export const readCases: Readonly<Record<string, LogCase>> = {
  "read gives what comes after a sequence number": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    await store.append(id, ["a", "b", "c"], { expected: 0, fence });
    assert.deepEqual(await store.read(id, { after: 0 }), { after: 0, entries: ["a", "b", "c"], end: false });
    assert.deepEqual(await store.read(id, { after: 1 }), { after: 1, entries: ["b", "c"], end: false });
    assert.deepEqual(await store.read(id, { after: 3 }), { after: 3, entries: [], end: false });
  },

  "read says end only with the last entry of a closed log, or after it": async (context) => {
    const { store } = context;
    const { id } = await closedLog(context, ["a", "b", "t"]);
    assert.deepEqual(await store.read(id, { after: 0, maxEntries: 2 }), { after: 0, entries: ["a", "b"], end: false });
    assert.deepEqual(await store.read(id, { after: 1, maxEntries: 2 }), { after: 1, entries: ["b", "t"], end: true });
    assert.deepEqual(await store.read(id, { after: 3 }), { after: 3, entries: [], end: true });
  },

  "read takes at most maxEntries, 1,024 by default": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    const all = Array.from({ length: 1_030 }, (_, index) => String(index + 1));
    await store.append(id, all, { expected: 0, fence });
    assert.deepEqual((await store.read(id, { after: 5, maxEntries: 3 })).entries, ["6", "7", "8"]);
    assert.deepEqual((await store.read(id, { after: 2 })).entries, all.slice(2, 1_026));
  },

  "read takes entries of at most maxLength characters together": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    await store.append(id, ["ab", "éé", "", "ef"], { expected: 0, fence });
    const taken = async (maxLength: number): Promise<number> =>
      (await store.read(id, { after: 0, maxLength })).entries.length;
    assert.equal(await taken(6), 4);
    assert.equal(await taken(5), 3);
    assert.equal(await taken(4), 3);
    assert.equal(await taken(3), 1);
  },

  "read takes 65,536 characters by default": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    const half = "x".repeat(32_768);
    await store.append(id, [half, half, "y"], { expected: 0, fence });
    assert.equal((await store.read(id, { after: 0 })).entries.length, 2);
  },

  "a single entry that is larger than maxLength is read alone": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    const large = "x".repeat(100_000);
    await store.append(id, [large, "a", large, large], { expected: 0, fence });
    assert.deepEqual((await store.read(id, { after: 0 })).entries, [large]);
    assert.deepEqual((await store.read(id, { after: 1 })).entries, ["a"]);
    assert.deepEqual((await store.read(id, { after: 2, maxLength: 1 })).entries, [large]);
  },

  "reading after more than there is fails, by a reader and in a tail": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    await store.append(id, ["a"], { expected: 0, fence });
    await fails(store.read(id, { after: 2 }), "offset/beyond-end");
    await fails(tailOf(context, id, { after: 2 }).next(), "offset/beyond-end");
    await store.close(id, ["t"], { expected: 1, fence });
    await fails(store.read(id, { after: 3 }), "offset/beyond-end");
  },

  "reading a log that never was fails": async (context) => {
    await fails(context.store.read(context.id(), { after: 0 }), "log/not-found");
    await fails(tailOf(context, context.id()).next(), "log/not-found");
  },

  "a short log keeps only its newest entries, and their numbers": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context, { keepLast: 3 });
    await store.append(id, ["a", "b"], { expected: 0, fence });
    assert.equal((await store.state(id))?.first, 1);
    assert.deepEqual(await store.append(id, ["c", "éé", "e"], { expected: 2, fence }), { last: 5 });
    const state = await store.state(id);
    assert.deepEqual([state?.first, state?.last, state?.bytes], [3, 5, 6]);
    assert.deepEqual((await store.read(id, { after: 2 })).entries, ["c", "éé", "e"]);
    assert.deepEqual(await store.append(id, ["f", "g", "h", "i"], { expected: 5, fence }), { last: 9 });
    assert.deepEqual((await store.read(id, { after: 6 })).entries, ["g", "h", "i"]);
  },

  "a reader of entries that are gone gets a gap with the first that is kept": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context, { keepLast: 2 });
    const late = tailOf(context, id, { maxEntries: 1 });
    await store.append(id, ["a", "b"], { expected: 0, fence });
    assert.deepEqual((await slice(late.next())).entries, ["a"]);
    await store.append(id, ["c", "d", "e"], { expected: 2, fence });
    for (const after of [0, 1, 2]) {
      const { details } = await fails(store.read(id, { after }), "log/gap");
      assert.deepEqual(details, { first: formatOffset(4) });
    }
    const { details } = await fails(late.next(), "log/gap");
    assert.deepEqual(details, { first: formatOffset(4) });
    assert.deepEqual((await store.read(id, { after: 3 })).entries, ["d", "e"]);
  },

  "a repeated append to a short log is stored once": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context, { keepLast: 2 });
    await store.append(id, ["a", "b"], { expected: 0, fence });
    const first = await store.append(id, ["c"], { expected: 2, fence });
    assert.deepEqual(await store.append(id, ["c"], { expected: 2, fence }), first);
    assert.deepEqual((await store.read(id, { after: 1 })).entries, ["b", "c"]);
  },

  "what was read stays as it was when the log grows": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    const given = ["a"];
    await store.append(id, given, { expected: 0, fence });
    given.push("never appended");
    const entries = await contents(store, id);
    await store.append(id, ["b"], { expected: 1, fence });
    assert.deepEqual(entries, ["a"]);
    assert.deepEqual(await contents(store, id), ["a", "b"]);
  },
};
