import { describe, expect, it } from "vitest";
import { isSluiceError } from "../../src/base/errors.ts";
import { createOrder, fold, parseRunEvent, textOf, type ChatEvent } from "../../src/chat/index.ts";
import { fromOpenAIResponses } from "../../src/dialects/index.ts";

type Json = Record<string, unknown>;

const at = { output_index: 0, content_index: 0, item_id: "msg_1" };
const created = { type: "response.created", sequence_number: 0, response: { id: "resp_1", status: "in_progress" } };
const delta = (text: string, more: Json = {}): Json => ({
  type: "response.output_text.delta",
  ...at,
  delta: text,
  ...more,
});
const completed = {
  type: "response.completed",
  response: {
    model: "gpt-x",
    usage: {
      input_tokens: 9,
      output_tokens: 5,
      total_tokens: 14,
      input_tokens_details: { cached_tokens: 1 },
      output_tokens_details: { reasoning_tokens: 0 },
    },
  },
};
const functionCall = (more: Json = {}): Json => ({
  type: "function_call",
  id: "fc_1",
  call_id: "call_1",
  name: "search",
  ...more,
});

async function read(...items: readonly unknown[]): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  const order = createOrder();
  order.accept({ type: "start" });
  for await (const event of fromOpenAIResponses(from(items))) {
    order.accept(parseRunEvent(event));
    events.push(event);
  }
  expect(order.ended).toBe(true);
  return events;
}

async function* from(items: readonly unknown[]): AsyncGenerator<unknown> {
  yield* items;
}

async function failure(...items: readonly unknown[]): Promise<unknown> {
  try {
    await read(...items);
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown.");
}

describe("fromOpenAIResponses", () => {
  it("gives text, and a finish with usage and model", async () => {
    const done = { type: "response.output_text.done", ...at, text: "Hello" };
    expect(await read(created, delta("Hel"), delta("lo"), done, completed)).toEqual([
      { type: "text-start", id: "text-0" },
      { type: "text-delta", id: "text-0", delta: "Hel" },
      { type: "text-delta", id: "text-0", delta: "lo" },
      { type: "text-end", id: "text-0" },
      {
        type: "finish",
        finishReason: "stop",
        messageMetadata: {
          usage: { inputTokens: 9, outputTokens: 5, totalTokens: 14, reasoningTokens: 0, cachedInputTokens: 1 },
          model: "gpt-x",
        },
      },
    ]);
  });

  it("takes a text that comes whole, without deltas", async () => {
    const events = await read({ type: "response.output_text.done", ...at, text: "Hello" }, completed);
    expect(textOf(fold([{ type: "start" }, ...events]))).toBe("Hello");
  });

  it("gives reasoning, its parts apart, then the refusal as text", async () => {
    const summary = (index: number, text: string): Json => ({
      type: "response.reasoning_summary_text.delta",
      output_index: 0,
      summary_index: index,
      delta: text,
    });
    const refusal = { type: "response.refusal.delta", output_index: 1, content_index: 0, delta: "No." };
    const { parts } = fold([{ type: "start" }, ...(await read(summary(0, "A"), summary(1, "B"), refusal, completed))]);
    expect(parts).toMatchObject([
      { type: "reasoning", text: "A" },
      { type: "reasoning", text: "B" },
      { type: "text", text: "No." },
    ]);
  });

  it("joins the fragments of function calls and ends with tool-calls", async () => {
    const args = (text: string): Json => ({
      type: "response.function_call_arguments.delta",
      output_index: 0,
      delta: text,
    });
    const events = await read(
      { type: "response.output_item.added", output_index: 0, item: functionCall({ arguments: "" }) },
      args('{"q":'),
      args("1}"),
      { type: "response.output_item.done", output_index: 0, item: functionCall({ arguments: '{"q":1}' }) },
      completed,
    );
    expect(events.slice(0, -1)).toEqual([
      { type: "tool-input-start", toolCallId: "call_1", toolName: "search" },
      { type: "tool-input-delta", toolCallId: "call_1", inputTextDelta: '{"q":' },
      { type: "tool-input-delta", toolCallId: "call_1", inputTextDelta: "1}" },
      { type: "tool-input-available", toolCallId: "call_1", toolName: "search", input: { q: 1 } },
    ]);
    expect(events.at(-1)).toMatchObject({ type: "finish", finishReason: "tool-calls" });
  });

  it("takes a call that comes whole, and the input of a custom tool as text", async () => {
    const custom = { type: "custom_tool_call", call_id: "call_2", name: "sql", input: "SELECT 1" };
    const events = await read(
      { type: "response.output_item.done", output_index: 0, item: functionCall({ arguments: "{}" }) },
      { type: "response.output_item.added", output_index: 1, item: { ...custom, input: "" } },
      { type: "response.custom_tool_call_input.delta", output_index: 1, delta: "SELECT 1" },
      { type: "response.output_item.done", output_index: 1, item: custom },
      completed,
    );
    expect(events.filter(({ type }) => type === "tool-input-available")).toEqual([
      { type: "tool-input-available", toolCallId: "call_1", toolName: "search", input: {} },
      { type: "tool-input-available", toolCallId: "call_2", toolName: "sql", input: "SELECT 1" },
    ]);
  });

  it("completes a call that was still open at the end", async () => {
    const events = await read({ type: "response.output_item.added", output_index: 0, item: functionCall() }, completed);
    expect(events.at(-2)).toMatchObject({ type: "tool-input-available", toolCallId: "call_1", input: {} });
  });

  it.each([
    ["max_output_tokens", "length"],
    ["content_filter", "content-filter"],
    [undefined, "other"],
  ])("calls an answer that is incomplete because of %s %s", async (reason, finishReason) => {
    const incomplete = { type: "response.incomplete", response: { incomplete_details: { reason } } };
    expect((await read(delta("Hel"), incomplete)).at(-1)).toEqual({ type: "finish", finishReason });
  });

  it("ignores what says nothing about the answer, also types of tomorrow", async () => {
    const events = await read(
      created,
      { type: "response.web_search_call.searching" },
      { type: "response.new" },
      completed,
    );
    expect(events.map(({ type }) => type)).toEqual(["finish"]);
  });

  it("reads nothing after the terminal", async () => {
    let reached = false;
    async function* source(): AsyncGenerator<unknown> {
      yield completed;
      reached = true;
    }
    for await (const event of fromOpenAIResponses(source())) expect(event.type).toBe("finish");
    expect(reached).toBe(false);
  });

  it("never reports a stream without its own end as finished", async () => {
    expect(isSluiceError(await failure(created, delta("Hel")), "run/source-truncated")).toBe(true);
    expect(isSluiceError(await failure(), "run/source-truncated")).toBe(true);
  });

  it.each([
    [
      "response.failed",
      { type: "response.failed", response: { error: { code: "server_error", message: "sk-secret" } } },
    ],
    ["error", { type: "error", code: "rate_limit_exceeded", message: "sk-secret", param: null }],
    ["a string", "sk-secret"],
  ])("fails on %s, without repeating what the model's server said", async (_what, wrong) => {
    const error = await failure(delta("Hel"), wrong);
    if (!isSluiceError(error, "llm/failed")) throw error;
    expect(error.message).not.toContain("sk-secret");
  });
});
