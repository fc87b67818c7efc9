import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AskMessage } from "../../src/http/index.ts";
import { createMemoryLog } from "../../src/log/index.ts";
import { dyingAfter } from "../run/support.ts";
import { SITES, ask, codeOf, eventsOf, type Site } from "./support.ts";

for (const [kind, start] of Object.entries(SITES)) {
  describe(`conversations over ${kind}`, () => {
    let site: Site;
    /** What the model was given, call by call. */
    let asked: (readonly AskMessage[])[];

    beforeEach(async () => {
      asked = [];
      site = await start({
        answer: ({ messages }) =>
          async function* () {
            asked.push(messages);
            yield `answer ${asked.length}`;
          },
      });
    });
    afterEach(() => site.close());

    const say = async (content: string, more: object = {}, owner = "alice"): Promise<void> => {
      const response = await site.fetch("/stream", ask(content, { threadId: "t", ...more }, { "x-owner": owner }));
      await eventsOf(response);
      await site.sluice.runs.ended(response.headers.get("sluice-run-id") ?? "");
    };
    const get = async (path: string, owner = "alice"): Promise<unknown> =>
      (await site.fetch(path, { headers: { "x-owner": owner } })).json();
    const titles = async (owner = "alice"): Promise<string[]> =>
      ((await get("/threads", owner)) as { threads: { title: string }[] }).threads.map(({ title }) => title);

    it("send the model what was said before, in turns, to the owner's own thread only", async () => {
      await say("one");
      await say("two");
      await say("other", {}, "bob");
      expect(asked[1]).toEqual([
        { role: "user", content: "one" },
        { role: "assistant", content: "answer 1" },
        { role: "user", content: "two" },
      ]);
      expect(asked[2]).toEqual([{ role: "user", content: "other" }]);
    });

    it("are beaten by the messages of a request", async () => {
      await say("one");
      const messages = [{ role: "user", content: "edited" }];
      const body = JSON.stringify({ threadId: "t", messages });
      await eventsOf(await site.fetch("/stream", { method: "POST", body }));
      expect(asked[1]).toEqual(messages);
    });

    it("hold a question once, however often it is repeated with its key", async () => {
      await say("one", { requestId: "r" });
      await say("one", { requestId: "r" });
      expect(asked).toHaveLength(1);
      expect((await get("/threads/t")) as object).toMatchObject({
        id: "t",
        title: "one",
        messages: [
          { role: "user", content: "one" },
          { role: "assistant", content: "answer 1" },
        ],
      });
    });

    it("hold a question that is asked again once, with the newest answer, as the studio asks", async () => {
      await say("one");
      const tell = async (...messages: readonly (readonly [role: string, content: string])[]): Promise<void> => {
        const body = { threadId: "t", messages: messages.map(([role, content]) => ({ role, content })) };
        const response = await site.fetch("/stream", { method: "POST", body: JSON.stringify(body) });
        await eventsOf(response);
        await site.sluice.runs.ended(response.headers.get("sluice-run-id") ?? "");
      };
      await tell(["user", "one"], ["assistant", "answer 1"], ["user", "two"]);
      await tell(["user", "one"], ["assistant", "answer 1"], ["user", "two"]);
      await say("three");
      const told = [
        { role: "user", content: "one" },
        { role: "assistant", content: "answer 1" },
        { role: "user", content: "two" },
        { role: "assistant", content: "answer 3" },
        { role: "user", content: "three" },
      ];
      expect(asked[3]).toEqual(told);
      expect(await get("/threads/t")).toMatchObject({
        messages: [...told, { role: "assistant", content: "answer 4" }],
      });
    });

    it("are listed, renamed and deleted by their owner alone", async () => {
      await say("one");
      await say("first", { threadId: "u/2 ä" });
      expect(await titles()).toEqual(["first", "one"]);
      expect(await titles("bob")).toEqual([]);

      const path = `/threads/${encodeURIComponent("u/2 ä")}`;
      const rename = (title: unknown, owner = "alice"): Promise<Response> =>
        site.fetch(path, { method: "PATCH", headers: { "x-owner": owner }, body: JSON.stringify({ title }) });
      expect(codeOf(await (await rename("mine now", "bob")).json())).toBe("thread/not-found");
      expect((await rename("")).status).toBe(422);
      expect(await (await rename("Rivers")).json()).toMatchObject({ id: "u/2 ä", title: "Rivers" });
      expect(await titles()).toEqual(["Rivers", "one"]);

      const remove = (owner: string): Promise<Response> =>
        site.fetch(path, { method: "DELETE", headers: { "x-owner": owner } });
      expect((await remove("bob")).status).toBe(404);
      expect((await remove("alice")).status).toBe(204);
      expect(await titles()).toEqual(["one"]);
      expect((await site.fetch(path)).status).toBe(404);
    });
  });
}

describe("a server that dies at the moment when a run exists", () => {
  it("leaves its question in the thread", async () => {
    const store = createMemoryLog();
    const { dying, dead } = dyingAfter(store, "create");
    const start = SITES["Web Request and Response"]!;
    const [first, next] = [await start({ store: dying }), await start({ store })];
    void first.fetch("/stream", ask("Hello", { threadId: "t" }));
    await dead;
    const thread = (await (await next.fetch("/threads/t")).json()) as object;
    expect(thread).toMatchObject({ title: "Hello", messages: [{ role: "user", content: "Hello" }] });
    await Promise.all([first, next].map((site) => site.close()));
  });
});

describe("an owner whose name is reserved", () => {
  it("is refused, whatever `authorize` says", async () => {
    const site = await SITES["node:http"]!({ authorize: () => "sluice/threads/alice" });
    const response = await site.fetch("/runs");
    expect([response.status, codeOf(await response.json())]).toEqual([500, "option/invalid"]);
    await site.close();
  });
});
