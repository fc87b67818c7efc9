import { describe, expect, it } from "vitest";
import { SluiceError } from "../../src/base/errors.ts";
import { AbstractGraphBuilder, createGraphs, type Graph, type GraphPayload } from "../../src/graphs/index.ts";
import { chunksOf, deltasOf, finalIn, question, siteOf, told } from "./support.ts";

const say = (name: string, version: string, more: Partial<Graph> = {}): Graph =>
  ({
    name,
    version,
    async *build({ graphType }: GraphPayload) {
      yield graphType;
    },
    ...more,
  }) as Graph;

/** A graph that keeps what it was asked. */
function keeper(): { readonly graph: Graph; readonly asked: GraphPayload[] } {
  const asked: GraphPayload[] = [];
  const build: Graph["build"] = async function* (payload) {
    asked.push(payload);
    yield "ok";
  };
  return { asked, graph: { name: "streaming-chat", version: "1.0.0", build } };
}

const codeOf = async (response: Response): Promise<unknown> => {
  const { error } = (await response.json()) as { readonly error: { readonly code: string; readonly details: object } };
  return [response.status, error.code, error.details];
};

describe("a graph behind /stream and /generate", () => {
  const site = (): ReturnType<typeof siteOf> =>
    siteOf({ graphs: [say("streaming-chat", "1.0.0"), say("streaming-chat", "1.1.0"), say("other", "2.0.0")] });
  const answers = async (body: unknown): Promise<unknown> => {
    const response = await site().post("/generate", body);
    const json = (await response.json()) as { readonly text?: string; readonly error?: { readonly code: string } };
    return json.text ?? json.error?.code;
  };

  it("is named by graphType, by graphSettings, or by both as in the document", async () => {
    const message = { content: "Hi" };
    const exact = { graphType: "streaming-chat::1.0.0" };
    expect(await answers({ graphType: "streaming-chat", message })).toBe("streaming-chat::1.1.0");
    expect(await answers({ graphType: "streaming-chat", graphSettings: exact, message })).toBe("streaming-chat::1.0.0");
    expect(
      await answers({ graphType: "streaming-chat::1.0.0", graphSettings: { graphType: "streaming-chat" }, message }),
    ).toBe("streaming-chat::1.0.0");
    expect(await answers({ graphSettings: exact, message })).toBe("streaming-chat::1.0.0");
    expect(await answers({ graphType: "other", graphSettings: exact, message })).toBe("request/invalid");
    expect(await answers({ graphType: "streaming-chat::1.1.0", graphSettings: exact, message })).toBe(
      "request/invalid",
    );
    expect(await answers({ graphType: "nowhere", message })).toBe("graph/unknown");
    expect(await answers({ graphType: "other", graphSettings: { graphType: "nowhere" }, message })).toBe(
      "graph/unknown",
    );
    expect(await answers({ graphSettings: { graphType: 7 }, message })).toBe("request/invalid");
  });

  it("must be named where there are several, and none answers by itself", async () => {
    const response = await site().post("/stream", { message: { content: "Hi" } });
    expect(await codeOf(response)).toEqual([
      422,
      "request/invalid",
      { field: "graphType", allowed: ["streaming-chat::1.0.0", "streaming-chat::1.1.0", "other::2.0.0"] },
    ]);
    const one = siteOf({ graphs: [say("a", "1.0.0"), say("b", "1.0.0")], defaultGraph: "b" });
    expect(await (await one.post("/generate", { message: { content: "Hi" } })).json()).toMatchObject({
      text: "b::1.0.0",
    });
    expect(() => createGraphs({ graphs: [say("a", "1.0.0")], defaultGraph: "b" })).toThrow(SluiceError);
  });

  it("is listed by /graph-types and /registry; /health is there", async () => {
    const types = ["streaming-chat::1.0.0", "streaming-chat::1.1.0", "other::2.0.0"];
    expect(await (await site().get("/graph-types")).json()).toEqual(types);
    expect(await (await site().get("/registry")).json()).toMatchObject({ graphs: types });
    expect((await site().get("/health")).status).toBe(200);
  });

  // Flutch's controllers answered POST with 201, the default of their framework; clients that look for 200 took it for a failure.
  // Here both answer 200, and so does a token.
  it("answers POST with 200", async () => {
    for (const path of ["/stream", "/generate"]) {
      const response = await site().post(path, question("Hi"));
      expect(response.status).toBe(200);
      await response.text();
    }
  });

  // Flutch asked nobody who is there. Here whoever has no credentials starts, reads and cancels nothing.
  // The answer is 401 everywhere.
  it("is for callers with credentials", async () => {
    for (const path of ["/stream", "/generate", "/cancel/req-1", "/callback"]) {
      expect((await site().post(path, question("Hi"), { "x-owner": "nobody" })).status).toBe(401);
    }
  });

  it("may yield text, chat events and events of its own", async () => {
    const build: Graph["build"] = async function* () {
      yield "Hel";
      yield " ";
      yield { type: "reasoning-start", id: "r" };
      yield { type: "reasoning-delta", id: "r", delta: "hm" };
      yield { event: "weather", data: { degrees: 21 } };
      yield "lo";
    };
    const events = await told(
      await siteOf({ graphs: [{ name: "g", version: "1.0.0", build }] }).post(
        "/stream",
        question("Hi", { graphType: "g" }),
      ),
    );
    expect(chunksOf(events)).toEqual(["Hel", " ", "lo"]);
    expect(events).toContainEqual(expect.objectContaining({ event: "weather", data: { degrees: 21 } }));
    expect(finalIn(events)).toMatchObject({ text: "Hel lo" });
  });
});

