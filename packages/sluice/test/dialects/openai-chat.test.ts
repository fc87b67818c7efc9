import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSluiceError } from "../../src/base/errors.ts";
import { createOrder, fold, parseRunEvent, textOf, type ChatEvent } from "../../src/chat/index.ts";
import { fromOpenAIChat } from "../../src/dialects/index.ts";

type Json = Record<string, unknown>;

/** A chunk as OpenAI writes it. */
function chunk(delta: Json, finishReason: string | null = null, more: Json = {}): Json {
  return {
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1,
    model: "gpt-x",
    choices: [{ index: 0, delta, finish_reason: finishReason, logprobs: null }],
    usage: null,
    ...more,
  };
}

const usageChunk = {
  ...chunk({}),
  choices: [],
  usage: {
    prompt_tokens: 9,
    completion_tokens: 5,
    total_tokens: 14,
    completion_tokens_details: { reasoning_tokens: 2 },
    prompt_tokens_details: { cached_tokens: 4 },
  },
};

const call = (index: number | undefined, more: Json): Json => ({
  tool_calls: [{ ...(index === undefined ? {} : { index }), ...more }],
});

async function read(...chunks: readonly unknown[]): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const event of fromOpenAIChat(from(chunks))) events.push(event);
  checkLegal(events);
  return events;
}

async function* from(items: readonly unknown[]): AsyncGenerator<unknown> {
  yield* items;
}

/** What a run would say to these events. */
function checkLegal(events: readonly ChatEvent[]): void {
  const order = createOrder();
  order.accept({ type: "start" });
  for (const event of events) order.accept(parseRunEvent(event));
  expect(order.ended).toBe(true);
}

