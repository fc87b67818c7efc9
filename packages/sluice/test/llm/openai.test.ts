import OpenAI from "openai";
import { afterEach, describe, expect, it } from "vitest";
import { isSluiceError } from "../../src/base/errors.ts";
import type { SluiceError } from "../../src/base/errors.ts";
import type { ChatEvent } from "../../src/chat/events.ts";
import { createOpenAIModel } from "../../src/llm/index.ts";
import type { OpenAIModelOptions } from "../../src/llm/index.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { startOpenAIServer } from "../../src/testing/openai-server.ts";
import type { OpenAIScript, OpenAIServer, OpenAIStep } from "../../src/testing/openai-server.ts";

const KEY = "sk-very-secret";
const PROMPT = "the patient's name is Ada";
const REQUEST = { messages: [{ role: "user", content: PROMPT }] } as const;
const STALL_MS = 1_000;
const never = new AbortController().signal;

const open: OpenAIServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function start(script: OpenAIScript, options: Partial<OpenAIModelOptions> = {}) {
  const server = await startOpenAIServer({ script });
  open.push(server);
  const client = new OpenAI({ apiKey: KEY, baseURL: server.url, maxRetries: 0, logLevel: "off" });
  const clock = createManualClock();
  const model = createOpenAIModel({ client, model: "gpt-test", stallMs: STALL_MS, clock, ...options });
  return { server, model, clock };
}

/** A server that never answers, and a promise for the moment it was asked. */
async function startSilent() {
  let asked = (): void => {};
  const arrival = new Promise<void>((resolve) => (asked = resolve));
  const started = await start(() => {
    asked();
    return [{ type: "stall" }];
  });
  return { ...started, arrival };
}

async function collect(events: AsyncIterable<ChatEvent>): Promise<ChatEvent[]> {
  const all: ChatEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

async function failure(events: AsyncIterable<ChatEvent>): Promise<SluiceError> {
  const error = await collect(events).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isSluiceError(error)) throw new Error("expected a SluiceError", { cause: error });
  return error;
}

/** The answer's text, and iteration stopped there: the next `next()` waits for the server. */
async function firstDelta(events: AsyncIterator<ChatEvent>): Promise<string> {
  for (let step = await events.next(); !step.done; step = await events.next()) {
    if (step.value.type === "text-delta") return step.value.delta;
  }
  throw new Error("no delta came");
}

const textOf = (events: readonly ChatEvent[]): string =>
  events.map((event) => (event.type === "text-delta" ? event.delta : "")).join("");

const ANSWER: readonly OpenAIStep[] = [
  { type: "text", text: "Hel" },
  { type: "text", text: "lo" },
  { type: "finish" },
  { type: "usage", input: 7, output: 2 },
];

