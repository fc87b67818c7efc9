import { once } from "node:events";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { compressChunk, optimalChunkSize, type Logger } from "sluice/http";
import { tokenStream } from "sluice/testing";
import { inOptimalChunks } from "../chunk-optimizer.ts";
import { eventsOf, startSite, textOf, type Line, type Site } from "./support.ts";

const ANSWER = ["Locks", " lift", " boats", " 🚢."];

let site: Site;
beforeAll(async () => {
  site = await startSite(function* ({ body }) {
    const asked = JSON.stringify(body["messages"]);
    if (asked.includes("Never end")) {
      yield { type: "text", text: "Locks" };
      yield { type: "stall" };
    }
    if (asked.includes("Too often")) yield { type: "status", status: 429 };
    if (asked.includes("Break")) yield { type: "status", status: 500, message: "sk-secret at db.internal" };
    for (const text of ANSWER) yield { type: "text", text };
    yield { type: "finish" };
    yield { type: "usage", input: 12, output: 5 };
  });
});
afterAll(() => site.close());
beforeEach(() => {
  site.lines.length = 0;
});

const path = (route: string, message: string, more = ""): string =>
  `${site.url}/chat/${route}?message=${encodeURIComponent(message)}${more}`;
const lastBody = (): Readonly<Record<string, unknown>> => site.provider.requests.at(-1)?.body ?? {};

describe("basic streaming", () => {
  it("has the headers and the wire form of the document", async () => {
    const response = await fetch(path("stream", "How?"));
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
      "x-synapse-toon-format": "streaming",
      connection: "keep-alive",
    });
    const text = await response.text();
    expect(text).toContain('event: update\nid: 11\ndata: {"delta":"Locks"}\n\n');
    expect(text).toMatch(/event: done\nid: end\ndata: \{\}\n\n$/);
    const messages = encodeURIComponent(JSON.stringify([{ role: "user", content: "How?" }]));
    expect(textOf(await eventsOf(await fetch(`${site.url}/chat/stream?messages=${messages}`)))).toBe(ANSWER.join(""));
    expect(lastBody()).toMatchObject({ model: "gpt-4o", stream: true, messages: [{ role: "user", content: "How?" }] });
  });
});

describe("a bare EventSource, which comes back after each end", () => {
  // The basic routes did not look at who asks, so a page that did not close its EventSource began anew every second.
  // Readers saw the answer again and again, and each time the model was paid.
  for (const route of ["stream", "context", "monitored", "fallback"]) {
    it(`is not answered anew at /chat/${route}: 204 after all of it, 410 after a part`, async () => {
      const whole = await eventsOf(await fetch(path(route, "How?")));
      const before = site.provider.requests.length;
      for (const [event, status] of [
        [whole.at(-1), 204],
        [whole[1], 410],
      ] as const) {
        const response = await fetch(path(route, "How?"), { headers: { "last-event-id": event?.id ?? "" } });
        expect(response.status).toBe(status);
      }
      expect(site.provider.requests.length).toBe(before);
    });
  }

  it("is told what is wrong with what it asks", async () => {
    const response = await fetch(`${site.url}/chat/stream?messages=no`);
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { code: "request/invalid-parameter" } },
    ]);
  });
});

describe("streaming with context", () => {
  it("sends what the manual says, of everybody's and the user's own, ahead of the question", async () => {
    const response = await fetch(path("context", "How do I pass?", "&query=Which%20tolls%20at%20a%20lock%3F"), {
      headers: { "x-user": "alice" },
    });
    const events = await eventsOf(response);
    expect(textOf(events)).toBe(ANSWER.join(""));
    const [system, user] = lastBody()["messages"] as { role: string; content: string }[];
    expect(user).toEqual({ role: "user", content: "How do I pass?" });
    expect(system?.role).toBe("system");
    expect(system?.content).toBe(
      "documents[3]{id,score,text}:\n" +
        "  locks,1,A lock lifts a boat by letting water into a chamber between two gates.\n" +
        '  tolls,1,"Boats pay a toll at each lock, by length."\n' +
        "  alice,1,Alice has paid her tolls for this year.",
    );
  });

  it("tells usage and finish reason beside the delta", async () => {
    const events = (await eventsOf(await fetch(path("context", "How?")))).map(({ data }) => JSON.parse(data) as object);
    expect(events).toContainEqual({ delta: " lift", usage: null, finish_reason: null });
    expect(events).toContainEqual({ delta: "", usage: null, finish_reason: "stop" });
    expect(events).toContainEqual({
      delta: "",
      usage: expect.objectContaining({ prompt_tokens: 12, completion_tokens: 5 }),
      finish_reason: null,
    });
  });
});

