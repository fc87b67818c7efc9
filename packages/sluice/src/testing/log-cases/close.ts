import assert from "node:assert/strict";
import { closedLog, contents, fails, made, readToEnd, successes, type LogCase } from "./context.ts";

export const closeCases: Readonly<Record<string, LogCase>> = {
  "close adds the last entries and closes the log": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    await store.append(id, ["a"], { expected: 0, fence });
    const summary = { status: "finished", usage: { inputTokens: 3 } };
    assert.deepEqual(await store.close(id, ["b", "t"], { expected: 1, fence, summary }), { last: 3 });
    const state = await store.state(id);
    assert.equal(Number.isSafeInteger(state?.closedAt), true);
    assert.deepEqual(state?.summary, summary);
    assert.deepEqual([state?.first, state?.last], [1, 3]);
    assert.deepEqual(await store.read(id, { after: 0 }), { after: 0, entries: ["a", "b", "t"], end: true });
  },

  "a log closed without a summary has none": async (context) => {
    const { id } = await closedLog(context, ["t"]);
    const state = await context.store.state(id);
    assert.equal(state !== undefined && "summary" in state, false);
  },

  "nothing follows the terminal": async (context) => {
    const { store } = context;
    const { id, fence } = await closedLog(context, ["a", "t"]);
    await fails(store.append(id, ["b"], { expected: 2, fence }), "log/closed");
    await fails(store.close(id, ["u"], { expected: 2, fence }), "log/closed");
    await fails(store.close(id, ["t"], { expected: 2, fence }), "log/closed");
    await fails(store.append(id, ["b"], { expected: 1, fence }), "log/closed");
    assert.deepEqual(await contents(store, id), ["a", "t"]);
  },

  "a repeated close is answered as the first time, and changes nothing": async (context) => {
    const { store, advance } = context;
    const { id, fence } = await made(context);
    await store.append(id, ["a"], { expected: 0, fence });
    const at = { expected: 1, fence, summary: { status: "finished" } };
    const first = await store.close(id, ["b", "t"], at);
    const state = await store.state(id);
    await advance(5);
    assert.deepEqual(await store.close(id, ["b", "t"], { ...at, summary: { status: "late" } }), first);
    assert.deepEqual(await store.state(id), state);
  },

  "an append from before the close is answered when it is repeated after it": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    const first = await store.append(id, ["a"], { expected: 0, fence });
    await store.close(id, ["t"], { expected: 1, fence });
    assert.deepEqual(await store.append(id, ["a"], { expected: 0, fence }), first);
  },

  "a close must follow the end of the log, also when its entries are stored there": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    await store.append(id, ["a", "t"], { expected: 0, fence });
    for (const expected of [0, 1, 3]) await fails(store.close(id, ["t"], { expected, fence }), "log/conflict");
    await fails(store.close(id, ["a", "t"], { expected: 0, fence }), "log/conflict");
    assert.equal((await store.state(id))?.closedAt, undefined);
    assert.deepEqual(await contents(store, id), ["a", "t"]);
  },

  "a close with only the beginning of what was stored is no repetition": async (context) => {
    const { id, fence } = await closedLog(context, ["a", "t"]);
    await fails(context.store.close(id, ["a"], { expected: 0, fence }), "log/closed");
  },

  "nobody sees the terminal in an open log, nor a closed log without it": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    await store.append(id, ["a"], { expected: 0, fence });
    const reading = readToEnd(context, id);
    const closing = store.close(id, ["b", "t"], { expected: 1, fence });
    const looks = Array.from({ length: 20 }, async () => {
      const [state, read] = await Promise.all([store.state(id), store.read(id, { after: 0 })]);
      assert.equal(state?.closedAt !== undefined, state?.last === 3);
      assert.equal(read.end, read.entries.length === 3);
      assert.notEqual(read.entries.length, 2);
    });
    await Promise.all([closing, ...looks]);
    assert.deepEqual(await reading, ["a", "b", "t"]);
  },

  "of an append and a close in one place at the same instant, one is stored": async (context) => {
    const { store } = context;
    for (const [first, second] of [
      ["append", "close"],
      ["close", "append"],
    ] as const) {
      const { id, fence } = await made(context);
      const calls = [store[first](id, ["a"], { expected: 0, fence }), store[second](id, ["b"], { expected: 0, fence })];
      assert.equal(await successes(calls, "log/conflict", "log/closed"), 1);
      assert.equal((await contents(store, id)).length, 1);
    }
  },

  "of many closes at the same instant, one is stored": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    const calls = Array.from({ length: 20 }, (_, index) => store.close(id, [`${index}`], { expected: 0, fence }));
    assert.equal(await successes(calls, "log/closed", "log/conflict"), 1);
    assert.equal((await contents(store, id)).length, 1);
  },

  "limits do not hold for the terminal": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context, { limits: { maxBytes: 2, maxEntries: 1 } });
    await store.append(id, ["ab"], { expected: 0, fence });
    assert.deepEqual(await store.close(id, ["terminal"], { expected: 1, fence }), { last: 2 });
    assert.deepEqual(await contents(store, id), ["ab", "terminal"]);
  },
};