describe("an answer", () => {
  it("becomes chat events up to finish, with the usage of the chunk that comes last", async () => {
    const { server, model } = await start(() => ANSWER);
    const events = await collect(model.stream(REQUEST, never));
    expect(events.map((event) => event.type)).toEqual(["text-start", "text-delta", "text-delta", "text-end", "finish"]);
    expect(textOf(events)).toBe("Hello");
    expect(events.at(-1)).toMatchObject({
      finishReason: "stop",
      messageMetadata: { usage: { inputTokens: 7, outputTokens: 2, totalTokens: 9 } },
    });
    expect(server.requests).toHaveLength(1);
  });

  it("is whole although the network cuts inside a character", async () => {
    const text = "¿qué? 橋 👩‍🚀";
    const { model } = await start(() => [{ type: "text", text, cut: true }, { type: "finish" }]);
    expect(textOf(await collect(model.stream(REQUEST, never)))).toBe(text);
  });

  it("carries reasoning and tool calls", async () => {
    const { model } = await start(() => [
      { type: "reasoning", text: "hmm" },
      { type: "tool", id: "call_1", name: "weather", arguments: '{"city":' },
      { type: "tool", arguments: '"Osaka"}' },
      { type: "finish", reason: "tool_calls" },
    ]);
    const events = await collect(model.stream(REQUEST, never));
    expect(events.find((event) => event.type === "reasoning-delta")).toMatchObject({ delta: "hmm" });
    expect(events.find((event) => event.type === "tool-input-available")).toMatchObject({
      toolCallId: "call_1",
      toolName: "weather",
      input: { city: "Osaka" },
    });
    expect(events.at(-1)).toMatchObject({ type: "finish", finishReason: "tool-calls" });
  });

  it("is complete once it has its finish reason, although the server then breaks", async () => {
    const { model } = await start(() => [...ANSWER.slice(0, 3), { type: "destroy" }]);
    const events = await collect(model.stream(REQUEST, never));
    expect(textOf(events)).toBe("Hello");
    expect(events.at(-1)).toMatchObject({ type: "finish", finishReason: "stop" });
  });

  // Servers that have no finish reason yet say so with null or with "". With the latter a failure in the middle of an
  // answer was passed over as one after its end: it was called truncated, and what the provider had said was not logged.
  it("is not complete with a finish reason that is empty: a failure after it is told", async () => {
    const { model } = await start(() => [
      { type: "text", text: "Hel" },
      { type: "finish", reason: "" },
      { type: "error", message: "out of memory" },
    ]);
    const error = await failure(model.stream(REQUEST, never));
    expect(error.code).toBe("llm/failed");
    expect(String(error.cause)).toContain("out of memory");
  });

  it("is complete once it has its finish reason, although the server never closes", async () => {
    const clock = createManualClock();
    const hanging = {
      async *[Symbol.asyncIterator]() {
        yield { choices: [{ index: 0, delta: { content: "Hello" } }] };
        yield { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };
        await new Promise<never>(() => {});
      },
    };
    const client = { chat: { completions: { create: () => Promise.resolve(hanging) } } };
    const events = collect(createOpenAIModel({ client, model: "x", stallMs: STALL_MS, clock }).stream(REQUEST, never));
    await clock.advance(STALL_MS);
    expect((await events).at(-1)).toMatchObject({ type: "finish", finishReason: "stop" });
  });
});

