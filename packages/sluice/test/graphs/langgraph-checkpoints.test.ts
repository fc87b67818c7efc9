import { END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import { afterEach, describe, expect, it } from "vitest";
import type { OpenAIScript } from "../../src/testing/index.ts";
import { chat, model, one } from "./langgraph-support.ts";
import { question, siteOf, told } from "./support.ts";

describe("checkpoints", () => {
  const heard: string[][] = [];
  const echo: OpenAIScript = function* ({ body }) {
    const messages = body["messages"] as readonly { readonly content: string }[];
    heard.push(messages.map(({ content }) => content));
    yield { type: "text", text: `answer ${messages.length}` };
    yield { type: "finish" };
  };
  afterEach(() => void heard.splice(0));

  it("go on with a thread: each message reaches the graph once, with what was said before", async () => {
    const graph = chat(await model(echo), new MemorySaver());
    const site = siteOf({ graphs: [one(() => graph)] });
    for (const content of ["One?", "Two?", "Three?"]) {
      await told(await site.post("/stream", question(content, { threadId: "thread-1" })));
    }
    expect(heard).toEqual([["One?"], ["One?", "answer 1", "Two?"], ["One?", "answer 1", "Two?", "answer 3", "Three?"]]);
  });

  it("are an owner's own: the same threadId of another one is another thread", async () => {
    const graph = chat(await model(echo), new MemorySaver());
    const site = siteOf({ graphs: [one(() => graph)] });
    const asked = question("My secret", { threadId: "thread-001", userId: "user-001" });
    await told(await site.post("/stream", asked, { "x-owner": "alice" }));
    await told(
      await site.post("/stream", question("What did I say?", { threadId: "thread-001", userId: "user-001" }), {
        "x-owner": "bob",
      }),
    );
    expect(heard.at(-1)).toEqual(["What did I say?"]);
  });

  it("cannot be reached by an owner or thread that is named like two", async () => {
    const seen: unknown[] = [];
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("n", (_state, config: LangGraphRunnableConfig) => {
        seen.push(config.configurable?.["thread_id"]);
        return {};
      })
      .addEdge(START, "n")
      .addEdge("n", END)
      .compile();
    const site = siteOf({ graphs: [one(() => graph), { name: "other", version: "1.0.0", build: () => graph }] });
    const asked = [
      ["a", "b", "streaming-chat"],
      ["a", 'b","c', "streaming-chat"],
      ['a","b', "c", "streaming-chat"],
      ["a", "b", "other"],
      ["b", "b", "streaming-chat"],
    ] as const;
    for (const [owner, threadId, graphType] of asked) {
      await told(await site.post("/stream", question("Hi", { threadId, graphType }), { "x-owner": owner }));
    }
    expect(new Set(seen).size).toBe(asked.length);
  });

  it("are replaced where `messages` beat them", async () => {
    const graph = chat(await model(echo), new MemorySaver());
    const site = siteOf({ graphs: [one(() => graph)] });
    await told(await site.post("/stream", question("One?", { threadId: "t" })));
    const messages = [{ role: "user", content: "Another?" }];
    await told(await site.post("/stream", { graphType: "streaming-chat", messages, threadId: "t" }));
    await told(await site.post("/stream", question("And?", { threadId: "t" })));
    expect(heard.slice(1)).toEqual([["Another?"], ["Another?", "answer 1", "And?"]]);
  });

  it("that were lost are made up for by what the thread holds", async () => {
    const llm = await model(echo);
    const site = siteOf({ graphs: [one(() => chat(llm, new MemorySaver()))] }); // a new checkpointer each time
    await told(await site.post("/stream", question("One?", { threadId: "t" })));
    await site.sluice.runs.ended((await site.sluice.runs.list({ owner: "alice", limit: 1 })).runs[0]?.id ?? "");
    await told(await site.post("/stream", question("Two?", { threadId: "t" })));
    expect(heard.at(-1)).toEqual(["One?", "answer 1", "Two?"]);
  });

  it("are never chosen by the body of a request", async () => {
    const seen: unknown[] = [];
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("n", (_state, config: LangGraphRunnableConfig) => {
        seen.push(config.configurable);
        return {};
      })
      .addEdge(START, "n")
      .addEdge("n", END)
      .compile();
    const site = siteOf({ graphs: [one(() => graph)] });
    const configurable = {
      thread_id: "t",
      checkpoint_id: "c",
      checkpoint_ns: "n",
      metadata: { a: 1 },
      context: { b: 2 },
    };
    await told(await site.post("/stream", { input: "Hi", config: { configurable } }));
    expect(seen[0]).toMatchObject({
      metadata: { a: 1 },
      context: { b: 2 },
      thread_id: '["alice","streaming-chat","t"]',
    });
    expect(JSON.stringify(seen[0])).not.toContain('"checkpoint_id":"c"');
  });
});
