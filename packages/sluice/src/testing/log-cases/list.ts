import assert from "node:assert/strict";
import { SOON_MS, closedLog, fails, made, type LogCase, type LogCaseContext } from "./context.ts";

export const listCases: Readonly<Record<string, LogCase>> = {
  "list gives an owner's logs, newest first": async (context) => {
    const owner = context.id();
    await made(context);
    const ids = await several(context, owner, 3);
    const page = await context.store.list({ owner, limit: 10 });
    assert.deepEqual(page, { logs: await Promise.all(ids.toReversed().map((id) => context.store.state(id))) });
    assert.deepEqual(await context.store.list({ owner: context.id(), limit: 10 }), { logs: [] });
  },

  "list shows what a log was closed with, and that it was asked to stop": async (context) => {
    const owner = context.id();
    const { id, fence } = await made(context, { owner, meta: { title: "é" } });
    await context.store.requestStop(id);
    await context.store.close(id, ["t"], { expected: 0, fence, summary: { status: "stopped" } });
    const [log] = (await context.store.list({ owner, limit: 1 })).logs;
    assert.deepEqual(
      [log?.meta, log?.stopRequested, log?.summary, log?.last],
      [{ title: "é" }, true, { status: "stopped" }, 1],
    );
    assert.deepEqual(log, await context.store.state(id));
  },

  "pages of a list follow each other without repetition, and the last has no next": async (context) => {
    const owner = context.id();
    const ids = await several(context, owner, 5);
    assert.deepEqual(await pages(context, owner, 2), [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]);
    assert.deepEqual(await pages(context, owner, 5), [ids.toReversed()]);
    assert.deepEqual(
      await pages(context, owner, 1),
      ids.toReversed().map((id) => [id]),
    );
  },

  "a log made or deleted between two pages moves no other": async (context) => {
    const { store } = context;
    const owner = context.id();
    const ids = await several(context, owner, 5);
    const first = await store.list({ owner, limit: 2 });
    await several(context, owner, 1);
    await store.delete(ids[4] ?? "");
    await store.delete(ids[1] ?? "");
    assert.ok(first.next !== undefined);
    const second = await store.list({ owner, limit: 2, before: first.next });
    assert.deepEqual(
      second.logs.map(({ id }) => id),
      [ids[2], ids[0]],
    );
    assert.equal(second.next, undefined);
  },

  "logs made at the same instant are listed in the order of their making, and no page loses one": async (context) => {
    const owner = context.id();
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) ids.unshift((await made(context, { owner })).id);
    assert.deepEqual(await pages(context, owner, 2), [ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)]);
    assert.deepEqual((await pages(context, owner, 1)).flat(), ids);
    const together = await Promise.all(Array.from({ length: 10 }, () => made(context, { owner })));
    const listed = (await pages(context, owner, 3)).flat();
    assert.deepEqual(new Set(listed.slice(0, 10)), new Set(together.map(({ id }) => id)));
    assert.deepEqual(listed.slice(10), ids);
  },

  "a page begins where the one before it ended, also when the log there is gone": async (context) => {
    const { store } = context;
    const owner = context.id();
    const ids = await several(context, owner, 5);
    const first = await store.list({ owner, limit: 2 });
    await store.delete(ids[3] ?? "");
    await store.delete(ids[2] ?? "");
    assert.ok(first.next !== undefined);
    const second = await store.list({ owner, limit: 2, before: first.next });
    assert.deepEqual([second.logs.map(({ id }) => id), second.next], [[ids[1], ids[0]], undefined]);
  },

  "an expired log is not listed and takes no place in a page": async (context) => {
    const owner = context.id();
    const kept: string[] = [];
    for (let index = 0; index < 4; index += 1) {
      await closedLog(context, ["t"], { owner, ttlMs: SOON_MS });
      kept.unshift((index % 2 === 0 ? await made(context, { owner }) : await closedLog(context, ["t"], { owner })).id);
      await closedLog(context, ["t"], { owner, ttlMs: SOON_MS });
    }
    await context.advance(SOON_MS + 1);
    // What comes after the last page is expired: it has no `next`.
    assert.deepEqual(await pages(context, owner, 2), [kept.slice(0, 2), kept.slice(2)]);
    assert.deepEqual(await pages(context, owner, 3), [kept.slice(0, 3), kept.slice(3)]);
    assert.deepEqual(await pages(context, owner, 4), [kept]);
    assert.deepEqual(await pages(context, owner, 100), [kept]);
  },

  "an owner whose logs have all expired or been deleted has none": async (context) => {
    const owner = context.id();
    await closedLog(context, ["t"], { owner, ttlMs: SOON_MS });
    const { id } = await made(context, { owner });
    await context.store.delete(id);
    await context.advance(SOON_MS + 1);
    assert.deepEqual(await context.store.list({ owner, limit: 1 }), { logs: [] });
    const later = await made(context, { owner });
    assert.deepEqual(await pages(context, owner, 1), [[later.id]]);
  },

  "a place that no page gave is refused": async (context) => {
    await fails(context.store.list({ owner: context.id(), limit: 1, before: "not a place" }), "request/invalid");
  },
};

/** Made one after the other, oldest first. */
async function several(context: LogCaseContext, owner: string, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    ids.push((await made(context, { owner })).id);
    await context.advance(2);
  }
  return ids;
}

async function pages(context: LogCaseContext, owner: string, limit: number): Promise<readonly (readonly string[])[]> {
  const found: string[][] = [];
  let before: string | undefined;
  do {
    const page = await context.store.list({ owner, limit, ...(before === undefined ? {} : { before }) });
    found.push(page.logs.map(({ id }) => id));
    before = page.next;
  } while (before !== undefined);
  return found;
}