describe("a builder", () => {
  class Shouting extends AbstractGraphBuilder {
    readonly version = "1.0.0";

    override preparePayload(payload: GraphPayload): GraphPayload {
      if (payload.message.content === "") throw new SluiceError("request/invalid", "Say something.");
      return { ...payload, message: { content: payload.message.content.toUpperCase() } };
    }

    override async *buildGraph({ message }: GraphPayload): AsyncGenerator<string> {
      yield message.content;
    }
  }

  it("as a class prepares what is asked, then builds", async () => {
    const site = siteOf({ graphs: [{ name: "shout", builder: new Shouting() }] });
    expect(await (await site.post("/generate", question("hi", { graphType: "shout::1.0.0" }))).json()).toMatchObject({
      text: "HI",
    });
  });

  it("as a plain object is the same", async () => {
    const builder = { version: "2.0.0", buildGraph: ({ graphType }: GraphPayload) => words(graphType) };
    const site = siteOf({ graphs: [{ name: "plain", builder }] });
    expect(await (await site.post("/generate", question("hi", { graphType: "plain" }))).json()).toMatchObject({
      text: "plain::2.0.0",
    });
  });

  it("configures a compiled graph: the last word is its own", async () => {
    const given: unknown[] = [];
    const compiled = {
      invoke: () => Promise.resolve({}),
      stream: (input: unknown, options?: unknown) => {
        given.push([input, options]);
        return Promise.resolve(words());
      },
    };
    const builder = {
      version: "1.0.0",
      buildGraph: () => compiled,
      preparePayload: (payload: GraphPayload) => ({ ...payload, input: { topic: payload.message.content } }),
      customizeConfig: (config: object) => ({
        ...(config as { configurable: never; signal: AbortSignal }),
        recursionLimit: 7,
      }),
    };
    const site = siteOf({ graphs: [{ name: "g", builder }] });
    await told(await site.post("/stream", question("tea", { graphType: "g", graphSettings: { a: 1 } })));
    expect(given).toMatchObject([
      [
        { topic: "tea" },
        { recursionLimit: 7, configurable: { graphSettings: { a: 1 } }, streamMode: ["custom", "updates"] },
      ],
    ]);
  });
});

async function* words(...texts: readonly string[]): AsyncGenerator<string> {
  yield* texts;
}

