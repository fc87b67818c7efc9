import { once } from "node:events";
import { connect, createServer, type ClientHttp2Stream } from "node:http2";
import { connect as connectTcp, type AddressInfo } from "node:net";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { simpleDialect, textDialect } from "../../src/dialects/index.ts";
import type { Sluice } from "../../src/http/index.ts";
import { createMemoryLog, type LogStore } from "../../src/log/index.ts";
import type { ParsedEvent } from "../../src/sse/index.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { SITES, ask, createValve, eventsOf, readUntil, startNodeSite, turn, until, type Site } from "./support.ts";

let close: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of close.splice(0).reverse()) await end();
  close = [];
});

async function open<S extends Site>(start: Promise<S>): Promise<S> {
  const site = await start;
  close.push(() => site.close());
  return site;
}

/** `POST /stream` over HTTP/2. */
async function overHttp2(sluice: Sluice, content: string, headers: Record<string, string>): Promise<ClientHttp2Stream> {
  const server = createServer((req, res) => void sluice.handleNode(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  close.push(async () => (session.destroy(), void server.close()));
  const stream = session.request({ ":method": "POST", ":path": "/stream", ...headers });
  stream.end(JSON.stringify({ message: { content } }));
  return stream;
}

describe("bare text", () => {
  const wanted = { accept: "text/plain" };

  describe.each(Object.keys(SITES))("over %s", (name) => {
    it("is the text of the answer and nothing else, with headers that say so", async () => {
      const site = await open(SITES[name]!({}));
      const response = await site.fetch("/stream", ask('  Grüße,\r\n\n 👋 "you" ', {}, wanted));
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("vary")).toMatch(/\bAccept\b.*Accept-Encoding/);
      expect(response.headers.get("sluice-heartbeat-ms")).toBeNull();
      expect(await response.text()).toBe('  Grüße,\r\n\n 👋 "you" ');
    });

    it("comes as it is said, and characters that a model sent in halves come whole", async () => {
      const valve = createValve();
      const site = await open(SITES[name]!({ answer: valve.answer }));
      const response = await site.fetch("/stream?dialect=text", ask("x", {}, wanted));
      const reader = response.body!.getReader();
      // As seed 002 reads it, but with a decoder that is told that more comes.
      const decoder = new TextDecoder("utf-8", { fatal: true });
      let text = "";
      const readTo = async (end: string): Promise<void> => {
        while (text !== end) {
          const { done, value } = await reader.read();
          expect(done).toBe(false);
          text += decoder.decode(value, { stream: true });
        }
      };
      valve.push({ type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta: " Hi" });
      await readTo(" Hi");
      valve.push({ type: "reasoning-start", id: "r" }, { type: "reasoning-delta", id: "r", delta: "Hm" });
      valve.push({ type: "text-delta", id: "t", delta: "!\ud83d" }, { type: "text-delta", id: "t", delta: "\udc4b" });
      await readTo(" Hi!👋");
      valve.end();
      expect(await reader.read()).toMatchObject({ done: true });
    });

    it("ends cleanly when the run was stopped", async () => {
      const valve = createValve();
      const site = await open(SITES[name]!({ answer: valve.answer }));
      const response = await site.fetch("/stream", ask("x", { requestId: "one" }, wanted));
      const text = response.text();
      valve.push({ type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta: "Hi" });
      await site.fetch("/cancel/one", { method: "POST" });
      expect(await text).toBe("Hi");
    });

    it("is broken off, after what was said, when the run fails", async () => {
      const valve = createValve();
      const site = await open(SITES[name]!({ answer: valve.answer }));
      const response = await site.fetch("/stream", ask("x", {}, wanted));
      const reader = response.body!.getReader();
      valve.push({ type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta: "Hi" });
      let text = "";
      // Read before the end: a body that breaks loses what nobody has taken from it yet.
      while (text !== "Hi") text += new TextDecoder().decode((await reader.read()).value);
      valve.end(new Error("no"));
      await expect(reader.read()).rejects.toBeInstanceOf(Error);
    });
  });

  it("sends its head before the model has said anything, and breaks off visibly, over HTTP/2 too", async () => {
    const valve = createValve();
    const { sluice } = await open(SITES["Web Request and Response"]!({ answer: valve.answer }));
    const stream = await overHttp2(sluice, "x", wanted);
    const [head] = (await once(stream, "response")) as [Record<string, string>];
    expect(head["content-type"]).toBe("text/plain; charset=utf-8");
    valve.push({ type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta: "Hi" });
    expect(String(((await once(stream, "data")) as [Buffer])[0])).toBe("Hi");
    valve.end(new Error("no"));
    const failed = once(stream, "error") as Promise<[Error]>;
    expect((await failed)[0].message).toContain("INTERNAL_ERROR");
  });

  it("has no heartbeats: they would be text", async () => {
    const clock = createManualClock();
    const valve = createValve();
    const site = await open(startNodeSite({ answer: valve.answer, clock }));
    const response = await site.fetch("/stream", ask("x", {}, wanted));
    const text = response.text();
    await clock.advance(60_000);
    valve.push({ type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta: "Hi" });
    valve.end();
    expect(await text).toBe("Hi");
  });

  it.each([
    ["application/json, text/plain, */*", "text/event-stream"],
    ["*/*", "text/event-stream"],
    ["text/event-stream", "text/event-stream"],
    ["text/plain;q=0.9, */*;q=0.1", "text/plain; charset=utf-8"],
    ["text/plainer", "text/event-stream"],
    ["Text/Plain ; charset=utf-8", "text/plain; charset=utf-8"],
    ["text/plain;q=0, text/event-stream", "text/event-stream"],
    ["text/plain; Q=0.000", "text/event-stream"],
  ])("is for who names it first: Accept: %s gives %s", async (accept, type) => {
    const site = await open(startNodeSite({}));
    const response = await site.fetch("/stream", ask("x", {}, { accept }));
    expect(response.headers.get("content-type")).toBe(type);
    await response.text();
  });

  it("is not for a dialect that was named and has none", async () => {
    const site = await open(startNodeSite({}));
    const response = await site.fetch("/stream?dialect=simple", ask("x", {}, wanted));
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    await response.text();
  });

  it("is told late in few pieces, and the same", async () => {
    const words = Array.from({ length: 3_000 }, (_, index) => `wört${index} `).join("");
    const site = await open(startNodeSite({}));
    const first = await site.fetch("/stream?dialect=text", ask(words));
    await readUntil(first, ({ event }) => event === "done");
    const late = await site.fetch(first.headers.get("location") ?? "", { headers: wanted });
    expect(await late.text()).toBe(words);
  });

  // With gzip the head went out with the header of gzip, and was sent once more: every such answer was broken off.
  it.each([
    ["gzip", gunzipSync],
    ["br", brotliDecompressSync],
  ])("goes out in %s over HTTP/2", async (encoding, decompress) => {
    const { sluice } = await open(startNodeSite({ compression: true }));
    const stream = await overHttp2(sluice, "Grüße 👋", { ...wanted, "accept-encoding": encoding });
    const [head] = (await once(stream, "response")) as [Record<string, string>];
    expect(head["content-encoding"]).toBe(encoding);
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) chunks.push(chunk as Uint8Array);
    expect(decompress(Buffer.concat(chunks)).toString()).toBe("Grüße 👋");
  });

  // The end of a stream of brotli was sent without its beginning where nothing came before it.
  // Clients that take brotli and no gzip failed to decode an answer without a text.
  it.each([
    ["gzip", gunzipSync],
    ["br", brotliDecompressSync],
  ])("goes out in %s also when there is none of it", async (encoding, decompress) => {
    const { sluice } = await open(
      startNodeSite({
        compression: true,
        answer: () => async function* () {},
      }),
    );
    const stream = await overHttp2(sluice, "x", { ...wanted, "accept-encoding": encoding });
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) chunks.push(chunk as Uint8Array);
    expect(decompress(Buffer.concat(chunks)).toString()).toBe("");
  });

  it.each([
    ["cleanly when the run has finished", undefined],
    ["by a reset when it has failed", new Error("no")],
  ])("over HTTP/1.0 ends with the connection, %s", async (_, error) => {
    const valve = createValve();
    const site = await open(startNodeSite({ answer: valve.answer }));
    const socket = connectTcp(site.port, "127.0.0.1");
    const body = JSON.stringify({ message: { content: "x" } });
    socket.write(`POST /stream HTTP/1.0\r\naccept: text/plain\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    let received = "";
    let failure: unknown;
    socket.on("data", (bytes: Buffer) => (received += bytes.toString()));
    socket.on("error", (reset) => (failure = reset));
    await once(socket, "data");
    valve.push({ type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta: "Hello" });
    await until(() => received.endsWith("Hello"));
    valve.end(error);
    await new Promise((resolve) => socket.once("close", resolve));
    expect(received.split("\r\n\r\n")[1]).toBe("Hello");
    if (error === undefined) expect(failure).toBeUndefined();
    else expect(failure).toMatchObject({ code: "ECONNRESET" });
  });

  // A drain sends readers that come back elsewhere, with a last frame. Here it would be text.
  it("has no frame in a drain either, whatever the dialect says of its readers", async () => {
    const valve = createValve();
    const store = changed(createMemoryLog(), { reach: "cluster" });
    const dialects = [simpleDialect, { ...textDialect, resumes: true }];
    const site = await open(startNodeSite({ answer: valve.answer, dialects, store }));
    const response = await site.fetch("/stream", ask("x", {}, wanted));
    const text = response.text();
    valve.push({ type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta: "Hi" });
    await turn();
    const drained = site.sluice.drain(new AbortController().signal);
    await turn();
    valve.end();
    await drained;
    expect(await text).toBe("Hi");
  });

  it("goes on after the place that is named, and is 204 when there is nothing more", async () => {
    const site = await open(SITES["Web Request and Response"]!({}));
    const { headers } = await site.fetch("/stream?dialect=text", ask("a b c"));
    const whole = await eventsOf(await site.fetch(headers.get("location") ?? ""));
    const after = (id = ""): Promise<Response> =>
      site.fetch(`${headers.get("location")}&after=${id}`, { headers: wanted });
    expect(await (await after(whole.find(({ data }) => data === "a ")?.id)).text()).toBe("b c");
    expect((await after(whole.at(-1)?.id)).status).toBe(204);
  });
});

// Each second half took a replay of the run from its start: 3,000 characters in halves kept a server busy for 12 s.
it.each(["text/plain", "text/event-stream; profile=text"])(
  "halves of characters cost the entries next to them, not the run: Accept: %s",
  async (accept) => {
    const count = 400;
    const valve = createValve();
    const store = createMemoryLog();
    let fromTheStart = 0;
    const counted = changed(store, {
      read: (id, options) => {
        if (options.after === 0) fromTheStart += 1;
        return store.read(id, options);
      },
    });
    const site = await open(startNodeSite({ answer: valve.answer, store: counted }));
    valve.push({ type: "text-start", id: "t" });
    for (let at = 0; at < count; at += 1) {
      valve.push({ type: "text-delta", id: "t", delta: "\ud83d" }, { type: "text-delta", id: "t", delta: "\udc4b" });
    }
    valve.end();
    const path = (await site.fetch("/stream", ask("x"))).headers.get("location")?.split("?")[0] ?? "";
    await (await site.fetch(path)).text();
    fromTheStart = 0;
    const response = await site.fetch(path, { headers: { accept } });
    const text = accept === "text/plain" ? await response.text() : spoken(await eventsOf(response));
    expect(text).toBe("👋".repeat(count));
    expect(fromTheStart).toBeLessThan(20);
  },
);

function changed(store: LogStore, own: Partial<LogStore>): LogStore {
  return new Proxy(store, {
    get(target, key) {
      const value: unknown = Reflect.get(Object.hasOwn(own, key) ? own : target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function spoken(events: readonly ParsedEvent[]): string {
  return events.map(({ event, data }) => (event === "message" ? data : "")).join("");
}
