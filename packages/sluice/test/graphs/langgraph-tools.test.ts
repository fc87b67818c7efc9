import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, AIMessageChunk, ToolMessage, type BaseMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { tool } from "@langchain/core/tools";
import { Command, END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import type { ChatOpenAI } from "@langchain/openai";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { CompiledGraph } from "../../src/graphs/index.ts";
import type { OpenAIScript } from "../../src/testing/index.ts";
import { invoked, model, one } from "./langgraph-support.ts";
import { deltasOf, finalIn, question, siteOf, told } from "./support.ts";

const weather = tool(async ({ city }) => `${city}: rain`, {
  name: "weather",
  description: "The weather of a city",
  schema: z.object({ city: z.string() }),
});

function agent(llm: ChatOpenAI, tools = [weather]): CompiledGraph {
  const bound = llm.bindTools(tools);
  return new StateGraph(MessagesAnnotation)
    .addNode("agent", async ({ messages }) => ({ messages: [await invoked(bound as ChatOpenAI, messages)] }))
    .addNode("tools", new ToolNode(tools))
    .addEdge(START, "agent")
    .addConditionalEdges("agent", ({ messages }) => {
      const last = messages.at(-1);
      return last instanceof AIMessage && (last.tool_calls?.length ?? 0) > 0 ? "tools" : END;
    })
    .addEdge("tools", "agent")
    .compile();
}

// The arguments of two calls in turns, as providers send them for parallel calls.
const parallel: OpenAIScript = function* ({ body }) {
  const messages = body["messages"] as readonly { readonly role: string }[];
  if (messages.at(-1)?.role === "tool") {
    yield { type: "text", text: "It rains." };
    yield { type: "finish" };
    return;
  }
  yield { type: "text", text: "Let me look. " };
  yield { type: "tool", index: 0, id: "call_a", name: "weather", arguments: "" };
  yield { type: "tool", index: 1, id: "call_b", name: "weather", arguments: '{"ci' };
  yield { type: "tool", index: 0, arguments: '{"city":' };
  yield { type: "tool", index: 1, arguments: 'ty":"Rome"}' };
  yield { type: "tool", index: 0, arguments: '"Oslo"}' };
  yield { type: "finish", reason: "tool_calls" };
};

/** Streams what a script gives, and tells of its tokens with or without the chunks that they are of. */
class Scripted extends BaseChatModel {
  readonly #told: "chunks" | "text alone";
  readonly #script: (messages: readonly BaseMessage[]) => readonly AIMessageChunk[];

  constructor(told: "chunks" | "text alone", script: (messages: readonly BaseMessage[]) => readonly AIMessageChunk[]) {
    super({});
    this.#told = told;
    this.#script = script;
  }

  override _llmType(): string {
    return "scripted";
  }

  override async _generate(): Promise<never> {
    throw new Error("It streams.");
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    _options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    for (const message of this.#script(messages)) {
      const chunk = new ChatGenerationChunk({ text: message.text, message });
      yield chunk;
      const fields = this.#told === "chunks" ? { chunk } : undefined;
      await runManager?.handleLLMNewToken(chunk.text, undefined, undefined, undefined, undefined, fields);
    }
  }
}

describe("tools of a graph", () => {
  // Models of Google (and Cohere, Cloudflare, Perplexity) tell of their tokens without the chunks, or have whole calls in
  // them: their calls were taken for told. Whoever watched saw a tool answer that nobody had called, with no arguments.
  it.each(["text alone", "chunks"] as const)(
    "have the arguments of a model that streams %s, and calls in one piece; its pictures come along",
    async (tokens) => {
      const picture = { type: "image", url: "https://site.test/map.png", mimeType: "image/png" };
      const call = { id: "call_a", name: "weather", args: { city: "Oslo" } };
      const llm = new Scripted(tokens, (messages) =>
        messages.at(-1)?.getType() === "tool"
          ? ["It ", "rains."].map((content) => new AIMessageChunk({ content }))
          : [
              new AIMessageChunk({ content: [{ type: "text", text: "Let me look." }] }),
              new AIMessageChunk({ content: [picture] }),
              new AIMessageChunk({ content: "", tool_calls: [call] }),
            ],
      );
      const graph = new StateGraph(MessagesAnnotation)
        .addNode("agent", async ({ messages }) => ({ messages: [await llm.invoke(messages)] }))
        .addNode("tools", new ToolNode([weather]))
        .addEdge(START, "agent")
        .addConditionalEdges("agent", ({ messages }) => (messages.at(-1)?.text === "It rains." ? END : "tools"))
        .addEdge("tools", "agent")
        .compile();
      const site = siteOf({ graphs: [one(() => graph)] });
      const { message } = (await (await site.post("/generate", question("Weather?"))).json()) as {
        message: { parts: readonly Record<string, unknown>[] };
      };
      expect(message.parts).toMatchObject([
        { type: "text", text: "Let me look." },
        { type: "file", url: picture.url },
        { type: "tool-weather", toolCallId: "call_a", input: { city: "Oslo" }, output: "Oslo: rain" },
        { type: "text", text: "It rains." },
      ]);
    },
  );

  // Flutch gave fragments of arguments to the call that began last: with two calls at once both tools showed garbage.
  // Here a fragment goes to the call at its index, and an output to the call it names.
  it("get the arguments of parallel calls each to its own, and answer each for itself", async () => {
    const llm = await model(parallel);
    const site = siteOf({ graphs: [one(() => agent(llm))] });
    const { message } = (await (await site.post("/generate", question("Weather?"))).json()) as {
      message: { parts: readonly Record<string, unknown>[] };
    };
    expect(message.parts.filter(({ type }) => type === "tool-weather")).toMatchObject([
      { toolCallId: "call_a", input: { city: "Oslo" }, output: "Oslo: rain", state: "output-available" },
      { toolCallId: "call_b", input: { city: "Rome" }, output: "Rome: rain", state: "output-available" },
    ]);
    expect(message.parts.filter(({ type }) => type === "text")).toMatchObject([
      { text: "Let me look. " },
      { text: "It rains." },
    ]);
  });

  it.each([true, undefined])("travel on the channel processing, with `streaming: %s`", async (streaming) => {
    const llm = await model(parallel, { streaming });
    const site = siteOf({ graphs: [one(() => agent(llm))] });
    const body = { input: "Weather?", config: { configurable: { graphSettings: { graphType: "streaming-chat" } } } };
    const deltas = deltasOf(await told(await site.post("/stream", body))) as readonly (readonly [
      string,
      Record<string, unknown>,
    ])[];
    const chunks = (type: string, step: string): string =>
      deltas
        .flatMap(([, delta]) => (delta["type"] === type && delta["stepId"] === step ? [delta["chunk"]] : []))
        .join("");
    expect(chunks("tool_input_chunk", "call_a")).toBe('{"city":"Oslo"}');
    expect(chunks("tool_input_chunk", "call_b")).toBe('{"city":"Rome"}');
    expect(chunks("tool_output_chunk", "call_a")).toBe("Oslo: rain");
    expect(chunks("tool_output_chunk", "call_b")).toBe("Rome: rain");
    const steps = deltas.flatMap(([channel, { type, step }]) => (type === "step_started" ? [[channel, step]] : []));
    expect(steps).toMatchObject([
      ["processing", { type: "node", name: "agent" }],
      ["processing", { type: "tool_use", id: "call_a", name: "weather" }],
      ["processing", { type: "tool_use", id: "call_b", name: "weather" }],
      ["processing", { type: "node", name: "tools" }],
      ["processing", { type: "node", name: "agent" }],
    ]);
    const texts = deltas.flatMap(([channel, { type, text }]) => (type === "text_chunk" ? [[channel, text]] : []));
    expect(texts).toEqual([
      ["text", "Let me look. "],
      ["text", "It rains."],
    ]);
  });

  it("that fail say so where the graph goes on", async () => {
    const broken = tool(
      () => {
        throw new Error("no such city");
      },
      { name: "weather", description: "d", schema: z.object({ city: z.string() }) },
    );
    const llm = await model(parallel);
    const site = siteOf({ graphs: [one(() => agent(llm, [broken as typeof weather]))] });
    const { message } = (await (await site.post("/generate", question("Weather?"))).json()) as {
      message: { parts: readonly Record<string, unknown>[] };
    };
    expect(message.parts.filter(({ type }) => type === "tool-weather")).toMatchObject([
      { state: "output-error", errorText: expect.stringContaining("no such city") as string },
      { state: "output-error" },
    ]);
  });

  // A tool that answers by a command (it changes the state, or hands over to another agent) was never told to have
  // answered: the page showed it at work for ever.
  it.each([
    ["commands", undefined],
    ["commands to the graph around theirs", Command.PARENT],
  ])("that answer by %s have answered", async (_kind, graph) => {
    const handing = tool(
      ({ city }, config: { readonly toolCall?: { readonly id?: string } }) => {
        const artifact = { url: `https://site.test/${city}.png`, mediaType: "image/png" };
        const said = new ToolMessage({ content: `${city}: rain`, tool_call_id: config.toolCall?.id ?? "", artifact });
        return new Command({ update: { messages: [said] }, ...(graph ? { graph, goto: "next" } : {}) });
      },
      { name: "weather", description: "d", schema: z.object({ city: z.string() }) },
    );
    const llm = await model(parallel);
    const inner = agent(llm, [handing as unknown as typeof weather]);
    const outer = new StateGraph(MessagesAnnotation)
      .addNode("inner", inner as never, { ends: ["next"] })
      .addNode("next", () => ({ messages: [new AIMessage("And so on.")] }))
      .addEdge(START, "inner")
      .addEdge("next", END)
      .compile();
    const site = siteOf({ graphs: [one(() => outer)] });
    const { message } = (await (await site.post("/generate", question("Weather?"))).json()) as {
      message: { parts: readonly Record<string, unknown>[] };
    };
    expect(message.parts.filter(({ type }) => type === "tool-weather")).toMatchObject([
      { toolCallId: "call_a", output: "Oslo: rain", state: "output-available" },
      { toolCallId: "call_b", output: "Rome: rain", state: "output-available" },
    ]);
    expect(message.parts.filter(({ type }) => type === "file")).toMatchObject([
      { url: "https://site.test/Oslo.png" },
      { url: "https://site.test/Rome.png" },
    ]);
    expect(message.parts.at(-1)).toMatchObject({ text: graph ? "And so on." : "It rains." });
  });

  // Calls without ids (a model of one's own has none) became one call, whose arguments were no JSON.
  it("called without ids are as many as were called", async () => {
    const tool_calls = ["Oslo", "Rome"].map((city) => ({ name: "weather", args: { city } }));
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("agent", () => ({ messages: [new AIMessage({ content: "", tool_calls })] }))
      .addEdge(START, "agent")
      .addEdge("agent", END)
      .compile();
    const site = siteOf({ graphs: [one(() => graph)] });
    const { message } = (await (await site.post("/generate", question("Weather?"))).json()) as {
      message: { parts: readonly Record<string, unknown>[] };
    };
    expect(message.parts).toMatchObject([{ input: { city: "Oslo" } }, { input: { city: "Rome" } }]);
  });

  it("are not told again by a later run that returns what was said before", async () => {
    const llm = await model(parallel);
    const bound = llm.bindTools([weather]) as ChatOpenAI;
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("agent", async ({ messages }) => {
        const last = messages.at(-1)?.text === "And now?";
        return { messages: last ? [...messages, new AIMessage("The same.")] : [await invoked(bound, messages)] };
      })
      .addNode("tools", new ToolNode([weather]))
      .addEdge(START, "agent")
      .addConditionalEdges("agent", ({ messages }) => {
        const last = messages.at(-1);
        return last instanceof AIMessage && (last.tool_calls?.length ?? 0) > 0 ? "tools" : END;
      })
      .addEdge("tools", "agent")
      .compile({ checkpointer: new MemorySaver() });
    const site = siteOf({ graphs: [one(() => graph)] });
    await told(await site.post("/stream", question("Weather?", { threadId: "t" })));
    const events = await told(await site.post("/stream", question("And now?", { threadId: "t" })));
    expect(events.map(({ event, data }) => (event === "final" ? event : data["type"]))).toEqual([
      "start",
      "data-step",
      "chunk",
      "final",
    ]);
    expect(finalIn(events)).toMatchObject({ text: "The same." });
  });

  it("may be called under ids that are counted anew in every turn", async () => {
    let turn = 0;
    const llm = await model(function* () {
      turn += 1;
      if (turn < 3) yield { type: "tool", index: 0, id: "call_0", name: "weather", arguments: `{"city":"${turn}"}` };
      else yield { type: "text", text: "done" };
      yield { type: "finish", reason: turn < 3 ? "tool_calls" : "stop" };
    });
    const bound = llm.bindTools([weather]);
    const called = (messages: BaseMessage[]): ToolCall[] => {
      const last = messages.at(-1);
      return last instanceof AIMessage || last instanceof AIMessageChunk ? (last.tool_calls ?? []) : [];
    };
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("agent", async ({ messages }) => ({ messages: [await invoked(bound as ChatOpenAI, messages)] }))
      .addNode("tools", async ({ messages }) => ({
        messages: await Promise.all(
          called(messages).map((call) => weather.invoke({ ...call, type: "tool_call" as const })),
        ),
      }))
      .addEdge(START, "agent")
      .addConditionalEdges("agent", ({ messages }) => (called(messages).length > 0 ? "tools" : END))
      .addEdge("tools", "agent")
      .compile();
    const site = siteOf({ graphs: [one(() => graph)] });
    const events = await told(await site.post("/stream", question("Hi")));
    const outputs = events.flatMap(({ data }) => (data["type"] === "tool-output-available" ? [data["output"]] : []));
    expect(outputs).toEqual(["1: rain", "2: rain"]);
    expect(finalIn(events)).toMatchObject({ text: "done" });
  });
});