describe("adaptive chunk sizes", () => {
  it("are those of the document", () => {
    const sizes = [1_023, 1_024, 10_239, 10_240, 102_399, 102_400, 1_048_575, 1_048_576].map(optimalChunkSize);
    expect(sizes).toEqual([512, 2_048, 2_048, 4_096, 4_096, 8_192, 8_192, 16_384]);
  });

  it("cut a text into pieces of that size, and no character", () => {
    const text = "Grüße 🚢 ".repeat(1_000);
    const chunks = [...inOptimalChunks(text)];
    expect(chunks.join("")).toBe(text);
    const sizes = chunks.map((chunk) => Buffer.byteLength(chunk));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4_096);
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(4_092);
  });
});

describe("compression", () => {
  it("of a chunk by itself is told by `encoding`", () => {
    const chunk = JSON.stringify({ text: "A lock lifts a boat. ".repeat(60) });
    const { body, encoding } = compressChunk(chunk, "br");
    expect(encoding).toBe("br");
    expect(brotliDecompressSync(body).toString()).toBe(chunk);
  });

  for (const [accept, decode] of [
    ["br", brotliDecompressSync],
    ["gzip", gunzipSync],
  ] as const) {
    it(`saves at least the 71 % of the document on 100 chunks of 1.2 KB with ${accept}`, async () => {
      const lines: Line[] = [];
      const log: Logger = (level, message, fields) => lines.push({ level, message, ...fields });
      async function* chunks(): AsyncGenerator<object> {
        for await (const token of tokenStream({ delayMs: 0 })) {
          const text = Array.from({ length: 140 }, (_, word) => `${(token.index * 31 + word * 7) % 89} boats`).join(
            " ",
          );
          yield { ...token, text: text.slice(0, 1_130) };
        }
      }
      const request = new Request("http://site.test/", { headers: { "accept-encoding": accept } });
      const response = await site.routes.measureStreamLatency(request, chunks(), log);
      const wire = new Uint8Array(await response.arrayBuffer());
      expect(
        decode(wire)
          .toString()
          .match(/event: update/g),
      ).toHaveLength(100);
      const figures = lines.find(({ message }) => message === "Stream figures");
      expect(figures?.["wireBytes"]).toBe(wire.byteLength);
      expect(figures?.["bytes"]).toBeGreaterThan(110_000);
      expect(figures?.["savings"]).toBeGreaterThanOrEqual(0.71);
      // "Stream rate", every 10 chunks.
      expect(lines.filter(({ message }) => message === "stream rate").map(({ chunk }) => chunk)).toEqual(
        Array.from({ length: 10 }, (_, index) => 10 * (index + 1)),
      );
    });
  }
});

describe("connection monitoring", () => {
  /** Reads until the first delta is there, then hangs up, on a real socket. */
  async function leaveAfterFirst(url: string): Promise<void> {
    const call = httpRequest(url).end();
    const [message] = await once(call, "response");
    for await (const chunk of message as AsyncIterable<Buffer>) if (chunk.includes('"Locks"')) break;
    call.destroy();
  }

  it("stops the provider's answer when the client disconnects, and says so in one line", async () => {
    await leaveAfterFirst(path("monitored", "Never end"));
    expect(await site.provider.requests.at(-1)?.disconnected).toBe(true);
    await expect
      .poll(() => site.lines)
      .toMatchObject([{ level: "info", message: "stream interrupted", code: "reader-left" }]);
    const [line] = site.lines;
    expect(Object.keys(line ?? {})).toEqual(expect.arrayContaining(["run", "code", "chunks", "bytes", "ms"]));
  });

  it("makes a client that leaves an exception in the loop that writes", async () => {
    let thrown: unknown;
    async function* chunks(): AsyncGenerator<string> {
      try {
        while (true) yield "x".repeat(1_024);
      } catch (error) {
        thrown = error;
        throw error;
      }
    }
    const response = await site.routes.streamWithBackpressure(new Request("http://site.test/"), chunks());
    await response.body?.cancel();
    await expect.poll(() => thrown).toMatchObject({ code: "reader/left", message: "Client disconnected" });
  });
});

