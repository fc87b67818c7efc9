import assert from "node:assert/strict";
import { contents, fails, made, successes, type LogCase } from "./context.ts";

export const appendCases: Readonly<Record<string, LogCase>> = {
  "entries are kept in order, without holes, as the texts they are": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    const texts = ['{"a":1}', "", "é€\u{1f600}", "a\r\nb\0c", "\u2028", " ", "x".repeat(100_000)];
    assert.deepEqual(await store.append(id, texts.slice(0, 3), { expected: 0, fence }), { last: 3 });
    assert.deepEqual(await store.append(id, texts.slice(3, 4), { expected: 3, fence }), { last: 4 });
    assert.deepEqual(await store.append(id, texts.slice(4), { expected: 4, fence }), { last: 7 });
    const read: string[] = [];
    while (read.length < texts.length) read.push(...(await store.read(id, { after: read.length })).entries);
    assert.deepEqual(read, texts);
    const state = await store.state(id);
    assert.deepEqual([state?.first, state?.last], [1, 7]);
    assert.equal(state?.bytes, Buffer.byteLength(texts.join("")));
  },

  "a long log has no holes, however its appends were cut": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    const all: string[] = [];
    for (const size of [1, 2, 9, 10, 11, 99, 100, 101, 1, 1_000]) {
      const entries = Array.from({ length: size }, (_, index) => String(all.length + index + 1));
      await store.append(id, entries, { expected: all.length, fence });
      all.push(...entries);
    }
    for (const after of [0, 1, 8, 9, 10, 11, 99, 332, 333, 334, 1_333, 1_334]) {
      const { entries } = await store.read(id, { after, maxEntries: 5 });
      assert.deepEqual(entries, all.slice(after, after + 5), `after ${after}`);
    }
  },

  "an append must follow the end of the log, and stores nothing when it does not": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    await store.append(id, ["a", "b"], { expected: 0, fence });
    for (const expected of [0, 1, 3, 100])
      await fails(store.append(id, ["x", "y"], { expected, fence }), "log/conflict");
    // Its first entry is stored already, its second is not: that is no repetition.
    await fails(store.append(id, ["b", "c"], { expected: 1, fence }), "log/conflict");
    assert.deepEqual(await contents(store, id), ["a", "b"]);
  },

  "a repeated append is stored once and answered as the first time": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    const first = await store.append(id, ["a", "b"], { expected: 0, fence });
    assert.deepEqual(await store.append(id, ["a", "b"], { expected: 0, fence }), first);
    await store.append(id, ["c"], { expected: 2, fence });
    assert.deepEqual(await store.append(id, ["a", "b"], { expected: 0, fence }), first);
    assert.deepEqual(await contents(store, id), ["a", "b", "c"]);
  },

  "an entry equal to the one before it is another entry": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    assert.deepEqual(await store.append(id, ["a"], { expected: 0, fence }), { last: 1 });
    assert.deepEqual(await store.append(id, ["a"], { expected: 1, fence }), { last: 2 });
    assert.deepEqual(await store.append(id, ["a", "a"], { expected: 2, fence }), { last: 4 });
    assert.deepEqual(await contents(store, id), ["a", "a", "a", "a"]);
  },

  "of many different appends in one place at the same instant, one is stored": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    const calls = Array.from({ length: 20 }, (_, index) => store.append(id, [`${index}`, "x"], { expected: 0, fence }));
    assert.equal(await successes(calls, "log/conflict"), 1);
    assert.equal((await contents(store, id)).length, 2);
  },

  "of many equal appends in one place at the same instant, one is stored and all are answered": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    const calls = Array.from({ length: 20 }, () => store.append(id, ["a", "b"], { expected: 0, fence }));
    for (const answer of await Promise.all(calls)) assert.deepEqual(answer, { last: 2 });
    assert.deepEqual(await contents(store, id), ["a", "b"]);
  },

  "an append with another fence fails": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    await store.append(id, ["a"], { expected: 0, fence });
    for (const wrong of [fence - 1, fence + 1]) {
      await fails(store.append(id, ["b"], { expected: 1, fence: wrong }), "log/fenced");
      await fails(store.append(id, ["a"], { expected: 0, fence: wrong }), "log/fenced");
      await fails(store.close(id, ["b"], { expected: 1, fence: wrong }), "log/fenced");
    }
    assert.deepEqual(await contents(store, id), ["a"]);
  },

  "append and close of a log that never was fail": async ({ store, id }) => {
    await fails(store.append(id(), ["a"], { expected: 0, fence: 1 }), "log/not-found");
    await fails(store.close(id(), ["a"], { expected: 0, fence: 1 }), "log/not-found");
  },

  "an append over maxBytes fails as a whole, and one that fits passes": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context, { limits: { maxBytes: 8, maxEntries: 100 } });
    await store.append(id, ["éé"], { expected: 0, fence }); // 4 bytes, 2 characters
    await fails(store.append(id, ["ab", "cde"], { expected: 1, fence }), "log/max-bytes");
    assert.deepEqual(await contents(store, id), ["éé"]);
    await store.append(id, ["ab", "cd"], { expected: 1, fence });
    assert.equal((await store.state(id))?.bytes, 8);
    await fails(store.append(id, ["x"], { expected: 3, fence }), "log/max-bytes");
  },

  "an append over maxEntries fails as a whole, and one that fits passes": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context, { limits: { maxBytes: 1_000, maxEntries: 3 } });
    await store.append(id, ["a"], { expected: 0, fence });
    await fails(store.append(id, ["b", "c", "d"], { expected: 1, fence }), "log/max-entries");
    assert.deepEqual(await contents(store, id), ["a"]);
    await store.append(id, ["b", "c"], { expected: 1, fence });
    await fails(store.append(id, ["d"], { expected: 3, fence }), "log/max-entries");
  },

  "a repeated append is answered also when the log is full": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context, { limits: { maxBytes: 2, maxEntries: 2 } });
    await store.append(id, ["a", "b"], { expected: 0, fence });
    assert.deepEqual(await store.append(id, ["a", "b"], { expected: 0, fence }), { last: 2 });
  },
};
