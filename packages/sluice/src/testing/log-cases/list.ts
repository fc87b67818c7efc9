import assert from "node:assert/strict";
import { fails, made, type LogCase, type LogCaseContext } from "./context.ts";

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
