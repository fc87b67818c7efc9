import OpenAI from "openai";
import { afterEach, describe, expect, it } from "vitest";
import { startOpenAIServer } from "../../src/testing/openai-server.ts";
import type { OpenAIScript, OpenAIServer, OpenAIStep } from "../../src/testing/openai-server.ts";

const open: OpenAIServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function start(script?: OpenAIScript): Promise<{ readonly server: OpenAIServer; readonly client: OpenAI }> {
  const server = await startOpenAIServer(script === undefined ? {} : { script });
  open.push(server);
  return { server, client: new OpenAI({ apiKey: "sk-test", baseURL: server.url, maxRetries: 0, logLevel: "off" }) };
}

const ASK = { model: "gpt-test", messages: [{ role: "user", content: "Hi" }] } satisfies object;
const STREAM = { ...ASK, stream: true } as const;

async function post(server: OpenAIServer, body: unknown): Promise<Response> {
  return fetch(`${server.url}/chat/completions`, { method: "POST", body: JSON.stringify(body) });
}

async function chunksOf(client: OpenAI, usage = true): Promise<OpenAI.ChatCompletionChunk[]> {
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  const body = {
    ...STREAM,
    messages: [{ role: "user" as const, content: "Hi" }],
    stream_options: { include_usage: usage },
  };
  for await (const chunk of await client.chat.completions.create(body)) chunks.push(chunk);
  return chunks;
}

const ALL: readonly OpenAIStep[] = [
  { type: "reasoning", text: "hmm" },
  { type: "text", text: "Hel" },
  { type: "text", text: "lo" },
  { type: "tool", id: "call_1", name: "weather", arguments: '{"city"' },
  { type: "tool", arguments: ':"Osaka"}' },
  { type: "tool", index: 1, id: "call_2", name: "clock" },
  { type: "finish", reason: "tool_calls" },
  { type: "usage", input: 3, output: 4 },
];

describe("a streamed answer", () => {
  it("is read by the openai package, up to the usage chunk", async () => {
    const { server, client } = await start();
    const chunks = await chunksOf(client);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe("Hello there.");
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
    });
    expect(chunks[0]?.usage).toBeNull();
    expect(await server.requests[0]?.disconnected).toBe(false);
  });

  it("has no usage for a client that did not ask for it", async () => {
    const { client } = await start();
    const chunks = await chunksOf(client, false);
    expect(chunks.every((chunk) => !("usage" in chunk))).toBe(true);
  });

  it("is cut inside a character, where the network may cut", async () => {
    const { server } = await start(() => [{ type: "text", text: "ab橋", cut: true }, { type: "finish" }]);
    const response = await post(server, STREAM);
    const pieces: Uint8Array[] = [];
    for await (const piece of response.body ?? []) pieces.push(piece);
    const broken = pieces.map((piece) => new TextDecoder().decode(piece)).join("");
    expect(broken).toContain("\ufffd");
    expect(Buffer.concat(pieces).toString()).toContain("ab橋");
    expect(Buffer.concat(pieces).toString().endsWith("data: [DONE]\n\n")).toBe(true);
  });

  it("is broken by destroy, after what came before, and ended cleanly by end", async () => {
    const steps: OpenAIStep[] = [{ type: "text", text: "Hel" }];
    const broken = await start(() => [...steps, { type: "destroy" }]);
    const reader = (await post(broken.server, STREAM)).body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain('"content":"Hel"');
    await expect(reader?.read()).rejects.toThrow("terminated");
    expect(await broken.server.requests[0]?.disconnected).toBe(true);

    const ended = await start(() => [...steps, { type: "end" }]);
    const text = await (await post(ended.server, STREAM)).text();
    expect(text).toContain('"content":"Hel"');
    expect(text).not.toContain("[DONE]");
  });

  it("carries bytes as they are, and an error object", async () => {
    const { server } = await start(() => [
      { type: "raw", bytes: ": hello\n\n" },
      { type: "raw", bytes: Uint8Array.of(0xff, 0x0a) },
      { type: "error", message: "no", code: "server_error" },
    ]);
    const bytes = Buffer.from(await (await post(server, STREAM)).arrayBuffer());
    expect(bytes.subarray(0, 11)).toEqual(Buffer.concat([Buffer.from(": hello\n\n"), Buffer.of(0xff, 0x0a)]));
    expect(bytes.toString()).toContain(
      'data: {"error":{"message":"no","type":"test_error","param":null,"code":"server_error"}}',
    );
  });

  it("waits where an async script waits", async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const { client } = await start(async function* () {
      yield { type: "text", text: "first" };
      await gate;
      yield { type: "text", text: "second" };
      yield { type: "finish" };
    });
    const body = { ...STREAM, messages: [{ role: "user" as const, content: "Hi" }] };
    const chunks = (await client.chat.completions.create(body))[Symbol.asyncIterator]();
    expect((await chunks.next()).value?.choices[0]?.delta.content).toBe("first");
    release();
    expect((await chunks.next()).value?.choices[0]?.delta.content).toBe("second");
  });
});

