import { startOpenAIServer, type OpenAIScript, type OpenAIServer } from "sluice/testing";
import { afterEach, describe, expect, it } from "vitest";
import { question, site, type Env, type Site } from "./support.ts";

const KEY = "sk-this-is-the-provider-key";
let provider: OpenAIServer | undefined;
afterEach(() => provider?.close());

async function withProvider(
  env: Env = {},
  script?: OpenAIScript,
): Promise<{ at: Site; sent: () => Readonly<Record<string, unknown>> }> {
  const server = await startOpenAIServer(script ? { script } : {});
  provider = server;
  const at = await site({
    OPENAI_BASE_URL: server.url,
    OPENAI_API_KEY: KEY,
    SLUICE_MODEL: "small",
    SLUICE_MODELS: "large",
    ...env,
  });
  return { at, sent: () => server.requests.at(-1)?.body ?? {} };
}

const final = (text: string): Readonly<Record<string, unknown>> => {
  const [, data = "{}"] = /event: final\n(?:id: .*\n)?data: (.*)/.exec(text) ?? [];
  return JSON.parse(data) as Record<string, unknown>;
};

describe("graphs", () => {
  it("are asked for by name, or by name and version", async () => {
    const { at } = await withProvider();
    for (const graphType of ["streaming-chat", "streaming-chat::1.0.0"]) {
      const { text, headers } = await at.ask({ body: question("Hi", { graphType }) });
      expect(headers.location).toMatch(/\?dialect=graph$/);
      expect(text).toContain("event: stream_event");
      expect(final(text)).toMatchObject({ text: "Hello there." });
    }
  });

  it("that are none are 404 and listed, and start nothing", async () => {
    const { at } = await withProvider();
    for (const graphType of [
      "nowhere",
      "streaming-chat::9.9.9",
      "streaming-chat::",
      "streaming-chat::1.0.0::x",
      "__proto__",
    ]) {
      const asked = [question("Hi", { graphType }), question("Hi", { graphSettings: { graphType } })];
      for (const body of asked) {
        for (const path of [
          "POST /stream",
          "POST /generate",
          `GET /stream?payload=${encodeURIComponent(JSON.stringify(body))}`,
        ]) {
          const answer = await at.ask({ at: path, ...(path.startsWith("GET") ? {} : { body }) });
          expect([graphType, answer.status, answer.code]).toEqual([graphType, 404, "graph/unknown"]);
          expect(answer.json["error"]).toMatchObject({
            details: { field: "graphType", allowed: ["streaming-chat::1.0.0"] },
          });
        }
      }
    }
    expect(provider?.requests).toHaveLength(0);
  });

  it("answer through the real client: the question, the system prompt and the settings reach the provider", async () => {
    const { at, sent } = await withProvider();
    const graphSettings = { systemPrompt: "Be brief.", temperature: 0.5, maxTokens: 7, graphType: "streaming-chat" };
    const messages = [
      { role: "user", content: "One?" },
      { role: "assistant", content: "Two." },
      { role: "user", content: "Three?" },
    ];
    const { json } = await at.ask({
      at: "POST /generate",
      body: { graphType: "streaming-chat", graphSettings, messages },
    });
    expect(json).toMatchObject({ text: "Hello there." });
    expect(sent()).toMatchObject({
      model: "small",
      stream: true,
      temperature: 0.5,
      max_tokens: 7,
      messages: [{ role: "system", content: "Be brief." }, ...messages],
    });
    expect(provider?.requests[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
  });

  it("send no setting that was not asked for, and nothing else of the request", async () => {
    const { at, sent } = await withProvider();
    await at.ask({
      at: "POST /generate",
      body: question("Hi", { userId: "u", metadata: { a: 1 }, graphSettings: { other: 1, tools: [] } }),
    });
    expect(Object.keys(sent()).sort()).toEqual(["messages", "model", "stream", "stream_options"]);
  });

  const WRONG: Readonly<Record<string, object>> = {
    "graphSettings.temperature": { temperature: 3 },
    "graphSettings.maxTokens": { maxTokens: 0.5 },
    "graphSettings.systemPrompt": { systemPrompt: ["x"] },
    "graphSettings.graphType": { graphType: 7 },
  };
  for (const [field, graphSettings] of Object.entries(WRONG)) {
    it(`refuse a wrong ${field} by its name, before anything is started`, async () => {
      const { at } = await withProvider();
      const answer = await at.ask({ body: question("Hi", { graphSettings }) });
      expect([answer.status, answer.code]).toEqual([422, "request/invalid"]);
      expect(answer.json["error"]).toMatchObject({
        details: { field },
        message: expect.stringContaining(field) as string,
      });
      expect(provider?.requests).toHaveLength(0);
    });
  }

  it("are asked for in the nested form too, and answered in its channels", async () => {
    const { at, sent } = await withProvider();
    const graphSettings = { graphType: "streaming-chat::1.0.0", temperature: 0.5 };
    const config = { configurable: { thread_id: "thread-1", graphSettings } };
    const { text, headers } = await at.ask({ body: { requestId: "req-1", input: "Hi", config } });
    expect(headers.location).toMatch(/\?dialect=graph-channels$/);
    expect(text).toContain('data: {"channel":"text","delta":{"type":"text_chunk","text":"Hello"}}');
    expect(final(text)).toMatchObject({ text: "Hello there." });
    expect(sent()).toMatchObject({ temperature: 0.5, messages: [{ role: "user", content: "Hi" }] });
    const nothing = await at.ask({ body: { input: { topic: "tea" }, config } });
    expect([nothing.status, nothing.code]).toEqual([422, "request/invalid"]);
  });

  it("are listed, and a token that nobody issued is not found", async () => {
    const { at } = await withProvider();
    expect(JSON.parse((await at.ask({ at: "GET /graph-types" })).text)).toEqual(["streaming-chat::1.0.0"]);
    const answer = await at.ask({ at: "POST /callback", body: { token: "cb::streaming-chat::1.0.0::00" } });
    expect([answer.status, answer.code]).toEqual([404, "callback/not-found"]);
  });

  it("answer with the models that are configured, and with no other", async () => {
    const { at, sent } = await withProvider();
    await at.ask({ at: "POST /generate", body: question("Hi", { model: "large" }) });
    expect(sent()["model"]).toBe("large");
    const answer = await at.ask({ at: "POST /generate", body: question("Hi", { model: "gpt-expensive" }) });
    expect([answer.status, answer.code]).toEqual([422, "request/invalid"]);
    expect(answer.json["error"]).toMatchObject({ details: { field: "model", allowed: ["small", "large"] } });
    expect(provider?.requests).toHaveLength(1);
    const registry = await at.ask({ at: "GET /registry" });
    expect(registry.json["models"]).toEqual([
      { name: "small", demo: false },
      { name: "large", demo: false },
    ]);
  });
});

describe("a provider that fails", () => {
  const PROMPT = "the patient is called Ada";
  const SCRIPTS: Readonly<Record<string, readonly [string, OpenAIScript]>> = {
    "refuses, quoting prompt and key": [
      "llm/refused",
      () => [{ type: "status", status: 400, message: `bad: ${PROMPT} ${KEY}` }],
    ],
    "fails in the middle, quoting them": [
      "llm/failed",
      () => [
        { type: "text", text: "I" },
        { type: "error", message: `${PROMPT} ${KEY}`, code: "server_error" },
      ],
    ],
    "sends what is no JSON": ["llm/failed", () => [{ type: "raw", bytes: `data: {"${PROMPT} ${KEY}\n\n` }]],
    "breaks the connection": ["llm/failed", () => [{ type: "text", text: "I" }, { type: "destroy" }]],
  };
  for (const [what, [code, script]] of Object.entries(SCRIPTS)) {
    it(`and ${what} ends the answer with a coded error and one log line that tells neither`, async () => {
      const { at } = await withProvider({}, script);
      const answer = await at.ask({ body: question(PROMPT) });
      expect(answer.text).toMatch(new RegExp(`event: error\\n(id: .*\\n)?data: .*"code":"${code}"`));
      expect(answer.text).not.toContain(KEY);
      expect(answer.text).not.toContain("Ada");
      expect(answer.text).not.toMatch(/\.(?:js|ts):\d+/);
      expect(at.lines.map(({ msg, run, ...rest }) => [msg, run, rest["code"]])).toEqual([
        ["run interrupted", answer.headers["sluice-run-id"], code],
      ]);
      expect(at.text()).not.toContain(KEY);
      expect(at.text()).not.toContain("Ada");
    });
  }
});
