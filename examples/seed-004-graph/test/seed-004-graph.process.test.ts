import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createChunkParser } from "sluice/client";
import { parseEvents, type ParsedEvent } from "sluice/sse";
import { startOpenAIServer, startRedisServer, type OpenAIServer, type RedisServer } from "sluice/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type App } from "./support.ts";

const STORY = ["Once", " ", "upon", "\n", "a time", "…"];

// The bodies of the document's curl lines, word for word.
const STREAM = `{
    "requestId": "req-001",
    "threadId": "thread-001",
    "userId": "user-001",
    "agentId": "agent-001",
    "graphType": "streaming-chat",
    "graphSettings": { "graphType": "streaming-chat::1.0.0" },
    "message": { "content": "Tell me a story about a space explorer" }
  }`;
const GENERATE = STREAM.replace("req-001", "req-002");

let redis: RedisServer;
let provider: OpenAIServer;
let app: App;

/** Goes on when the test says so, from the third token on. */
let goOn: Promise<void> = Promise.resolve();

beforeAll(async () => {
  redis = await startRedisServer();
  provider = await startOpenAIServer({
    async *script() {
      for (const [index, text] of STORY.entries()) {
        if (index === 2) await goOn;
        yield { type: "text", text };
      }
      yield { type: "finish" };
      yield { type: "usage", input: 9, output: 6 };
    },
  });
  app = await startApp(environment());
});

afterAll(async () => {
  await app.stop();
  await provider.close();
  await redis.close();
});

function environment(): Record<string, string> {
  return { PORT: "0", REDIS_URL: redis.url, OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: provider.url };
}

function post(path: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(app.url + path, { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body });
}

async function eventsOf(response: Response): Promise<readonly ParsedEvent[]> {
  const events: ParsedEvent[] = [];
  if (response.body) for await (const event of parseEvents(response.body)) events.push(event);
  return events;
}

const chunks = (events: readonly ParsedEvent[]): readonly string[] =>
  events.flatMap(({ event, data }) =>
    event === "stream_event" && data.startsWith('{"type":"chunk"')
      ? [(JSON.parse(data) as { content: string }).content]
      : [],
  );

