import assert from "node:assert/strict";
import { closedLog, fails, made, readToEnd, slice, tailOf, type LogCase } from "./context.ts";

export const tailCases: Readonly<Record<string, LogCase>> = {
  "a tail catches up, follows live and returns at the end": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    await store.append(id, ["a", "b"], { expected: 0, fence });
    const tail = tailOf(context, id, { after: 1 });
    assert.deepEqual(await slice(tail.next()), { after: 1, entries: ["b"], end: false });
    const live = tail.next();
    await store.append(id, ["c", "d"], { expected: 2, fence });
    assert.deepEqual(await slice(live), { after: 2, entries: ["c", "d"], end: false });
    const last = tail.next();
    await store.close(id, ["t"], { expected: 4, fence });
    assert.deepEqual(await slice(last), { after: 4, entries: ["t"], end: true });
    assert.equal((await tail.next()).done, true);
  },

  "a tail of a closed log gives what is after its start, and returns": async (context) => {
    const { id } = await closedLog(context, ["a", "b", "t"]);
    for (let after = 0; after <= 3; after += 1) {
      assert.deepEqual(await readToEnd(context, id, { after }), ["a", "b", "t"].slice(after));
      assert.deepEqual(await readToEnd(context, id, { after, maxEntries: 1 }), ["a", "b", "t"].slice(after));
    }
  },

  "a tail cuts its slices by maxEntries and maxLength": async (context) => {
    const { id } = await closedLog(context, ["aaa", "bbb", "c", "d", "e"]);
    const lengths = async (limits: { maxEntries?: number; maxLength?: number }): Promise<readonly number[]> => {
      const found: number[] = [];
      const signal = new AbortController().signal;
      for await (const { entries } of context.store.tail(id, { after: 0, signal, ...limits }))
        found.push(entries.length);
      return found;
    };
    assert.deepEqual(await lengths({ maxEntries: 2 }), [2, 2, 1]);
    assert.deepEqual(await lengths({ maxLength: 3 }), [1, 1, 3]);
    assert.deepEqual(await lengths({ maxLength: 1 }), [1, 1, 1, 1, 1]);
  },

  "a tail returns when its signal fires while it waits": async (context) => {
    const { id } = await made(context);
    const leave = new AbortController();
    const tail = tailOf(context, id, { signal: leave.signal });
    const waiting = tail.next();
    leave.abort(new Error("the reader left"));
    assert.equal((await waiting).done, true);
    assert.equal((await tail.next()).done, true);
  },

  "a tail returns when its signal fired, though there is more": async (context) => {
    const { id } = await closedLog(context, ["a", "b", "t"]);
    const leave = new AbortController();
    const tail = tailOf(context, id, { signal: leave.signal, maxEntries: 1 });
    assert.deepEqual((await slice(tail.next())).entries, ["a"]);
    leave.abort();
    assert.equal((await tail.next()).done, true);
    assert.equal((await tailOf(context, id, { signal: leave.signal }).next()).done, true);
  },

  "a reader that leaves disturbs no other reader": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    const leave = new AbortController();
    const [leaving, staying] = [tailOf(context, id, { signal: leave.signal }), tailOf(context, id)];
    const [gone, next] = [leaving.next(), staying.next()];
    leave.abort();
    assert.equal((await gone).done, true);
    await store.append(id, ["a"], { expected: 0, fence });
    assert.deepEqual((await slice(next)).entries, ["a"]);
  },

  "a tail that waits fails when the log is deleted": async (context) => {
    const { id } = await made(context);
    const waiting = tailOf(context, id).next();
    const failed = fails(waiting, "log/not-found");
    await context.store.delete(id);
    await failed;
  },

  "a tail reads nothing ahead: what is deleted before next is not delivered": async (context) => {
    const { id } = await closedLog(context, ["a", "b", "t"]);
    const tail = tailOf(context, id, { maxEntries: 1 });
    assert.deepEqual((await slice(tail.next())).entries, ["a"]);
    await context.store.delete(id);
    await fails(tail.next(), "log/not-found");
  },

  "a tail that was not asked has read nothing: it begins when it is": async (context) => {
    const { store } = context;
    const id = context.id();
    const tail = tailOf(context, id, { maxEntries: 2 });
    const { fence } = await store.create(id, {
      owner: context.id(),
      meta: {},
      ttlMs: 60_000,
      lease: { holder: "node-a", ttlMs: 60_000 },
    });
    await store.append(id, ["a", "b", "c"], { expected: 0, fence });
    assert.deepEqual((await slice(tail.next())).entries, ["a", "b"]);
  },

  "many readers at different places each get every entry once, in order": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    const total = 60;
    const all = Array.from({ length: total }, (_, index) => `entry ${index + 1}`);
    const readings: Promise<readonly string[]>[] = [];
    for (let last = 0; last < total; last += 3) {
      for (const after of [0, Math.floor(last / 2), last])
        readings.push(readToEnd(context, id, { after, maxEntries: 7 }));
      const entries = all.slice(last, last + 3);
      if (last + 3 < total) await store.append(id, entries, { expected: last, fence });
      else await store.close(id, entries, { expected: last, fence });
    }
    const starts = Array.from({ length: total / 3 }, (_, step) => [0, Math.floor((step * 3) / 2), step * 3]).flat();
    const read = await Promise.all(readings);
    assert.deepEqual(
      read,
      starts.map((after) => all.slice(after)),
    );
  },

  "entries appended while a tail looks are never missed": async (context) => {
    const { store } = context;
    const { id, fence } = await made(context);
    const total = 200;
    const reading = readToEnd(context, id, { maxEntries: 3 });
    for (let last = 0; last < total; last += 1) await store.append(id, [String(last)], { expected: last, fence });
    await store.close(id, ["t"], { expected: total, fence });
    assert.deepEqual(await reading, [...Array.from({ length: total }, (_, index) => String(index)), "t"]);
  },
};