describe("the request", () => {
  it("has the messages, the model and a wish for usage", async () => {
    const { server, model } = await start(() => ANSWER);
    await collect(model.stream(REQUEST, never));
    expect(server.requests[0]?.body).toEqual({
      model: "gpt-test",
      messages: [{ role: "user", content: PROMPT }],
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
  });

  it("takes the model of the request and settings of the allow-list, and nothing else", async () => {
    const { server, model } = await start(() => ANSWER);
    const settings = { temperature: 0.5, max_tokens: 9, stop: ["\n"], n: 5, stream: false, model: "x", tools: [] };
    await collect(model.stream({ ...REQUEST, model: "gpt-other", settings }, never));
    expect(server.requests[0]?.body).toEqual({
      model: "gpt-other",
      messages: [{ role: "user", content: PROMPT }],
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0.5,
      max_tokens: 9,
      stop: ["\n"],
    });
  });
});

describe("a failure", () => {
  const cases: readonly (readonly [string, readonly OpenAIStep[], string])[] = [
    ...[400, 401, 402, 403, 404, 413, 422].map((status) => status_(status, "llm/refused")),
    status_(429, "llm/rate-limited"),
    ...[408, 409, 500, 502, 503, 529].map((status) => status_(status, "llm/failed")),
    ["a broken connection before the answer", [{ type: "destroy" }], "llm/failed"],
    ["a broken connection in the answer", [{ type: "text", text: "Hel" }, { type: "destroy" }], "llm/failed"],
    [
      "an error object in the answer",
      [
        { type: "text", text: "Hel" },
        { type: "error", message: PROMPT },
      ],
      "llm/failed",
    ],
    ["[DONE] without a finish reason", [{ type: "text", text: "Hel" }], "llm/truncated"],
    ["a clean end without a finish reason", [{ type: "text", text: "Hel" }, { type: "end" }], "llm/truncated"],
    ["an empty answer", [], "llm/truncated"],
    ["a page instead of a stream", [{ type: "raw", bytes: `<h1>${PROMPT}</h1>` }, { type: "end" }], "llm/truncated"],
    ["a chunk that is no JSON", [{ type: "raw", bytes: `data: {${PROMPT}\n\n` }, { type: "stall" }], "llm/failed"],
  ];

  function status_(status: number, code: string): readonly [string, readonly OpenAIStep[], string] {
    return [`status ${status}`, [{ type: "status", status, message: `${KEY} may not ask: ${PROMPT}` }], code];
  }

  for (const [title, steps, code] of cases) {
    it(`${title} is ${code}, called once, and says nothing of key, address or prompt`, async () => {
      const { server, model, clock } = await start(() => steps);
      const error = await failure(model.stream(REQUEST, never));
      expect(error.code).toBe(code);
      const told = error.message + JSON.stringify(error.details);
      for (const secret of [KEY, PROMPT, server.url, "127.0.0.1"]) expect(told).not.toContain(secret);
      expect(server.requests).toHaveLength(1);
      expect(clock.timers).toBe(0);
    });
  }

  it("keeps what the SDK threw as its cause, and the status as a detail", async () => {
    const { model } = await start(() => [{ type: "status", status: 401, message: "no" }]);
    const error = await failure(model.stream(REQUEST, never));
    expect(error.cause).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(error.details).toEqual({ status: 401 });
  });

  it("is llm/failed when nobody listens at the address", async () => {
    const { server, model } = await start(() => ANSWER);
    await server.close();
    const error = await failure(model.stream(REQUEST, never));
    expect(error.code).toBe("llm/failed");
    expect(error.message).not.toContain(server.url);
  });
});

describe("a model whose provider refuses streams with 429", () => {
  const limited: OpenAIScript = ({ body }) =>
    body["stream"] === true
      ? [{ type: "status", status: 429, message: "slow down" }]
      : [
          { type: "text", text: " Whole 🌍 " },
          { type: "tool", index: 0, id: "call_1", name: "look", arguments: '{"at":1}' },
          { type: "tool", index: 1, id: "call_2", name: "look", arguments: '{"at":2}' },
          { type: "finish", reason: "tool_calls" },
          { type: "usage", input: 3, output: 4 },
        ];

  it("gives the answer in one piece when it may ask for that, with tools and usage", async () => {
    const { model, server } = await start(limited, { wholeWhenLimited: true });
    const events = await collect(model.stream({ ...REQUEST, settings: { temperature: 1 } }, never));
    expect(events.filter(({ type }) => type === "text-delta")).toMatchObject([{ delta: " Whole 🌍 " }]);
    expect(events.filter(({ type }) => type === "tool-input-available")).toMatchObject([
      { toolCallId: "call_1", toolName: "look", input: { at: 1 } },
      { toolCallId: "call_2", toolName: "look", input: { at: 2 } },
    ]);
    expect(events.at(-1)).toMatchObject({
      type: "finish",
      finishReason: "tool-calls",
      messageMetadata: { usage: { inputTokens: 3, outputTokens: 4 } },
    });
    expect(server.requests.map(({ body }) => body)).toMatchObject([
      { stream: true },
      { stream: false, temperature: 1, model: "gpt-test" },
    ]);
    expect(server.requests[1]?.body).not.toHaveProperty("stream_options");
  });

  it("fails with llm/rate-limited when it may not, or when that is refused too", async () => {
    const { model, server } = await start(limited);
    expect((await failure(model.stream(REQUEST, never))).code).toBe("llm/rate-limited");
    expect(server.requests).toHaveLength(1);
    const always = await start(() => [{ type: "status", status: 429 }], { wholeWhenLimited: true });
    expect((await failure(always.model.stream(REQUEST, never))).code).toBe("llm/rate-limited");
    expect(always.server.requests).toHaveLength(2);
  });

  it("asks no second time for any other refusal", async () => {
    const { model, server } = await start(() => [{ type: "status", status: 400 }], { wholeWhenLimited: true });
    expect((await failure(model.stream(REQUEST, never))).code).toBe("llm/refused");
    expect(server.requests).toHaveLength(1);
  });
});

describe("a stall", () => {
  it("before the answer is llm/stalled after stallMs, and ends the call", async () => {
    const { server, model, clock, arrival } = await startSilent();
    const error = failure(model.stream(REQUEST, never));
    await arrival;
    await clock.advance(STALL_MS - 1);
    expect(clock.timers).toBe(1);
    await clock.advance(1);
    expect((await error).code).toBe("llm/stalled");
    expect(await server.requests[0]?.disconnected).toBe(true);
    expect(clock.timers).toBe(0);
  });

  it("in the middle is llm/stalled too, counted from the last chunk", async () => {
    const { server, model, clock } = await start(() => [{ type: "text", text: "Hel" }, { type: "stall" }]);
    const events = model.stream(REQUEST, never)[Symbol.asyncIterator]();
    expect(await firstDelta(events)).toBe("Hel");
    await clock.advance(10 * STALL_MS); // nobody waits for a chunk yet
    const next = events.next().catch((error: unknown) => error);
    await clock.advance(STALL_MS);
    expect(await next).toMatchObject({ code: "llm/stalled" });
    expect(await server.requests[0]?.disconnected).toBe(true);
  });

  it("is not what a slow reader of ours makes", async () => {
    const { model, clock } = await start(() => ANSWER);
    const events = model.stream(REQUEST, never)[Symbol.asyncIterator]();
    expect(await firstDelta(events)).toBe("Hel");
    expect(clock.timers).toBe(0);
    await clock.advance(10 * STALL_MS);
    expect(await firstDelta(events)).toBe("lo");
  });

  it.each([0, -1, Number.NaN, 2 ** 31, Infinity])("time of %s ms is refused as an option", async (stallMs) => {
    await expect(start(() => ANSWER, { stallMs })).rejects.toMatchObject({ code: "option/invalid" });
  });
});

describe("an abort", () => {
  it("while the answer streams reaches the server, and is thrown as its reason", async () => {
    const { server, model, clock } = await start(() => [{ type: "text", text: "Hel" }, { type: "stall" }]);
    const controller = new AbortController();
    const events = model.stream(REQUEST, controller.signal)[Symbol.asyncIterator]();
    await firstDelta(events);
    const next = events.next().catch((error: unknown) => error);
    controller.abort("stop, please");
    expect(await next).toBe("stop, please");
    expect(await server.requests[0]?.disconnected).toBe(true);
    expect(clock.timers).toBe(0);
  });

  it("before the answer reaches the server", async () => {
    const { server, model, arrival } = await startSilent();
    const controller = new AbortController();
    const failed = collect(model.stream(REQUEST, controller.signal)).catch((error: unknown) => error);
    await arrival;
    controller.abort("stop, please");
    expect(await failed).toBe("stop, please");
    expect(await server.requests[0]?.disconnected).toBe(true);
  });

  it("before the call means that there is none", async () => {
    const { server, model } = await start(() => ANSWER);
    await expect(collect(model.stream(REQUEST, AbortSignal.abort("stop, please")))).rejects.toBe("stop, please");
    expect(server.requests).toHaveLength(0);
  });

  it("by a reader that leaves reaches the server", async () => {
    const { server, model } = await start(() => [{ type: "text", text: "Hel" }, { type: "stall" }]);
    for await (const event of model.stream(REQUEST, never)) {
      if (event.type === "text-delta") break;
    }
    expect(await server.requests[0]?.disconnected).toBe(true);
  });
});