describe("an answer as a whole", () => {
  it("has what the steps say", async () => {
    const { client } = await start(() => ALL);
    const answer = await client.chat.completions.create({ model: "m", messages: [{ role: "user", content: "Hi" }] });
    expect(answer).toMatchObject({
      object: "chat.completion",
      model: "m",
      choices: [
        {
          index: 0,
          finish_reason: "tool_calls",
          message: {
            role: "assistant",
            content: "Hello",
            reasoning_content: "hmm",
            tool_calls: [
              { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Osaka"}' } },
              { id: "call_2", type: "function", function: { name: "clock", arguments: "" } },
            ],
          },
        },
      ],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    });
  });

  it("says the same as the stream does", async () => {
    const { client } = await start(() => ALL);
    const streamed = await client.chat.completions
      .stream({ model: "m", messages: [{ role: "user", content: "Hi" }], stream_options: { include_usage: true } })
      .finalChatCompletion();
    const whole = await client.chat.completions.create({ model: "m", messages: [{ role: "user", content: "Hi" }] });
    expect(streamed.choices[0]?.message.content).toBe(whole.choices[0]?.message.content);
    expect(streamed.choices[0]?.message.tool_calls).toMatchObject(whole.choices[0]?.message.tool_calls ?? []);
    expect(streamed.usage).toEqual(whole.usage);
  });

  it("is a status with an error object when the script says so", async () => {
    const { client } = await start(() => [
      { type: "status", status: 429, message: "slow down", headers: { "retry-after": "7" } },
    ]);
    const error = await chunksOf(client).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ message: "429 slow down", status: 429 });
  });
});

describe("the record", () => {
  it("has each call once, with its headers and body, and nothing of other paths", async () => {
    const { server } = await start();
    expect((await fetch(`${server.url}/models`)).status).toBe(404);
    await (await post(server, { ...ASK, n: 1 })).text();
    await (await fetch(`${server.url}/chat/completions`, { method: "POST", body: "no JSON" })).text();
    expect(server.requests.map(({ body }) => body)).toEqual([{ ...ASK, n: 1 }, {}]);
    expect(server.requests[0]?.headers["content-type"]).toContain("text/plain");
  });

  it("tells when the client left", async () => {
    const { server } = await start(() => [{ type: "text", text: "Hel" }, { type: "stall" }]);
    const controller = new AbortController();
    const response = await fetch(`${server.url}/chat/completions`, {
      method: "POST",
      body: JSON.stringify(STREAM),
      signal: controller.signal,
    });
    await response.body?.getReader().read();
    controller.abort();
    expect(await server.requests[0]?.disconnected).toBe(true);
  });

  it("tells it of a server that was closed, too", async () => {
    const { server } = await start(() => [{ type: "text", text: "Hel" }, { type: "stall" }]);
    const reader = (await post(server, STREAM)).body?.getReader();
    await reader?.read();
    await server.close();
    expect(await server.requests[0]?.disconnected).toBe(true);
    await expect(reader?.read()).rejects.toThrow("terminated");
  });
});
