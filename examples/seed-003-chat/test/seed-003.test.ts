import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { toNodeHandler } from "sluice/http";
import { encodeEvent, parseEvents, type ParsedEvent } from "sluice/sse";
import { startOpenAIServer, type OpenAIServer } from "sluice/testing";
import * as notifications from "../app/api/notifications/route.ts";
import * as quickStart from "../app/api/quick-start/route.ts";
import { conversations } from "../lib/conversations.ts";
import { createSSEStream, getConnectionCount, getConnectionKeys, sseResponse } from "../lib/sse.ts";

const ANSWER = ["Hello, ", "how can I help?"];

// The chat route makes its client from the environment, so it is loaded once that is set.
let provider: OpenAIServer;
let chat: typeof import("../app/api/chat/conversations/[id]/stream/route.ts");
let server: Server;
let url: string;

beforeAll(async () => {
  provider = await startOpenAIServer({
    *script({ body }) {
      if (JSON.stringify(body).includes("Break")) {
        yield { type: "text", text: "Hel" };
        yield { type: "error", message: "sk-secret at db.internal" };
      }
      for (const text of ANSWER) yield { type: "text", text };
      yield { type: "finish" };
    },
  });
  process.env["OPENAI_BASE_URL"] = provider.url;
  process.env["OPENAI_API_KEY"] = "test";
  chat = await import("../app/api/chat/conversations/[id]/stream/route.ts");
  server = createServer(
    toNodeHandler((request) => {
      const { pathname } = new URL(request.url);
      const [, id] = /^\/api\/chat\/conversations\/([^/]+)\/stream$/.exec(pathname) ?? [];
      return id === undefined ? notifications.GET(request) : chat.GET(request, { params: Promise.resolve({ id }) });
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await provider.close();
});
afterEach(() => {
  vi.useRealTimers();
});

const alice = { "x-user": "alice" };

async function eventsOf(response: Response): Promise<ParsedEvent[]> {
  const events: ParsedEvent[] = [];
  for await (const event of parseEvents(response.body ?? new ReadableStream())) events.push(event);
  return events;
}

describe("the quick start", () => {
  it("sends its two events under the headers of the document", async () => {
    const response = await quickStart.GET();
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      connection: "keep-alive",
      "x-accel-buffering": "no",
    });
    expect(await response.text()).toBe('event: message\ndata: {"content":"Hello!"}\n\nevent: done\ndata: {}\n\n');
  });
});

describe("the message format", () => {
  it("is that of the document's wire format, and its examples of `send` are sent", async () => {
    const { stream, send, close } = createSSEStream();
    send({ event: "message", id: "1", data: { content: "Hello, world!" } });
    send({ data: { status: "processing" } });
    send({ event: "progress", data: { percent: 50 } });
    send({ event: "chunk", data: { text: "Hello" }, id: "msg-1" });
    close();
    expect(await sseResponse(stream).text()).toBe(
      'event: message\nid: 1\ndata: {"content":"Hello, world!"}\n\n' +
        'data: {"status":"processing"}\n\n' +
        'event: progress\ndata: {"percent":50}\n\n' +
        'event: chunk\nid: msg-1\ndata: {"text":"Hello"}\n\n',
    );
  });

  // Theo's `send({ retry })` wrote `data: undefined`, and a line break in `event` began a field of its own.
  // Pages crashed in JSON.parse, and a user's text could forge events for others.
  it("sends a retry without data, and no field within a field", () => {
    expect(encodeEvent({ retry: 3000 })).toBe("retry: 3000\n\n");
    expect(() => encodeEvent({ event: "a\ndata: forged", data: {} })).toThrow("CR, LF");
  });
});

describe("the chat stream", () => {
  function converse(id: string, content = "Hi"): string {
    conversations.set(id, { owner: "alice", messages: [{ role: "user", content }] });
    return `${url}/api/chat/conversations/${id}/stream`;
  }

  it("is the document's example flow, with ids", async () => {
    const events = await eventsOf(await fetch(converse("123"), { headers: alice }));
    expect(events.map(({ event, data }) => [event, JSON.parse(data) as unknown])).toEqual([
      ["typing", { isTyping: true }],
      ["chunk", { content: "Hello, " }],
      ["chunk", { content: "how can I help?" }],
      [
        "message",
        expect.objectContaining({
          id: expect.stringMatching(/^msg_/),
          role: "assistant",
          content: "Hello, how can I help?",
        }),
      ],
      ["done", expect.objectContaining({ finishReason: "stop" })],
    ]);
    expect(events.every(({ id }) => /^run_[0-9a-f]{32}~/.test(id ?? ""))).toBe(true);
    expect(provider.requests.at(-1)?.body).toMatchObject({
      model: "gpt-4",
      stream: true,
      messages: [{ role: "user", content: "Hi" }],
    });
  });

  // The document's ids led nowhere: whoever came back started the answer anew, with another id scheme.
  // Readers saw the beginning twice, and the model was asked twice.
  it("goes on after any of its ids without asking the model again, also once there are new messages", async () => {
    const path = converse("resumed");
    const whole = await eventsOf(await fetch(path, { headers: alice }));
    const before = provider.requests.length;
    conversations.get("resumed")?.messages.push({ role: "assistant", content: "Hello" });
    for (const [index, { id = "" }] of whole.entries()) {
      const response = await fetch(path, { headers: { ...alice, "last-event-id": id } });
      const rest = response.status === 204 ? [] : await eventsOf(response);
      expect(rest).toEqual(whole.slice(index + 1));
    }
    expect(provider.requests.length).toBe(before);
  });

  it("is one answer for all tabs", async () => {
    const before = provider.requests.length;
    const path = converse("tabs");
    const [one, two] = await Promise.all([fetch(path, { headers: alice }), fetch(path, { headers: alice })]);
    expect(await eventsOf(one)).toEqual(await eventsOf(two));
    expect(provider.requests.length).toBe(before + 1);
  });

  it("asks who is there, and knows only one's own conversations and answers", async () => {
    const path = converse("private");
    expect((await fetch(path)).status).toBe(401);
    expect((await fetch(path, { headers: { "x-user": "bob" } })).status).toBe(404);
    expect((await fetch(`${url}/api/chat/conversations/none/stream`, { headers: alice })).status).toBe(404);
    const [first] = await eventsOf(await fetch(path, { headers: alice }));
    conversations.set("bob's", { owner: "bob", messages: [] });
    const stolen = await fetch(`${url}/api/chat/conversations/bob's/stream`, {
      headers: { "x-user": "bob", "last-event-id": first?.id ?? "" },
    });
    expect(stolen.status).toBe(404);
  });

  // `error.message` went to the browser as it was.
  // Strangers read keys, paths and prompts in it.
  it("tells an error by its code, and nothing of the provider's words", async () => {
    const text = await (await fetch(converse("broken", "Break"), { headers: alice })).text();
    expect(text).toContain("event: chunk");
    expect(text).toMatch(/event: error\nid: \S+\ndata: \{"code":"PROCESSING_ERROR","message":"[^"]+"\}\n\n$/);
    expect(text).not.toMatch(/secret|internal/);
  });
});

describe("the limits of a user", () => {
  const as = (user: string): { readonly "x-user": string } => ({ "x-user": user });
  const refusals = async (answers: readonly Response[]): Promise<Response[]> => {
    for (const { body } of answers) await body?.cancel();
    return answers.filter(({ status }) => status === 429);
  };

  it("are 20 chats a minute; coming back to one is no other, and others are not concerned", async () => {
    const open = (user: string, index: number, headers = {}): Promise<Response> => {
      conversations.set(`${user}-${index}`, { owner: user, messages: [{ role: "user", content: "Hi" }] });
      const path = `/api/chat/conversations/${user}-${index}/stream`;
      return fetch(url + path, { headers: { ...as(user), ...headers } });
    };
    const first = await eventsOf(await open("carol", 0));
    const answers: Response[] = [];
    for (let index = 1; index <= 20; index += 1) answers.push(await open("carol", index));
    const [refused, ...others] = await refusals(answers);
    expect(others).toEqual([]);
    expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(50);
    expect((await open("carol", 0, { "last-event-id": first[0]?.id })).status).toBe(200);
    expect((await open("dave", 0)).status).toBe(200);
  });

  it("are 100 calls a minute", async () => {
    const answers: Response[] = [];
    for (let call = 0; call < 101; call += 1) {
      const body = "hello";
      answers.push(
        await notifications.POST(new Request("http://site.test/", { method: "POST", body, headers: as("erin") })),
      );
    }
    const [refused, ...others] = await refusals(answers);
    expect(others).toEqual([]);
    expect(refused?.headers.get("retry-after")).toMatch(/^\d+$/);
  });
});

describe("the connection manager", () => {
  const post = (body: string): Promise<Response> =>
    notifications.POST(new Request("http://site.test/", { method: "POST", body, headers: alice }));

  it("broadcasts to all connections of a key", async () => {
    const leaving = new AbortController();
    const open = (): Promise<Response> =>
      notifications.GET(new Request("http://site.test/", { headers: alice, signal: leaving.signal }));
    const [one, two] = await Promise.all([open(), open()]);
    expect(getConnectionCount("user:alice")).toBe(2);
    expect(getConnectionKeys()).toEqual(["user:alice"]);
    expect((await post("New message received")).status).toBe(202);
    for (const response of [one, two]) {
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      expect((await reader?.read())?.value).toBe("retry: 3000\n\n");
      expect((await reader?.read())?.value).toMatch(
        /^event: notification\n(?:id: \S+\n)?data: \{"message":"New message received"\}\n\n$/,
      );
    }
    leaving.abort();
    await expect.poll(() => getConnectionCount("user:alice")).toBe(0);
  });

  // A client that went away stayed registered for ever.
  // The process grew with every tab that was closed, and broadcasts took longer and longer.
  it("forgets a client that hangs up on its socket", async () => {
    const leaving = new AbortController();
    const response = await fetch(`${url}/api/notifications`, { headers: alice, signal: leaving.signal });
    expect([response.status, getConnectionCount("user:alice")]).toEqual([200, 1]);
    leaving.abort();
    await expect.poll(() => [getConnectionCount("user:alice"), getConnectionKeys()]).toEqual([0, []]);
  });

  it("refuses who is not logged in", async () => {
    expect((await fetch(`${url}/api/notifications`)).status).toBe(401);
  });

  it("neither registers nor beats for a client that has gone before it was answered", async () => {
    const headers = { "x-user": "gone" };
    await notifications.GET(new Request("http://site.test/", { headers, signal: AbortSignal.abort() }));
    vi.useFakeTimers();
    await notifications.GET(new Request("http://site.test/", { headers, signal: AbortSignal.abort() }));
    expect([getConnectionCount("user:gone"), vi.getTimerCount()]).toEqual([0, 0]);
  });

  it("beats every 30 s until its client has gone", async () => {
    vi.useFakeTimers();
    const leaving = new AbortController();
    const response = await notifications.GET(
      new Request("http://site.test/", { headers: alice, signal: leaving.signal }),
    );
    await vi.advanceTimersByTimeAsync(30_000);
    const timers = vi.getTimerCount(); // that of the limits among them
    await vi.advanceTimersByTimeAsync(29_000);
    await vi.advanceTimersByTimeAsync(1_000);
    leaving.abort();
    expect(vi.getTimerCount()).toBeLessThan(timers);
    expect(await response.text()).toBe(`retry: 3000\n\n${"event: heartbeat\ndata: {}\n\n".repeat(2)}`);
  });
});