async function failure(...chunks: readonly unknown[]): Promise<unknown> {
  try {
    await read(...chunks);
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown.");
}

describe("fromOpenAIChat", () => {
  it("gives text, and a finish with the usage that comes after the finish reason", async () => {
    const role = chunk({ role: "assistant", content: "", refusal: null });
    expect(
      await read(role, chunk({ content: "Hel" }), chunk({ content: "lo" }), chunk({}, "stop"), usageChunk),
    ).toEqual([
      { type: "text-start", id: "text-0" },
      { type: "text-delta", id: "text-0", delta: "Hel" },
      { type: "text-delta", id: "text-0", delta: "lo" },
      { type: "text-end", id: "text-0" },
      {
        type: "finish",
        finishReason: "stop",
        messageMetadata: {
          usage: { inputTokens: 9, outputTokens: 5, totalTokens: 14, reasoningTokens: 2, cachedInputTokens: 4 },
          model: "gpt-x",
        },
      },
    ]);
  });

  it("joins the fragments of parallel tool calls, however they are interleaved", async () => {
    const events = await read(
      chunk(call(0, { id: "call_a", type: "function", function: { name: "search", arguments: "" } })),
      chunk(call(0, { function: { arguments: '{"q":' } })),
      chunk(call(1, { id: "call_b", type: "function", function: { name: "time", arguments: '{"tz":"' } })),
      chunk({
        tool_calls: [
          { index: 0, function: { arguments: '"x"}' } },
          { index: 1, function: { arguments: 'UTC"}' } },
        ],
      }),
      chunk({}, "tool_calls"),
    );
    expect(fold([{ type: "start" }, ...events]).parts).toMatchObject([
      { toolCallId: "call_a", toolName: "search", state: "input-available", input: { q: "x" } },
      { toolCallId: "call_b", toolName: "time", state: "input-available", input: { tz: "UTC" } },
    ]);
    expect(events.at(-1)).toMatchObject({ type: "finish", finishReason: "tool-calls" });
    expect(events.filter(({ type }) => type === "tool-input-start")).toHaveLength(2);
  });

  it.each([
    [
      "by id, with the index always 0",
      [
        call(0, { id: "a", function: { name: "f", arguments: "{}" } }),
        call(0, { id: "b", function: { name: "f", arguments: "{}" } }),
      ],
      ["a", "b"],
    ],
    [
      "by id, without an index",
      [
        call(undefined, { id: "a", function: { name: "f", arguments: "{}" } }),
        call(undefined, { id: "b", function: { name: "f", arguments: "{}" } }),
      ],
      ["a", "b"],
    ],
    [
      "by name, without id and index",
      [
        call(undefined, { function: { name: "f", arguments: "{}" } }),
        call(undefined, { function: { name: "g", arguments: "{}" } }),
      ],
      ["chatcmpl-1-0", "chatcmpl-1-1"],
    ],
    [
      "by index, with the id and the name in every fragment",
      [
        call(0, { id: "a", function: { name: "f", arguments: "{" } }),
        call(0, { id: "a", function: { name: "f", arguments: "}" } }),
      ],
      ["a"],
    ],
  ] as const)("tells calls apart %s", async (_how, deltas, toolCallIds) => {
    const events = await read(...deltas.map((delta) => chunk(delta)), chunk({}, "tool_calls"));
    const complete = events.filter((event) => event.type === "tool-input-available");
    expect(complete).toMatchObject(toolCallIds.map((toolCallId) => ({ toolCallId, input: {} })));
  });

  // Servers that give all calls of an answer the index 0, and no id: two calls of one tool became one call, whose input was
  // no JSON.
  it.each([
    ["of one tool", ["f", "f"], ['{"n":1}', '{"n":2}'], ['f {"n":1}', 'f {"n":2}']],
    [
      "of one tool, named in every fragment",
      ["f", "f", "f", "f"],
      ['{"a":"{', '}"}', ' {"b"', ":{}}"],
      ['f {"a":"{}"}', 'f {"b":{}}'],
    ],
    ["of two tools", ["f", "g"], ['{"n":1}', '{"n":2}'], ['f {"n":1}', 'g {"n":2}']],
    ["one call, named again behind its input", ["f", "f", "f"], ["{}", "", " "], ["f {}"]],
    ["one call, named in every fragment", ["f", "f", "f"], ["", '{"n":{}', "}"], ['f {"n":{}}']],
  ])("tells calls apart by their inputs, with the index always 0 and no id: %s", async (_what, names, inputs, told) => {
    const deltas = names.map((name, at) => call(0, { function: { name, arguments: inputs[at] } }));
    const events = await read(...deltas.map((delta) => chunk(delta)), chunk({}, "tool_calls"));
    const complete = events.filter((event) => event.type === "tool-input-available");
    expect(complete.map(({ toolName, input }) => `${toolName} ${JSON.stringify(input)}`)).toEqual(told);
    expect(events.filter(({ type }) => type === "tool-input-start")).toHaveLength(told.length);
  });

  // Two calls with one id ended the run of a whole answer with `chat/order`.
  it("gives a second call with the id of another an id of its own, and each its fragments", async () => {
    const events = await read(
      chunk(call(0, { id: "a", function: { name: "f", arguments: '{"n":' } })),
      chunk(call(1, { id: "a", function: { name: "g", arguments: "" } })),
      chunk(call(1, { id: "a", function: { name: "g", arguments: '{"m":' } })),
      chunk(call(0, { id: "a", function: { name: "f", arguments: "1}" } })),
      chunk(call(1, { function: { arguments: "2}" } })),
      chunk(call(2, { id: "a", function: { name: "f", arguments: "{}" } })),
      chunk({}, "tool_calls"),
    );
    expect(fold([{ type: "start" }, ...events]).parts).toMatchObject([
      { toolCallId: "a", toolName: "f", input: { n: 1 } },
      { toolCallId: "a-2", toolName: "g", input: { m: 2 } },
      { toolCallId: "a-3", toolName: "f", input: {} },
    ]);
  });

  it("says so when a tool's input is not JSON", async () => {
    const events = await read(
      chunk(call(0, { id: "a", function: { name: "f", arguments: '{"q":' } })),
      chunk({}, "length"),
    );
    expect(events.at(-2)).toMatchObject({ type: "tool-input-error", toolCallId: "a", input: '{"q":' });
  });

  it("takes no arguments for an empty object, and the input of a custom tool as text", async () => {
    const events = await read(
      chunk(call(0, { id: "a", function: { name: "f" } })),
      chunk(call(1, { id: "b", type: "custom", custom: { name: "g", input: "SELECT " } })),
      chunk(call(1, { custom: { input: "1" } })),
      chunk({}, "tool_calls"),
    );
    expect(events.slice(-3, -1)).toEqual([
      { type: "tool-input-available", toolCallId: "a", toolName: "f", input: {} },
      { type: "tool-input-available", toolCallId: "b", toolName: "g", input: "SELECT 1" },
    ]);
  });

  it.each(["reasoning_content", "reasoning"])(
    "takes %s as reasoning, and the text after it as another part",
    async (field) => {
      const events = await read(chunk({ [field]: "Hm" }), chunk({ content: "Yes" }), chunk({}, "stop"));
      expect(events.slice(0, -1)).toEqual([
        { type: "reasoning-start", id: "reasoning-0" },
        { type: "reasoning-delta", id: "reasoning-0", delta: "Hm" },
        { type: "reasoning-end", id: "reasoning-0" },
        { type: "text-start", id: "text-1" },
        { type: "text-delta", id: "text-1", delta: "Yes" },
        { type: "text-end", id: "text-1" },
      ]);
    },
  );

  it("takes reasoning once from a server that sends it under both names", async () => {
    const events = await read(chunk({ reasoning: "Hm", reasoning_content: "Hm" }), chunk({}, "stop"));
    expect(events.filter(({ type }) => type === "reasoning-delta")).toHaveLength(1);
  });

  it("gives a refusal and content in parts as text", async () => {
    const events = await read(
      chunk({ refusal: "I can" }),
      chunk({ content: [{ type: "text", text: "not." }] }),
      chunk({}, "stop"),
    );
    expect(textOf(fold([{ type: "start" }, ...events]))).toBe("I cannot.");
  });

  it.each([
    ["stop", "stop"],
    ["length", "length"],
    ["content_filter", "content-filter"],
    ["tool_calls", "tool-calls"],
    ["function_call", "tool-calls"],
    ["eos", "other"],
  ])("calls the finish reason %s %s", async (theirs, ours) => {
    expect((await read(chunk({ content: "x" }, theirs))).at(-1)).toMatchObject({ type: "finish", finishReason: ours });
  });

  it("reads the first choice only, wherever it stands", async () => {
    const both = {
      ...chunk({}),
      choices: [
        { index: 1, delta: { content: "B" } },
        { index: 0, delta: { content: "A" } },
      ],
    };
    const events = await read(both, chunk({}, "stop"));
    expect(textOf(fold([{ type: "start" }, ...events]))).toBe("A");
  });

  it.each([
    ["nothing", []],
    ["text alone", [chunk({ content: "Hel" })]],
    ["text and usage", [chunk({ content: "Hel" }), usageChunk]],
    ["an empty finish reason", [chunk({ content: "Hel" }, "")]],
  ])("never reports %s as finished", async (_what, chunks) => {
    expect(isSluiceError(await failure(...chunks), "run/source-truncated")).toBe(true);
  });

  it.each([
    ["an error object in mid-stream", { error: { message: "sk-secret is over quota", code: "insufficient_quota" } }],
    ["a string", "chunk"],
    ["null", null],
    ["a tool call without a name", chunk(call(0, { id: "a", function: { arguments: "{}" } }))],
  ])("fails on %s, without repeating what the model's server said", async (_what, wrong) => {
    const error = await failure(chunk({ content: "Hel" }), wrong);
    if (!isSluiceError(error, "llm/failed")) throw error;
    expect(error.message).not.toContain("sk-secret");
  });

  it("returns the source when it is left early", async () => {
    let returned = false;
    async function* endless(): AsyncGenerator<unknown> {
      try {
        while (true) yield chunk({ content: "x" });
      } finally {
        returned = true;
      }
    }
    for await (const event of fromOpenAIChat(endless())) if (event.type === "text-delta") break;
    expect(returned).toBe(true);
  });

  it("gives legal events with the whole text, however the model mixes its deltas", async () => {
    const delta = fc.oneof(
      fc.record({ content: fc.string() }),
      fc.record({ reasoning: fc.string(), content: fc.option(fc.string()) }),
      fc.record({ refusal: fc.string() }),
      fc
        .record({ index: fc.nat(2), args: fc.string() })
        .map(({ index, args }) => call(index, { id: `c${index}`, function: { name: "f", arguments: args } })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(delta), async (deltas) => {
        const events = await read(...deltas.map((one) => chunk(one)), chunk({}, "stop"));
        const said = deltas.map((one) =>
          "content" in one ? (one.content ?? "") : "refusal" in one ? one.refusal : "",
        );
        expect(textOf(fold([{ type: "start" }, ...events]))).toBe(said.join(""));
      }),
    );
  });
});
