import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { MockLanguageModelV3, simulateReadableStream } from "ai/test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openEventStream, stopRun } from "sluice/client";
import { startOpenAIServer, type OpenAIServer } from "sluice/testing";
import { app as honoApp } from "../hono.ts";
import { server as nodeServer } from "../node.ts";
import { createRoute } from "../ai-sdk-route.ts";

/** To a question with this text the provider says one piece and then nothing. */
const UNENDING = "Never end";

const question = (requestId: string, content = "Hello"): string =>
  JSON.stringify({ requestId, messages: [{ role: "user", content }] });

// The examples make their client as a user would, from the environment, so they are loaded once it is set.
let provider: OpenAIServer;
let next: typeof import("../next-route.ts");
let express: Server;
let url: string;

beforeAll(async () => {
  provider = await startOpenAIServer({
    *script({ body }) {
      yield { type: "text", text: "Grüße, " };
      if (JSON.stringify(body).includes(UNENDING)) yield { type: "stall" };
      yield { type: "text", text: "Welt 🌍", cut: true };
      yield { type: "finish" };
    },
  });
  process.env["OPENAI_BASE_URL"] = provider.url;
  process.env["OPENAI_API_KEY"] = "test";
  next = await import("../next-route.ts");
  express = createServer((await import("../express.ts")).app);
  url = await listen(express);
});
afterAll(async () => {
  express.close();
  express.closeAllConnections();
  await provider.close();
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function read(response: Response): Promise<string> {
  return response.text();
}

/** The text of a `simple` or `ai-sdk` stream. */
function textOf(stream: string): string {
  const deltas = stream.matchAll(/"(?:content|delta)":("(?:[^"\\]|\\.)*")\}\n/g);
  return Array.from(deltas, ([, json = '""']) => JSON.parse(json) as string).join("");
}

describe("a Next route handler over the openai SDK", () => {
  const post = (body: string, path = "/api/chat"): Promise<Response> =>
    next.POST(new Request(`http://next.test${path}`, { method: "POST", body, headers: { "x-user": "alice" } }));
  const get = (path: string, headers: HeadersInit = {}): Promise<Response> =>
    next.GET(new Request(`http://next.test${path}`, { headers: { "x-user": "alice", ...headers } }));

  it("streams the answer, and repeats it for the same requestId without calling the model again", async () => {
    const before = provider.requests.length;
    const first = await read(await post(question("next 1")));
    expect(first).toMatch(/data: \[DONE\]\n\n$/);
    expect(textOf(first)).not.toBe("");
    expect(await read(await post(question("next 1")))).toBe(first);
    expect(provider.requests.length).toBe(before + 1);
  });

  it("resumes at Location after any event, for the owner only", async () => {
    const response = await post(question("next 2"));
    const whole = await read(response);
    const location = response.headers.get("location") ?? "";
    expect(location).toMatch(/^\/api\/chat\/runs\/run_/);
    const id = /id: (\S+)/.exec(whole)?.[1] ?? "";
    const rest = await read(await get(location, { "last-event-id": id }));
    expect(whole.endsWith(rest.slice(rest.indexOf("id: ")))).toBe(true);
    expect((await get(location, { "x-user": "bob" })).status).toBe(404);
  });
});

describe("Express", () => {
  const headers = { "content-type": "application/json", "x-user": "alice" };

  it("streams behind express.json(), and our client reads it to the end", async () => {
    const reader = openEventStream(`${url}/api/chat`, { body: JSON.parse(question("express 1")), headers });
    const events = [];
    for await (const event of reader) events.push(event);
    expect(events.at(-1)?.event).toBe("done");
    expect(events.at(-2)?.event).toBe("message");
  });

  it("stops the model's own request when somebody stops the run", async () => {
    let stopped = false;
    const body = question("express 2", UNENDING);
    const response = await fetch(`${url}/api/chat`, { method: "POST", headers, body });
    const text = response.body?.pipeThrough(new TextDecoderStream());
    let seen = "";
    for await (const chunk of text ?? []) {
      seen += chunk;
      if (!seen.includes("Grüße") || stopped) continue;
      stopped = true;
      await stopRun(`${url}/api/chat/runs/${response.headers.get("sluice-run-id")}`, { headers });
    }
    expect(seen).toContain('"finishReason":"abort"');
    expect(seen).toContain('"content":"Grüße, "');
    expect(await provider.requests.at(-1)?.disconnected).toBe(true);
  });
});

describe("Hono", () => {
  it("streams an iterable of strings, resumes and stops on routes of its own", async () => {
    const headers = { "x-user": "alice" };
    const body = JSON.stringify({ requestId: "hono 1", prompt: "good day" });
    const response = await honoApp.request("/api/chat", { method: "POST", body, headers });
    const id = response.headers.get("sluice-run-id") ?? "";
    const whole = await read(response);
    expect(textOf(whole)).toContain("You said: good day");
    expect(await read(await honoApp.request(`/api/chat/${id}`, { headers }))).toBe(whole);
    const stop = await honoApp.request(`/api/chat/${id}/stop`, { method: "POST", headers });
    expect(await stop.json()).toEqual({ id, status: "finished" });
  });
});

describe("bare node:http", () => {
  it("streams chat events that a generator yields", async () => {
    const base = await listen(nodeServer);
    const response = await fetch(`${base}/ask`);
    const whole = await read(response);
    expect(whole).toContain('event: progress\nid: 12\ndata: {"step":"thinking"}');
    expect(textOf(whole)).toContain("3 2 1");
    const again = await fetch(base + response.headers.get("location"));
    expect(await read(again)).toBe(whole);
    nodeServer.close();
    nodeServer.closeAllConnections();
  });
});

describe("the AI SDK", () => {
  it("streams what streamText gives, with its own ids, and keeps it for those who come back", async () => {
    const route = createRoute(
      new MockLanguageModelV3({
        doStream: async () => ({
          stream: simulateReadableStream({
            chunks: [
              { type: "stream-start", warnings: [] },
              { type: "text-start", id: "1" },
              { type: "text-delta", id: "1", delta: "from " },
              { type: "text-delta", id: "1", delta: "the SDK" },
              { type: "text-end", id: "1" },
              {
                type: "finish",
                finishReason: { unified: "stop", raw: "stop" },
                usage: {
                  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
                  outputTokens: { total: 2, text: 2, reasoning: 0 },
                },
              },
            ],
          }),
        }),
      }),
    );
    const ask = (): Promise<Response> =>
      route(
        new Request("http://ai.test/api/chat", {
          method: "POST",
          body: JSON.stringify({
            requestId: "r1",
            messages: [{ id: "m1", role: "user", parts: [{ type: "text", text: "Hi" }] }],
          }),
        }),
      );
    const whole = await read(await ask());
    expect(textOf(whole)).toBe("from the SDK");
    expect(whole).toMatch(/"type":"finish".*\n\nid: \d+\ndata: \[DONE\]\n\n$/s);
    expect(await read(await ask())).toBe(whole);
  });
});
