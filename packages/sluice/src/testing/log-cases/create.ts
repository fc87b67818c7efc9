import assert from "node:assert/strict";
import { contents, fails, made, options, successes, type LogCase } from "./context.ts";

export const createCases: Readonly<Record<string, LogCase>> = {
  "create makes an empty, open log": async (context) => {
    const { store, id } = context;
    const name = id();
    const claim = { key: id(), hash: "h" };
    const owner = id();
    const meta = { model: "demo", nested: { list: [1, null, "é"] } };
    const { created, state } = await store.create(name, options(context, { owner, meta, claim }));
    assert.equal(created, true);
    const { createdAt, ...rest } = state;
    assert.equal(Number.isSafeInteger(createdAt), true);
    assert.deepEqual(rest, { id: name, owner, meta, claim, first: 1, last: 0, bytes: 0, stopRequested: false });
    assert.deepEqual(await store.state(name), state);
    assert.deepEqual(await store.read(name, { after: 0 }), { after: 0, entries: [], end: false });
  },

  "an id is taken only once": async (context) => {
    const { id, fence } = await made(context);
    await context.store.append(id, ["a"], { expected: 0, fence });
    await fails(context.store.create(id, options(context)), "log/exists");
    assert.deepEqual(await contents(context.store, id), ["a"]);
  },

  "of many creates of one id at the same instant, one succeeds": async (context) => {
    const id = context.id();
    const calls = Array.from({ length: 20 }, () => context.store.create(id, options(context)));
    assert.equal(await successes(calls, "log/exists"), 1);
  },

  "a create that fails with log/exists leaves its claim free": async (context) => {
    const { id } = await made(context);
    const owner = context.id();
    const claim = { key: context.id(), hash: "h" };
    await fails(context.store.create(id, options(context, { owner, claim })), "log/exists");
    assert.equal(await context.store.find(owner, claim.key), undefined);
    assert.equal((await context.store.create(context.id(), options(context, { owner, claim }))).created, true);
  },

  "a claim that is taken gives the log that has it, and makes nothing": async (context) => {
    const owner = context.id();
    const key = context.id();
    const first = await made(context, { owner, claim: { key, hash: "one" } });
    const second = context.id();
    const answer = await context.store.create(second, options(context, { owner, claim: { key, hash: "two" } }));
    assert.equal(answer.created, false);
    assert.equal(answer.state.id, first.id);
    assert.deepEqual(answer.state.claim, { key, hash: "one" });
    assert.equal(await context.store.state(second), undefined);
  },

  "a claim is found also when the log that has it is closed": async (context) => {
    const owner = context.id();
    const claim = { key: context.id(), hash: "h" };
    const { id, fence } = await made(context, { owner, claim });
    await context.store.close(id, ["t"], { expected: 0, fence });
    const answer = await context.store.create(context.id(), options(context, { owner, claim }));
    assert.equal(answer.created, false);
    assert.equal(answer.state.last, 1);
    assert.equal((await context.store.find(owner, claim.key))?.id, id);
  },

  "the same key of another owner is another claim": async (context) => {
    // Owners and keys are texts of strangers: no joining of the two may make them meet.
    const [a, b] = [context.id(), context.id()];
    const pairs = [
      [a, b],
      [b, a],
      [`${a}:`, b],
      [a, `:${b}`],
      [a, `${b} `],
    ] as const;
    for (const [owner, key] of pairs) {
      const { created } = await context.store.create(
        context.id(),
        options(context, { owner, claim: { key, hash: "h" } }),
      );
      assert.equal(created, true, JSON.stringify([owner, key]));
    }
  },

  "of many creates with one claim at the same instant, one creates and all get its log": async (context) => {
    const owner = context.id();
    const claim = { key: context.id(), hash: "h" };
    const calls = Array.from({ length: 20 }, () =>
      context.store.create(context.id(), options(context, { owner, claim })),
    );
    const answers = await Promise.all(calls);
    assert.equal(answers.filter(({ created }) => created).length, 1);
    assert.equal(new Set(answers.map(({ state }) => state.id)).size, 1);
    assert.equal((await context.store.list({ owner, limit: 100 })).logs.length, 1);
  },

  "find gives the log that holds a claim, undefined for none": async (context) => {
    const owner = context.id();
    const claim = { key: context.id(), hash: "h" };
    const { id } = await made(context, { owner, claim });
    assert.deepEqual(await context.store.find(owner, claim.key), await context.store.state(id));
    assert.equal(await context.store.find(owner, context.id()), undefined);
    assert.equal(await context.store.find(context.id(), claim.key), undefined);
  },

  "state is undefined for a log that never was": async ({ store, id }) => {
    assert.equal(await store.state(id()), undefined);
  },
};