describe("seed 004, in NestJS", () => {
  it("streams as the document shows: stream_event chunks, then final", async () => {
    const response = await post("/stream", STREAM);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    const events = await eventsOf(response);
    expect(chunks(events)).toEqual(STORY);
    expect(events.find(({ data }) => data.includes("Once"))).toMatchObject({
      event: "stream_event",
      data: '{"type":"chunk","content":"Once"}',
    });
    const last = events.at(-1);
    expect(last?.event).toBe("final");
    expect(JSON.parse(last?.data ?? "")).toMatchObject({ text: STORY.join(""), attachments: [], metadata: {} });
    const sent = provider.requests.at(-1)?.body ?? {};
    expect(sent).toMatchObject({ model: "gpt-4o-mini", stream: true });
    expect((sent["messages"] as readonly { content: string }[]).map(({ content }) => content).at(-1)).toBe(
      "Tell me a story about a space explorer",
    );
  });

  it("shows each token as it comes", async () => {
    let release = (): void => {};
    goOn = new Promise((resolve) => {
      release = resolve;
    });
    const response = await post("/stream", STREAM.replace("req-001", "req-live").replace("thread-001", "thread-live"));
    const seen: ParsedEvent[] = [];
    if (!response.body) throw new Error("no body");
    for await (const event of parseEvents(response.body)) {
      seen.push(event);
      if (chunks(seen).length === 2) release(); // the model says nothing more until the reader has these
    }
    expect(chunks(seen)).toEqual(STORY);
  });

  // Nest answers POST with 201 by itself, and clients that look for 200 took that for a failure.
  // Here what Sluice says is what is sent.
  it("answers /generate with the complete object, and 200", async () => {
    const response = await post("/generate", GENERATE);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      requestId: "req-002",
      text: STORY.join(""),
      attachments: [],
      metadata: { finishReason: "stop" },
    });
  });

  it("goes on with a thread by its checkpoint", async () => {
    const body = (content: string, requestId: string): string =>
      JSON.stringify({ requestId, threadId: "thread-9", graphType: "streaming-chat", message: { content } });
    await eventsOf(await post("/stream", body("One", "r1")));
    await eventsOf(await post("/stream", body("Two", "r2")));
    const heard = provider.requests.at(-1)?.body["messages"] as readonly { role: string; content: string }[];
    expect(heard.slice(1)).toEqual([
      { role: "user", content: "One" },
      { role: "assistant", content: STORY.join("") },
      { role: "user", content: "Two" },
    ]);
  });

  it("is read by the document's React snippet, with the parser it leaves out", async () => {
    const response = await post(
      "/stream",
      JSON.stringify({ requestId: crypto.randomUUID(), graphType: "streaming-chat", message: { content: "Hello" } }),
    );
    let shown = "";
    const reader = response.body?.getReader();
    const parser = createChunkParser();
    while (reader) {
      const { done, value } = await reader.read();
      if (done) break;
      shown += parser.push(value);
    }
    expect(shown).toBe(STORY.join(""));
    expect(parser.final?.text).toBe(shown);
  });

  it("resumes by Last-Event-ID, and cancels by requestId", async () => {
    const whole = await eventsOf(await post("/stream", STREAM));
    const rest = await eventsOf(await post("/stream", STREAM, { "last-event-id": whole[1]?.id ?? "" }));
    expect(rest).toEqual(whole.slice(2));
    let release = (): void => {};
    goOn = new Promise((resolve) => {
      release = resolve;
    });
    const response = await post("/stream", STREAM.replace("req-001", "req-stop"));
    expect((await post("/cancel/req-stop", "{}")).status).toBeLessThan(300);
    const last = (await eventsOf(response)).at(-1);
    expect(JSON.parse(last?.data ?? "")).toMatchObject({ metadata: { finishReason: "abort" } });
    release();
  });

  it("keeps a story by its action token, once, on Redis", async () => {
    const settings = { graphType: "streaming-chat::1.0.0", actions: true };
    const asked = { graphType: "streaming-chat", graphSettings: settings, message: { content: "Tell" } };
    const events = await eventsOf(await post("/stream", JSON.stringify(asked)));
    const action = JSON.parse(events.find(({ event }) => event === "action")?.data ?? "") as { token: string };
    expect(action.token).toMatch(/^cb::streaming-chat::1\.0\.0::[0-9a-f]{32}$/);
    for (let press = 0; press < 2; press += 1) {
      const response = await post("/callback", JSON.stringify({ token: action.token }));
      expect([response.status, await response.json()]).toEqual([200, { result: { kept: 1 } }]);
    }
    expect(await redis.command("hlen", "stories:local")).toContain(":1");
  });

  it("lists its graphs, and is healthy", async () => {
    const get = async (path: string): Promise<unknown> => (await fetch(app.url + path)).json();
    expect(await get("/graph-types")).toEqual(["streaming-chat::1.0.0"]);
    expect(await get("/registry")).toMatchObject({ graphs: ["streaming-chat::1.0.0"] });
    expect(await get("/health")).toEqual({ status: "ok" });
  });

  it("is nobody's but this machine's where there are no keys", async () => {
    const foreign = await post("/stream", STREAM, { "sec-fetch-site": "cross-site" });
    expect(foreign.status).toBe(403);
  });

  it("reads .env as the document says, gives owners their keys, and ends with what was asked for answered", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-seed-004-"));
    const example = await readFile(fileURLToPath(new URL("../.env.example", import.meta.url)), "utf8");
    const values: Readonly<Record<string, string>> = { ...environment(), GRAPH_API_KEYS: "alice:key-a,bob:key-b" };
    const filled = example
      .split("\n")
      .map((line) =>
        line.replace(/^(?:# )?([A-Z_]+)=.*$/, (whole, name: string) =>
          values[name] ? `${name}=${values[name]}` : whole,
        ),
      )
      .join("\n");
    await writeFile(join(folder, ".env"), filled);
    const other = await startApp({}, folder);
    try {
      const ask = (key?: string): Promise<Response> =>
        fetch(`${other.url.replace("0.0.0.0", "127.0.0.1")}/stream`, {
          method: "POST",
          headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
          body: STREAM,
        });
      expect((await ask()).status).toBe(401);
      let release = (): void => {};
      goOn = new Promise((resolve) => {
        release = resolve;
      });
      const response = await ask("key-a");
      const exit = other.stop();
      release();
      expect((await eventsOf(response)).at(-1)?.event).toBe("final");
      await exit;
    } finally {
      other.process.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    }
  });
});
