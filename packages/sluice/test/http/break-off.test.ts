import { once } from "node:events";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { connect, type AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createSluice } from "../../src/http/index.ts";
import { createMemoryLog, type LogStore } from "../../src/log/index.ts";
import { createManualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import { ask, authorize, createValve, say, startNodeSite, type NodeSite, type Valve } from "./support.ts";

interface Raw {
  readonly text: string;
  readonly error: NodeJS.ErrnoException | undefined;
}

// Promise 3: an answer that is not finished must never look finished, whatever HTTP it went by.
describe("an unfinished answer", () => {
  let store: LogStore;
  let valve: Valve;
  let site: NodeSite;
  let clock: ManualClock;

  async function open(): Promise<void> {
    store = createMemoryLog();
    valve = createValve();
    clock = createManualClock();
    site = await startNodeSite({ store, answer: valve.answer, clock });
  }
  afterEach(() => site.close());

  /** Sends a request by hand; `during` is called with what has come until it says that it has done its work. */
  async function raw(head: string, during: (text: string) => boolean): Promise<Raw> {
    const body = '{"message":{"content":"Hello"}}';
    const socket = connect(site.port, "127.0.0.1");
    let text = "";
    let error: NodeJS.ErrnoException | undefined;
    let done = false;
    socket.on("error", (cause: NodeJS.ErrnoException) => (error = cause));
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (!done) done = during(text);
    });
    socket.write(
      `${head}\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await new Promise<void>((resolve) => socket.once("close", () => resolve()));
    return { text, error };
  }

  const cutAfterText = (text: string): boolean => {
    if (!text.includes('{"content":"c"}')) return false;
    void store[Symbol.asyncDispose]();
    return true;
  };

  it("over HTTP/1.1 arrives as far as it went, without the last chunk", async () => {
    await open();
    valve.push(...say("abc"));
    const { text } = await raw("POST /stream HTTP/1.1", cutAfterText);
    expect(text).toContain("Transfer-Encoding: chunked");
    expect(text).not.toMatch(/\r\n0\r\n/);
    expect(text).not.toContain("event: done");
    expect(site.lines.filter(({ message }) => message === "reader interrupted")).toMatchObject([
      { level: "error", fields: { code: "log/released", run: expect.stringMatching(/^run_/) as string } },
    ]);
  });

  it("over HTTP/1.0 ends with a reset, because an end is all its reader could see", async () => {
    await open();
    valve.push(...say("abc"));
    const reading = raw("POST /stream HTTP/1.0", cutAfterText);
    while (site.lines.length === 0) await clock.advance(0);
    await clock.advance(50);
    const { text, error } = await reading;
    expect(text).not.toContain("chunked");
    expect(text).not.toContain("Connection: keep-alive");
    expect(error?.code).toBe("ECONNRESET");
  });

  it("over HTTP/2 ends with INTERNAL_ERROR", async () => {
    await open();
    const sluice = createSluice({ store, authorize, answer: valve.answer });
    const server = createHttp2Server((req, res) => void sluice.handleNode(req, res));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = session.request({ ":method": "POST", ":path": "/stream", "content-type": "application/json" });
    stream.end('{"message":{"content":"Hello"}}');
    let text = "";
    stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const failed = once(stream, "error").catch(() => {});
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    expect(headers["connection"]).toBeUndefined();
    valve.push(...say("abc"));
    while (!text.includes('{"content":"c"}')) await once(stream, "data");
    await store[Symbol.asyncDispose]();
    await failed;
    expect(stream.rstCode).toBe(2);
    session.destroy();
    server.close();
  });

  it("over a Web Response fails the reading of its body", async () => {
    await open();
    valve.push(...say("abc"));
    const response = await site.sluice.handle(new Request("http://site.test/stream", ask("Hello")));
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.read();
    await store[Symbol.asyncDispose]();
    await expect(
      (async () => {
        while ((await reader?.read())?.done === false);
      })(),
    ).rejects.toMatchObject({ code: "log/released" });
  });

  it("is given up on when its reader takes nothing any more", async () => {
    await open();
    valve.push({ type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta: "x".repeat(20_000_000) });
    const socket = connect(site.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.pause();
    const connection = once(site.server, "connection");
    socket.write("GET /stream?payload=%7B%22message%22%3A%7B%22content%22%3A%22x%22%7D%7D HTTP/1.1\r\nHost: x\r\n\r\n");
    const [peer] = (await connection) as [import("node:net").Socket];
    while (peer.writableLength < 16_384) await clock.advance(0);
    const closed = once(peer, "close");
    valve.end();
    const drained = site.sluice.drain(AbortSignal.abort());
    await clock.advance(2_000);
    await drained;
    expect(peer.destroyed).toBe(false); // what it was sent may still be taken
    await clock.advance(5_000);
    await closed;
    socket.destroy();
    while (site.lines.length < 2) await clock.advance(0);
    expect(site.lines.map(({ fields }) => fields["code"])).toContain("run/shutdown");
  });
});

describe("a finished answer", () => {
  it("ends with its terminal and the last chunk, and leaves the connection open for the next request", async () => {
    const site = await startNodeSite();
    const socket = connect(site.port, "127.0.0.1");
    let text = "";
    const next = async (): Promise<string> => {
      text = "";
      while (!text.endsWith("\r\n0\r\n\r\n")) text += String((await once(socket, "data"))[0]);
      return text;
    };
    const request =
      "GET /stream?payload=%7B%22message%22%3A%7B%22content%22%3A%22hi%22%7D%7D HTTP/1.1\r\nHost: x\r\n\r\n";
    socket.write(request);
    expect(await next()).toContain("event: done");
    socket.write(request);
    expect(await next()).toContain("event: done");
    socket.destroy();
    await site.close();
    expect(site.lines).toEqual([]);
  });
});
