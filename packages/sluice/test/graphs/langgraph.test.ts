import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { Annotation, END, MemorySaver, MessagesAnnotation, START, StateGraph, interrupt } from "@langchain/langgraph";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { chat, invoked, model, one, story, providers } from "./langgraph-support.ts";
import { chunksOf, deltasOf, finalIn, question, siteOf, told } from "./support.ts";

describe("a graph of LangGraph", () => {
  it("streams what a model says token by token, then final with the whole answer and its usage", async () => {
    const llm = await model(story);
    const site = siteOf({ graphs: [one(() => chat(llm))] });
    const events = await told(await site.post("/stream", question("Tell me a story")));
    expect(chunksOf(events)).toEqual(["Once", " ", "upon", "\n", "a time"]);
    expect(events.at(-1)).toMatchObject({
      event: "final",
      data: {
        text: "Once upon\na time",
        attachments: [],
        metadata: { finishReason: "stop", usage: { inputTokens: 7, outputTokens: 5, totalTokens: 12 } },
      },
    });
  });

  it("is given the files of a question as its model takes them", async () => {
    const llm = await model(story);
    const site = siteOf({ graphs: [one(() => chat(llm))] });
    const url = "data:image/png;base64,iVBORw0KGgo=";
    const pdf = "data:application/pdf;base64,JVBERg==";
    const parts = [
      { type: "file", url, mediaType: "image/png" },
      { type: "file", url: pdf, mediaType: "application/pdf", filename: "a.pdf" },
      { type: "file", url: "data:text/plain;base64,SGk=", mediaType: "text/plain", filename: "a.txt" },
    ];
    await told(await site.post("/stream", question("What is this?", { message: { content: "What is this?", parts } })));
    expect(providers.at(-1)?.requests[0]?.body["messages"]).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image_url", image_url: { url } },
          { type: "file", file: { filename: "a.pdf", file_data: pdf } },
          { type: "text", text: '"a.txt" (text/plain):\n\nHi' },
        ],
      },
    ]);
  });

  // Flutch dropped tokens of nothing but white space: words ran together, for everybody who read the stream.
  // Here every token that has a character is a chunk.
  it("keeps tokens of nothing but white space", async () => {
    const llm = await model(story);
    const site = siteOf({ graphs: [one(() => chat(llm))] });
    const chunks = chunksOf(await told(await site.post("/stream", question("Hi"))));
    expect(chunks.filter((text) => String(text).trim() === "")).toEqual([" ", "\n"]);
  });

  it.each([undefined, false])("with `streaming: %s` gives one chunk, then final", async (streaming) => {
    const llm = await model(story, { streaming });
    const site = siteOf({ graphs: [one(() => chat(llm))] });
    const events = await told(await site.post("/stream", question("Tell me a story")));
    expect(chunksOf(events)).toEqual(["Once upon\na time"]);
    expect(finalIn(events)).toMatchObject({ text: "Once upon\na time" });
  });

  it("streams a model that was not told to where the graph asks for it", async () => {
    const llm = await model(story, {});
    const site = siteOf({ graphs: [one(() => chat(llm), { streamAll: true })] });
    expect(chunksOf(await told(await site.post("/stream", question("Hi"))))).toHaveLength(5);
  });

  it("answers `/generate` with the object of final, and 200", async () => {
    const llm = await model(story);
    const site = siteOf({ graphs: [one(() => chat(llm))] });
    const body = question("Tell me a story", { requestId: "req-1" });
    const response = await site.post("/generate", body);
    const final = finalIn(await told(await site.post("/stream", body)));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ ...final, requestId: "req-1", status: "finished" });
    expect(providers[0]?.requests).toHaveLength(1);
  });
});

