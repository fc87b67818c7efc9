import { describe, expect, it } from "vitest";
import { createMemoryLog, type LogStore } from "../../src/log/index.ts";
import { createConversations, createRuns, type Conversations, type Runs } from "../../src/run/index.ts";
import { createManualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import { dyingAfter, overriding } from "./support.ts";

interface World {
  readonly clock: ManualClock;
  readonly store: LogStore;
  readonly runs: Runs;
  readonly conversations: Conversations;
}

function createWorld(): World {
  const clock = createManualClock(1_000);
  const store = createMemoryLog({ clock });
  return { clock, store, runs: createRuns({ store, clock }), conversations: createConversations({ store, clock }) };
}

async function* saying(text: string): AsyncGenerator<string> {
  yield text;
}

/** A question and its answer, as the server does it. */
async function turn(
  world: World,
  threadId: string,
  question: string,
  answer: string,
  owner = "alice",
): Promise<string> {
  const { runs, conversations } = world;
  const { id } = await runs.start({ owner }, () => saying(answer));
  await conversations.addQuestion(owner, threadId, { runId: id, content: question });
  await runs.ended(id);
  await conversations.addAnswer(owner, threadId, id);
  return id;
}

/** The same for a caller who tells all that the user has said. */
async function again(world: World, threadId: string, said: readonly string[], answer: string): Promise<string> {
  const { runs, conversations } = world;
  const content = said.at(-1) ?? "";
  const announce = (runId: string): Promise<void> =>
    conversations.announceQuestion("alice", threadId, { runId, content, said });
  const { id } = await runs.start({ owner: "alice", announce }, () => saying(answer));
  await conversations.addQuestion("alice", threadId, { runId: id, content, said });
  await runs.ended(id);
  await conversations.addAnswer("alice", threadId, id);
  return id;
}

const said = async ({ conversations }: World, threadId: string, owner = "alice"): Promise<string[]> =>
  (await conversations.messages(owner, threadId)).map(({ role, content }) => `${role}: ${content}`);

describe("a conversation", () => {
  it("holds questions and answers in turns, oldest first", async () => {
    const world = createWorld();
    await turn(world, "t", "Hello", "Hi");
    await turn(world, "t", "And?", "Well");
    expect(await said(world, "t")).toEqual(["user: Hello", "assistant: Hi", "user: And?", "assistant: Well"]);
    expect(await said(world, "other")).toEqual([]);
  });

  // A thread that was opened again showed what was left of a failed or stopped answer as a whole one.
  it("says of an answer that it failed or was stopped, and nothing of one that is whole", async () => {
    const world = createWorld();
    const { runs, conversations } = world;
    const ended = async (content: string, source: () => AsyncIterable<string>, stop = false): Promise<void> => {
      const { id } = await runs.start({ owner: "alice" }, source);
      await conversations.addQuestion("alice", "t", { runId: id, content });
      if (stop) await runs.stop(id);
      await runs.ended(id);
      await conversations.addAnswer("alice", "t", id);
    };
    await turn(world, "t", "Whole?", "Yes");
    await ended("Failed?", async function* () {
      yield "Hal";
      throw new Error("gone");
    });
    const endless = async function* (): AsyncGenerator<string> {
      yield "Ha";
      await new Promise(() => {});
    };
    await ended("Stopped?", endless, true);
    const messages = await conversations.messages("alice", "t");
    expect(messages.map(({ content, status }) => [content, status])).toEqual([
      ["Whole?", undefined],
      ["Yes", undefined],
      ["Failed?", undefined],
      ["Hal", "failed"],
      ["Stopped?", undefined],
      ["Ha", "aborted"],
    ]);
  });

  it("belongs to its owner: the same id of another owner is another conversation", async () => {
    const world = createWorld();
    await turn(world, "t", "Hello", "Hi");
    await turn(world, "t", "Hola", "Buenas", "bob");
    expect(await said(world, "t")).toEqual(["user: Hello", "assistant: Hi"]);
    expect(await said(world, "t", "bob")).toEqual(["user: Hola", "assistant: Buenas"]);
    expect((await world.conversations.list("bob", { limit: 10 })).threads.map(({ title }) => title)).toEqual(["Hola"]);
  });

  it("is not among the runs of its owner, and no owner can have the name under which it is kept", async () => {
    const world = createWorld();
    await turn(world, "t", "Hello", "Hi");
    expect((await world.runs.list({ owner: "alice", limit: 10 })).runs).toHaveLength(1);
    await expect(world.runs.start({ owner: "sluice/threads/alice" }, saying("x"))).rejects.toMatchObject({
      code: "option/invalid",
    });
    await expect(world.conversations.get("sluice/threads/alice", "t")).rejects.toMatchObject({
      code: "option/invalid",
    });
  });

  it("takes every question and every answer once, however often they are added", async () => {
    const world = createWorld();
    const { runs, conversations } = world;
    const { id } = await runs.start({ owner: "alice" }, saying("Hi"));
    await runs.ended(id);
    const adding = Array.from({ length: 8 }, async (_, index) =>
      index % 2 === 0
        ? conversations.addQuestion("alice", "t", { runId: id, content: "Hello" })
        : conversations.addAnswer("alice", "t", id),
    );
    await Promise.all(adding);
    await conversations.addAnswer("alice", "t", id);
    expect(await said(world, "t")).toEqual(["user: Hello", "assistant: Hi"]);
  });

  it("keeps what many turns add at the same instant", async () => {
    const world = createWorld();
    await Promise.all(Array.from({ length: 10 }, (_, index) => turn(world, "t", `q${index}`, `a${index}`)));
    const lines = await said(world, "t");
    expect(lines).toHaveLength(20);
    for (let index = 0; index < 10; index += 1) {
      const at = lines.indexOf(`user: q${index}`);
      expect(lines[at + 1]).toBe(`assistant: a${index}`);
    }
  });

  it("adds the answer of a run whose server died before it could, when somebody reads", async () => {
    const world = createWorld();
    const { id } = await world.runs.start({ owner: "alice" }, saying("Hi"));
    await world.conversations.addQuestion("alice", "t", { runId: id, content: "Hello" });
    await world.runs.ended(id);
    expect(await said(world, "t")).toEqual(["user: Hello", "assistant: Hi"]);
    await world.clock.advance(90_000_000); // the run has expired, the answer stays
    expect(await world.runs.get(id)).toBeUndefined();
    expect(await said(world, "t")).toEqual(["user: Hello", "assistant: Hi"]);
  });

  it("has the first words of its first question as its title, until it is renamed", async () => {
    const world = createWorld();
    const long = `${"word ".repeat(40)}\nend`;
    await turn(world, "t", long, "Hi");
    const { conversations } = world;
    const before = await conversations.get("alice", "t");
    expect(before?.title).toMatch(/^(word )+.*…$/);
    expect(Array.from(before?.title ?? "")).toHaveLength(80);
    await world.clock.advance(5_000);
    const renamed = await conversations.rename("alice", "t", "Rivers");
    expect(renamed).toEqual({ id: "t", title: "Rivers", createdAt: 1_000, updatedAt: 6_000 });
    await turn(world, "t", "More", "Yes");
    expect((await conversations.get("alice", "t"))?.title).toBe("Rivers");
    await expect(conversations.rename("alice", "none", "x")).rejects.toMatchObject({ code: "thread/not-found" });
  });

  it("is listed newest first, page by page", async () => {
    const world = createWorld();
    for (const id of ["a", "b", "c"]) await turn(world, id, id, id);
    const first = await world.conversations.list("alice", { limit: 2 });
    expect(first.threads.map(({ id }) => id)).toEqual(["c", "b"]);
    const second = await world.conversations.list("alice", { limit: 2, before: first.next ?? "" });
    expect(second.threads.map(({ id }) => id)).toEqual(["a"]);
    expect(second.next).toBeUndefined();
  });

  it("goes with its ended runs when it is deleted, and a late answer does not bring it back", async () => {
    const world = createWorld();
    const id = await turn(world, "t", "Hello", "Hi");
    const { id: running, run } = await world.runs.open({ owner: "alice" });
    await world.conversations.addQuestion("alice", "t", { runId: running, content: "More" });
    await world.conversations.delete("alice", "t");
    expect(await said(world, "t")).toEqual([]);
    expect(await world.runs.get(id)).toBeUndefined();
    expect(await world.runs.get(running)).toMatchObject({ status: "running" });
    await run?.append({ type: "text-start", id: "x" });
    await run?.append({ type: "text-delta", id: "x", delta: "late" });
    await run?.finish();
    await world.conversations.addAnswer("alice", "t", running);
    expect(await said(world, "t")).toEqual([]);
    await expect(world.conversations.delete("alice", "t")).rejects.toMatchObject({ code: "thread/not-found" });
  });

  // The list of conversations, or one, was refused as a missing log to whoever asked while another tab deleted one: over
  // Redis there are round trips between finding it and reading it.
  it.each(["list", "get", "messages"] as const)("that is deleted while it is read is not there: %s", async (what) => {
    const world = createWorld();
    await turn(world, "kept", "Hello", "Hi");
    await turn(world, "gone", "Hello", "Hi");
    const { id } = (await world.store.find("sluice/threads/alice", "gone"))!;
    const store = overriding(world.store, {
      async read(log, options) {
        await world.store.delete(id);
        return world.store.read(log, options);
      },
    });
    const conversations = createConversations({ store, clock: world.clock });
    const found = {
      list: async () => (await conversations.list("alice", { limit: 10 })).threads.map((thread) => thread.id),
      get: async () => (await conversations.get("alice", "gone"))?.id,
      messages: () => conversations.messages("alice", "gone"),
    };
    expect(await found[what]()).toEqual({ list: ["kept"], get: undefined, messages: [] }[what]);
  });

  // Where another tab deleted the conversation in that moment, a question was refused as a missing log; an answer or a
  // title failed as one, or made it again without a name.
  it.each([
    ["question", undefined, ["Still there?"]],
    ["answer", undefined, []],
    ["title", "thread/not-found", []],
    ["reader", undefined, []],
  ] as const)("that is deleted while it gets a %s", async (what, code, left) => {
    const world = createWorld();
    const runId = await turn(world, "t", "Hello", "Hi");
    await world.conversations.announceQuestion("alice", "t", { runId: "run-2", content: "Not begun" });
    const { id } = (await world.store.find("sluice/threads/alice", "t"))!;
    let reads = 0;
    const store = overriding(world.store, {
      async read(log, options) {
        // What heals a conversation has read it before.
        if (log === id && (reads += 1) === (what === "reader" ? 2 : 1)) await world.store.delete(id);
        return world.store.read(log, options);
      },
      state: async (log) => (log === "run-2" ? world.store.state(runId) : world.store.state(log)),
    });
    const conversations = createConversations({ store, clock: world.clock });
    const act = {
      question: () => conversations.addQuestion("alice", "t", { runId: "run-3", content: "Still there?" }),
      answer: () => conversations.addAnswer("alice", "t", "run-2"),
      title: () => conversations.rename("alice", "t", "New"),
      reader: () => conversations.messages("alice", "t"),
    };
    const refusal: unknown = await act[what]().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refusal).toEqual(code && expect.objectContaining({ code }));
    expect((await world.conversations.messages("alice", "t")).map(({ content }) => content)).toEqual(left);
    expect((await world.conversations.list("alice", { limit: 10 })).threads.length).toBe(left.length);
  });

  it("holds a question that was asked again once, with the newest answer in place of the old one", async () => {
    const world = createWorld();
    await turn(world, "t", "Hello", "Hi");
    await turn(world, "t", "And?", "Well");
    await again(world, "t", ["Hello", "And?"], "Better");
    expect(await said(world, "t")).toEqual(["user: Hello", "assistant: Hi", "user: And?", "assistant: Better"]);
    // Also with a question on the way that the conversation never heard of: one that was taken back.
    const id = await again(world, "t", ["Hello", "taken back", "And?"], "Best");
    expect(await said(world, "t")).toEqual(["user: Hello", "assistant: Hi", "user: And?", "assistant: Best"]);
    expect((await world.conversations.messages("alice", "t")).at(-2)?.runId).toBe(id);
    await turn(world, "t", "More", "No");
    expect((await said(world, "t")).slice(2)).toEqual(["user: And?", "assistant: Best", "user: More", "assistant: No"]);
  });

  it("keeps the old answer of a question that was asked again until there is a new one", async () => {
    const world = createWorld();
    await turn(world, "t", "Hello", "Hi");
    const { id, run } = await world.runs.open({ owner: "alice" });
    await world.conversations.addQuestion("alice", "t", { runId: id, content: "Hello", said: ["Hello"] });
    expect(await said(world, "t")).toEqual(["user: Hello", "assistant: Hi"]);
    await run?.fail(new Error("the model is gone"));
    expect(await said(world, "t")).toEqual(["user: Hello", "assistant: Hi"]);
    await again(world, "t", ["Hello"], "Hey");
    expect(await said(world, "t")).toEqual(["user: Hello", "assistant: Hey"]);
  });

  it.each([
    ["said once more", ["go on", "go on"]],
    ["edited", ["Hello there"]],
    ["an earlier one", ["Hello"]],
    ["told with less than there is", ["go on"]],
    ["told in another order", ["go on", "Hello", "go on"]],
  ])("takes a question for a new one that is %s", async (_what, told) => {
    const world = createWorld();
    await turn(world, "t", "Hello", "Hi");
    await turn(world, "t", "go on", "1");
    await again(world, "t", told, "2");
    expect((await said(world, "t")).slice(2)).toEqual([
      "user: go on",
      "assistant: 1",
      `user: ${told.at(-1)}`,
      "assistant: 2",
    ]);
  });

  it("has a question from the moment when its run exists, also when its server dies in that moment", async () => {
    const world = createWorld();
    await turn(world, "t", "Hello", "Hi");
    const { dying, dead } = dyingAfter(world.store, "create");
    const conversations = createConversations({ store: dying, clock: world.clock });
    const announce = (runId: string): Promise<void> =>
      conversations.announceQuestion("alice", "t", { runId, content: "And?" });
    const runs = createRuns({ store: dying, clock: world.clock });
    void runs.start({ owner: "alice", requestId: "k", announce }, () => saying("never said"));
    await dead;
    const run = await world.runs.find("alice", "k");
    expect(await said(world, "t")).toEqual(["user: Hello", "assistant: Hi", "user: And?"]);
    expect((await world.conversations.messages("alice", "t")).at(-1)?.runId).toBe(run?.id);

    // Its run ends without a word, and expires: the question stays.
    await world.clock.advance(8_000);
    const { fence } = await world.store.lease(run!.id, { holder: "another", ttlMs: 1_000 });
    await world.store.close(run!.id, ['{"type":"error","errorText":"gone"}'], { expected: 0, fence });
    await world.clock.advance(90_000_000);
    expect(await world.runs.get(run!.id)).toBeUndefined();
    expect(await said(world, "t")).toEqual(["user: Hello", "assistant: Hi", "user: And?"]);
  });

  it("has no question whose run never came to be, and takes it once when it is repeated", async () => {
    const world = createWorld();
    await world.conversations.announceQuestion("alice", "t", { runId: "run_never", content: "Hello" });
    expect(await said(world, "t")).toEqual([]);
    const ids = await Promise.all(
      [0, 1, 2].map(async () => {
        const announce = (runId: string): Promise<void> =>
          world.conversations.announceQuestion("alice", "t", { runId, content: "Hello", said: ["Hello"] });
        return (await world.runs.start({ owner: "alice", requestId: "k", announce }, () => saying("Hi"))).id;
      }),
    );
    expect(new Set(ids).size).toBe(1);
    await world.runs.ended(ids[0] ?? "");
    expect(await said(world, "t")).toEqual(["user: Hello", "assistant: Hi"]);
  });

  it("takes no question from the run of somebody else", async () => {
    const world = createWorld();
    const { id } = await world.runs.start({ owner: "bob" }, saying("private"));
    await world.runs.ended(id);
    await world.conversations.announceQuestion("alice", "t", { runId: id, content: "Hello" });
    expect(await said(world, "t")).toEqual([]);
  });

  it("never expires", async () => {
    const world = createWorld();
    await turn(world, "t", "Hello", "Hi");
    await world.clock.advance(1e12);
    expect(await said(world, "t")).toHaveLength(2);
  });
});