describe("the nested form", () => {
  const configurable = {
    thread_id: "thread-1",
    context: { userId: "user-001" },
    metadata: { source: "test" },
    graphSettings: { graphType: "streaming-chat::1.0.0", temperature: 1 },
  };
  const INPUTS: Readonly<Record<string, readonly [input: unknown, messages: readonly object[], state: object]>> = {
    "a text": ["Hi", [{ role: "user", content: "Hi" }], {}],
    "a message": [{ message: { content: "Hi" } }, [{ role: "user", content: "Hi" }], {}],
    "messages in LangChain's words": [
      {
        messages: [
          { type: "human", content: "One?" },
          { role: "ai", content: "Two." },
          { role: "user", content: [{ type: "text", text: "Hi" }] },
        ],
      },
      [
        { role: "user", content: "One?" },
        { role: "assistant", content: "Two." },
        { role: "user", content: "Hi" },
      ],
      {},
    ],
    "messages and more state": [
      { messages: [{ role: "user", content: "Hi" }], topic: "tea" },
      [{ role: "user", content: "Hi" }],
      { topic: "tea" },
    ],
    "a state without messages": [{ topic: "tea" }, [], { topic: "tea" }],
  };
  it.each(Object.entries(INPUTS))("takes %s as input", async (_what, [input, messages, state]) => {
    const { graph, asked } = keeper();
    const site = siteOf({ graphs: [graph] });
    const response = await site.post("/stream", { requestId: "r", input, config: { configurable } });
    expect(response.headers.get("location")).toMatch(/dialect=graph-channels$/);
    await told(response);
    expect(asked).toMatchObject([
      {
        requestId: "r",
        graphType: "streaming-chat::1.0.0",
        threadId: "thread-1",
        context: { userId: "user-001" },
        metadata: { source: "test" },
        graphSettings: configurable.graphSettings,
        messages,
        state,
        owner: "alice",
      },
    ]);
    expect(asked[0]?.messages).toEqual(messages);
  });

  it("is answered in channels, and final is that of the flat form", async () => {
    const { graph } = keeper();
    const site = siteOf({ graphs: [graph] });
    const events = await told(await site.post("/stream", { input: "Hi", config: { configurable } }));
    expect(deltasOf(events).filter(([channel]) => channel === "text")).toEqual([
      ["text", { type: "text_chunk", text: "ok" }],
    ]);
    const flat = await told(await site.post("/stream", question("Hi")));
    expect(finalIn(events)).toEqual(finalIn(flat));
  });

  it("resumes in its own words, also without ?dialect=", async () => {
    const { graph } = keeper();
    const site = siteOf({ graphs: [graph] });
    const response = await site.post("/stream", { input: "Hi", config: { configurable } });
    const whole = await told(response);
    const runId = response.headers.get("sluice-run-id") ?? "";
    const rest = await told(await site.get(`/runs/${runId}/events`, { "last-event-id": whole[0]?.id ?? "" }));
    expect(rest).toEqual(whole.slice(1));
  });

  const WRONG: Readonly<Record<string, readonly [body: unknown, field: string]>> = {
    "no input": [{ config: { configurable } }, "input"],
    "an empty input": [{ input: {} }, "input"],
    "an empty text": [{ input: "" }, "input"],
    "a message of nobody": [{ input: { messages: [{ role: "martian", content: "Hi" }] } }, "input.messages.0.role"],
    "a thread_id that is no text": [
      { input: "Hi", config: { configurable: { thread_id: 7 } } },
      "config.configurable.thread_id",
    ],
    "a command": [{ input: { lg_name: "Command", goto: "end" } }, "input.lg_name"],
    "a value that goes past the reducer": [{ input: { steps: { __overwrite__: [] } } }, "input.steps"],
    "the same, worded otherwise": [{ input: { steps: { type: "__overwrite__", value: [] } } }, "input.steps"],
    "a key that reaches prototypes": [JSON.parse('{"input":{"__proto__":{"a":1}}}'), "input"],
    "a graph that is no name": [
      { input: "Hi", config: { configurable: { graphSettings: { graphType: {} } } } },
      "graphSettings.graphType",
    ],
  };
  it.each(Object.entries(WRONG))("with %s is 422, naming the field", async (_what, [body, field]) => {
    const { graph, asked } = keeper();
    const response = await siteOf({ graphs: [graph] }).post("/stream", body);
    expect(await codeOf(response)).toMatchObject([422, "request/invalid", { field }]);
    expect(asked).toEqual([]);
  });

  it("and the flat one of the same key are two bodies", async () => {
    const { graph } = keeper();
    const site = siteOf({ graphs: [graph] });
    await told(await site.post("/stream", { requestId: "r", input: "Hi" }));
    expect((await site.post("/stream", { requestId: "r", message: { content: "Hi" } })).status).toBe(409);
  });
});