describe("attachments", () => {
  // Flutch put attachments into `final` alone: who read the stream saw them when all was over, or never.
  // Here each travels as soon as it is there, and is in `final` too.
  it("are streamed where they come up, and are in final", async () => {
    const State = Annotation.Root({ ...MessagesAnnotation.spec, attachments: Annotation<readonly object[]> });
    const chart = { url: "https://files.test/chart.png", mediaType: "image/png" };
    const image = { url: "data:image/gif;base64,AA==", mediaType: "image/gif" };
    const graph = new StateGraph(State)
      .addNode("draw", () => ({ attachments: [chart] }))
      .addNode("tell", () => ({
        attachments: [chart],
        messages: [
          new AIMessage({
            content: [
              { type: "text", text: "Look: " },
              { type: "image_url", image_url: { url: image.url } },
            ],
          }),
        ],
      }))
      .addEdge(START, "draw")
      .addEdge("draw", "tell")
      .addEdge("tell", END)
      .compile();
    const site = siteOf({ graphs: [one(() => graph)] });
    const events = await told(await site.post("/stream", question("Draw")));
    const kinds = events.map(({ event, data }) => (event === "final" ? event : data["type"]));
    expect(kinds).toEqual(["start", "data-step", "file", "data-step", "chunk", "file", "final"]);
    expect(events.filter(({ data }) => data["type"] === "file").map(({ data }) => data["url"])).toEqual([
      chart.url,
      image.url,
    ]);
    expect(finalIn(events)).toMatchObject({ text: "Look: ", attachments: [chart, image] });
  });

  it("of a tool are what its artifact holds", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("tools", () => ({
        messages: [
          new AIMessage({ content: "", tool_calls: [{ id: "c", name: "draw", args: {} }] }),
          new ToolMessage({
            tool_call_id: "c",
            content: "drawn",
            artifact: { data: "AA==", mimeType: "image/png" },
          }),
        ],
      }))
      .addEdge(START, "tools")
      .addEdge("tools", END)
      .compile();
    const site = siteOf({ graphs: [one(() => graph)] });
    expect(finalIn(await told(await site.post("/stream", question("Draw"))))).toMatchObject({
      attachments: [{ url: "data:image/png;base64,AA==", mediaType: "image/png" }],
    });
  });
});