describe("graceful degradation", () => {
  it("answers a rate limit with the document's JSON", async () => {
    const response = await fetch(path("fallback", "Too often"));
    expect([response.status, await response.json()]).toEqual([200, { error: "Rate limited, using standard response" }]);
  });

  it("answers any other failure with 500, in the shape of our errors, and logs it", async () => {
    const response = await fetch(path("fallback", "Break"));
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ error: { code: "PROCESSING_ERROR" } });
    expect(text).not.toContain("secret");
    expect(site.lines).toMatchObject([{ level: "error", message: "request refused" }]);
  });

  it("gives a user three streams at a time", async () => {
    const headers = { "x-user": "carol" };
    const leaving = new AbortController();
    const ask = (): Promise<Response> => fetch(path("fallback", "Never end"), { headers, signal: leaving.signal });
    for (let open = 0; open < 3; open += 1) expect((await ask()).status).toBe(200);
    const refused = await ask();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "5"]);
    expect((await fetch(path("fallback", "How?"), { headers: { "x-user": "dave" } })).status).toBe(200);
    leaving.abort();
  });
});

describe("the same stream as a run", () => {
  it("goes on where it was, at the URL that started it, and calls the model once", async () => {
    const before = site.provider.requests.length;
    const whole = await eventsOf(await fetch(path("resumable", "How?")));
    expect(textOf(whole)).toBe(ANSWER.join(""));
    const second = whole.findIndex(({ data }) => data.includes(" lift"));
    const again = (id: string | undefined): Promise<Response> =>
      fetch(path("resumable", "How?"), { headers: { "last-event-id": id ?? "" } });
    expect(await eventsOf(await again(whole[second]?.id))).toEqual(whole.slice(second + 1));
    expect((await again(whole.at(-1)?.id)).status).toBe(204);
    expect(site.provider.requests.length).toBe(before + 1);
  });

  it("has the ids and the data of the document's wire form, when they are asked for", async () => {
    const events = await eventsOf(await fetch(path("resumable", "How?", "&ids=uuid&encoding=base64")));
    for (const { id } of events) expect(id).toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-\d{12}$/);
    const plain = events.map((event) => ({ ...event, data: Buffer.from(event.data, "base64").toString() }));
    expect(textOf(plain)).toBe(ANSWER.join(""));
    const headers = { "last-event-id": events[1]?.id ?? "" };
    const rest = await fetch(path("resumable", "How?", "&ids=uuid&encoding=base64"), { headers });
    expect(await eventsOf(rest)).toEqual(events.slice(2));
  });

  it("compresses each chunk by itself, as the document does, when that is asked for", async () => {
    const events = await eventsOf(await fetch(path("resumable", "How?", "&encoding=br%2Bbase64")));
    const plain = events.map((event) => {
      const data = brotliDecompressSync(Buffer.from(event.data, "base64")).toString();
      return { ...event, data };
    });
    expect(textOf(plain)).toBe(ANSWER.join(""));
  });
});

describe("the test stream", () => {
  it("is 100 tokens with their index, text and time, 10 ms apart", async () => {
    const response = await fetch(`${site.url}/test-stream`);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    const events = await eventsOf(response);
    const tokens = events.slice(0, -1).map(({ data }) => JSON.parse(data) as Record<string, unknown>);
    expect(tokens).toHaveLength(100);
    expect(tokens[0]).toEqual({
      index: 0,
      text: "Token 0",
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
    });
    expect(tokens.at(-1)).toMatchObject({ index: 99, text: "Token 99" });
  });
});