describe("what a node does", () => {
  it("with its writer is text, an event of its own, or data", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("work", async (_state, config: LangGraphRunnableConfig) => {
        config.writer?.("Hel");
        config.writer?.("lo");
        config.writer?.({ event: "weather", data: { degrees: 21 } });
        config.writer?.({ type: "data-progress", data: 50 });
        config.writer?.({ anything: "else" });
        config.writer?.({ type: "finish" });
        config.writer?.(" there");
        return {};
      })
      .addEdge(START, "work")
      .addEdge("work", END)
      .compile();
    const site = siteOf({ graphs: [one(() => graph)] });
    const events = await told(await site.post("/stream", question("Hi")));
    expect(events.slice(2).map(({ event, data }) => [event, data["type"] ?? data])).toEqual([
      ["stream_event", "chunk"],
      ["stream_event", "chunk"],
      ["weather", { degrees: 21 }],
      ["stream_event", "data-progress"],
      ["stream_event", "data-custom"],
      ["stream_event", "data-custom"],
      ["stream_event", "chunk"],
      ["final", expect.objectContaining({ text: "Hello there" })],
    ]);
  });

  // A node that wrote text last left its part open: the AI SDK's page showed the answer as one that is still coming.
  it("ends the text that it wrote last", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("work", async (_state, config: LangGraphRunnableConfig) => {
        config.writer?.("Hello");
        return {};
      })
      .addEdge(START, "work")
      .addEdge("work", END)
      .compile();
    const site = siteOf({ graphs: [one(() => graph)] });
    const text = await (await site.post("/stream?dialect=ai-sdk", question("Hi"))).text();
    expect(text.match(/"type":"(text-|finish)[^"]*"/g)).toEqual([
      '"type":"text-start"',
      '"type":"text-delta"',
      '"type":"text-end"',
      '"type":"finish"',
    ]);
  });

  it("goes to the channel that its metadata names", async () => {
    const llm = await model(story);
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("plan", async ({ messages }) => ({ messages: [await invoked(llm, messages)] }), {
        metadata: { stream_channel: "processing" },
      })
      .addNode("say", () => ({ messages: [new AIMessage("Done.")] }))
      .addEdge(START, "plan")
      .addEdge("plan", "say")
      .addEdge("say", END)
      .compile();
    const site = siteOf({ graphs: [one(() => graph)] });
    const events = await told(await site.post("/stream?dialect=graph-channels", question("Hi")));
    const texts = deltasOf(events).filter(([, delta]) => (delta as { type: string }).type === "text_chunk");
    expect(new Set(texts.map(([channel]) => channel))).toEqual(new Set(["processing", "text"]));
    expect(finalIn(events)).toMatchObject({ text: "Done." });
  });

  it("says once what it returns of a model that has spoken, and nothing of what was there before", async () => {
    const llm = await model(story);
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("chat", async ({ messages }) => ({ messages: [await invoked(llm, messages)] }))
      .addNode("again", ({ messages }) => ({ messages }))
      .addEdge(START, "chat")
      .addEdge("chat", "again")
      .addEdge("again", END)
      .compile();
    const site = siteOf({ graphs: [one(() => graph)] });
    expect(finalIn(await told(await site.post("/stream", question("Hi"))))).toMatchObject({
      text: "Once upon\na time",
    });
  });

  it("in a subgraph is told like any other", async () => {
    const llm = await model(story);
    const inner = new StateGraph(MessagesAnnotation)
      .addNode("deep", async ({ messages }) => ({ messages: [await invoked(llm, messages)] }))
      .addEdge(START, "deep")
      .addEdge("deep", END)
      .compile();
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("outer", inner)
      .addEdge(START, "outer")
      .addEdge("outer", END)
      .compile();
    const site = siteOf({ graphs: [one(() => graph)] });
    const events = await told(await site.post("/stream", question("Hi")));
    expect(finalIn(events)).toMatchObject({ text: "Once upon\na time" });
    expect(chunksOf(events)).toHaveLength(5);
  });

  it("at the same time as another one keeps its own text together", async () => {
    const llm = await model(story);
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("left", async ({ messages }) => ({ messages: [await invoked(llm, messages)] }))
      .addNode("right", async ({ messages }) => ({ messages: [await invoked(llm, messages)] }))
      .addEdge(START, "left")
      .addEdge(START, "right")
      .addEdge("left", END)
      .addEdge("right", END)
      .compile();
    const site = siteOf({ graphs: [one(() => graph)] });
    const { message } = (await (await site.post("/generate", question("Hi"))).json()) as {
      message: { parts: readonly Record<string, unknown>[] };
    };
    expect(message.parts.filter(({ type }) => type === "text").map(({ text }) => text)).toEqual([
      "Once upon\na time",
      "Once upon\na time",
    ]);
  });

  it("that asks a person is told as an interrupt", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("ask", () => ({ messages: [new AIMessage(String(interrupt({ question: "Sure?" })))] }))
      .addEdge(START, "ask")
      .addEdge("ask", END)
      .compile({ checkpointer: new MemorySaver() });
    const site = siteOf({ graphs: [one(() => graph)] });
    const events = await told(await site.post("/stream", question("Hi", { threadId: "t" })));
    const asked = events.find(({ data }) => data["type"] === "data-interrupt");
    expect(asked?.data["data"]).toEqual({ question: "Sure?" });
    expect(events.at(-1)?.event).toBe("final");
  });

  // A list of commands is told as `output`; a part of the state of that name was taken for one, and its drafts were said.
  it("is not said where it is within a part of the state that is called `output`", async () => {
    const graph = new StateGraph(Annotation.Root({ output: Annotation<unknown[]> }))
      .addNode("note", () => ({ output: [{ draft: new AIMessage("A secret draft.") }, new AIMessage("Hello.")] }))
      .addEdge(START, "note")
      .addEdge("note", END)
      .compile();
    const site = siteOf({ graphs: [one(() => graph)] });
    const answer = (await (await site.post("/generate", question("Hi"))).json()) as { text: string };
    expect(answer.text).toBe("Hello.");
  });

  // LangGraph tells of an interrupt on every level that it goes through: whoever is asked by a graph within a graph was
  // asked the same twice, by two dialogs.
  it("that asks from within another graph asks once", async () => {
    const inner = new StateGraph(MessagesAnnotation)
      .addNode("ask", () => ({ messages: [new AIMessage(String(interrupt({ question: "Sure?" })))] }))
      .addEdge(START, "ask")
      .addEdge("ask", END)
      .compile();
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("inner", inner)
      .addEdge(START, "inner")
      .addEdge("inner", END)
      .compile({ checkpointer: new MemorySaver() });
    const site = siteOf({ graphs: [one(() => graph)] });
    const events = await told(await site.post("/stream", question("Hi", { threadId: "t" })));
    expect(events.filter(({ data }) => data["type"] === "data-interrupt")).toMatchObject([
      { data: { data: { question: "Sure?" } } },
    ]);
  });
});
