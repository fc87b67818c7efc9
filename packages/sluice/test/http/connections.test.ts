import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server, type ClientHttp2Session } from "node:http2";
import { connect, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createMemoryLog } from "../../src/log/index.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { ask, createValve, say, startNodeSite, turn, until, type NodeSite, type Valve } from "./support.ts";

const QUESTION = '{"message":{"content":"Hello"}}';
const post = (path: string, body = QUESTION, version = "1.1"): string =>
  `POST ${path} HTTP/${version}\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

interface Client {
  readonly socket: Socket;
  /** What has come so far. */
  readonly text: string;
  readonly closed: boolean;
  readonly error: NodeJS.ErrnoException | undefined;
}

/** A client that only knows sockets. */
function open(where: number | string): Client {
  const socket = typeof where === "string" ? connect(where) : connect(where, "127.0.0.1");
  const state = { socket, text: "", closed: false, error: undefined as NodeJS.ErrnoException | undefined };
  socket.on("data", (chunk: Buffer) => (state.text += chunk.toString()));
  socket.on("error", (error: NodeJS.ErrnoException) => (state.error = error));
  socket.on("close", () => (state.closed = true));
  return state;
}

describe("a connection of HTTP/1.1", () => {
  let site: NodeSite;
  let valve: Valve;
  afterEach(() => site.close());

  it("may ask by the whole URL, as through a proxy, whatever its Host says", async () => {
    site = await startNodeSite();
    const answers: string[] = [];
    for (const [target, host] of [
      ["http://x/health", "x"],
      ["/runs/%20x", "a b@c"],
      ["/runs/%20x", "x:99999999"],
      ["/\\evil/health", "x"],
    ] as const) {
      const one = open(site.port);
      one.socket.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      await until(() => one.closed);
      answers.push(/"(?:status|code)":"([^"]+)"/.exec(one.text)?.[1] ?? "");
    }
    expect(answers).toEqual(["ok", "run/not-found", "run/not-found", "request/not-found"]);
  });

  it("may send the next request before the stream has ended, and gets the answers in order", async () => {
    valve = createValve();
    site = await startNodeSite({ answer: valve.answer });
    const client = open(site.port);
    client.socket.write(post("/stream") + "GET /health HTTP/1.1\r\nHost: x\r\n\r\n" + post("/stream"));
    await until(() => valve.calls === 2);
    valve.push(...say("a"));
    valve.end();
    await until(() => client.text.split("event: done").length === 3 && client.text.endsWith("\r\n0\r\n\r\n"));
    expect(client.text.indexOf("event: done")).toBeLessThan(client.text.indexOf('{"status":"ok"}'));
    client.socket.destroy();
    expect(site.lines).toEqual([]);
  });

  it("that ends takes with it the streams that wait behind another one", async () => {
    valve = createValve();
    site = await startNodeSite({ answer: valve.answer });
    const client = open(site.port);
    client.socket.write(post("/stream").repeat(3));
    await until(() => valve.calls === 3 && client.text.includes("event: typing"));
    client.socket.destroy();
    await until(() => site.lines.length === 3);
    for (const { level, message, fields } of site.lines) {
      expect([level, message]).toEqual(["info", "reader interrupted"]);
      expect(fields).toEqual({
        code: "reader-left",
        run: expect.stringMatching(/^run_/) as string,
        chunks: expect.any(Number) as number,
        bytes: expect.any(Number) as number,
        ms: expect.any(Number) as number,
      });
    }
    valve.end();
  });

  it("keeps no listeners of the answers that went by it", async () => {
    site = await startNodeSite();
    const connection = once(site.server, "connection");
    const client = open(site.port);
    const [peer] = (await connection) as [Socket];
    const listeners = (): number => peer.eventNames().reduce((sum, name) => sum + peer.listenerCount(name), 0);
    const answered = (count: number) => () => client.text.split("event: done").length === count + 1;
    client.socket.write(post("/stream"));
    await until(answered(1));
    await turn();
    const before = listeners();
    for (let count = 2; count < 30; count += 1) {
      client.socket.write(post("/stream"));
      await until(answered(count));
    }
    await turn();
    expect(listeners()).toBeLessThanOrEqual(before);
    client.socket.destroy();
  });

  // Each answer that waited had a listener of its own on the socket: eleven at once, and Node warned whoever runs the
  // server of a leak, which any client could bring about.
  it("has one listener for all answers that wait behind another one, and none when they have gone by", async () => {
    valve = createValve();
    site = await startNodeSite({ answer: valve.answer });
    const connection = once(site.server, "connection");
    const client = open(site.port);
    const [peer] = (await connection) as [Socket];
    client.socket.write(post("/stream"));
    await until(() => valve.calls === 1 && client.text.includes("event: typing"));
    const before = peer.listenerCount("close");
    client.socket.write("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20) + post("/stream").repeat(20));
    await until(() => valve.calls === 21);
    expect(peer.listenerCount("close")).toBe(before + 1);
    valve.end();
    await until(() => client.text.split("event: done").length === 22 && client.text.endsWith("\r\n0\r\n\r\n"));
    await turn();
    expect(peer.listenerCount("close")).toBeLessThanOrEqual(before);
    expect(client.text.split("HTTP/1.1 404 ")).toHaveLength(21);
    client.socket.destroy();
  });

  // Whoever left while his question waited behind another answer, and his owner was looked up, was never found to be
  // gone: a run was started for nobody, and a reader's place was taken for good.
  it("that ends while the owner of a question that waits is looked up starts nothing for it", async () => {
    valve = createValve();
    let lookUp = (): void => {};
    const found = new Promise<void>((resolve) => (lookUp = resolve));
    let asked = 0;
    const authorize = async (): Promise<string> => {
      asked += 1;
      if (asked === 2) await found;
      return "alice";
    };
    site = await startNodeSite({ answer: valve.answer, authorize });
    const client = open(site.port);
    client.socket.write(
      post("/stream") + `GET /stream?payload=${encodeURIComponent(QUESTION)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
    await until(() => asked === 2 && client.text.includes("event: typing"));
    client.socket.destroy();
    await until(() => site.lines.length === 1);
    lookUp();
    await until(() => site.lines.length === 2);
    expect(site.lines.map(({ fields }) => fields["code"])).toEqual(["reader-left", "reader-left"]);
    expect(valve.calls).toBe(1);
    valve.end();
  });

  const BIG = 4 << 20;
  const REFUSED: Readonly<Record<string, string>> = {
    "413": "Content-Type: application/json",
    "415": "Content-Type: image/png",
    "401": "X-Owner: nobody",
  };
  for (const [status, header] of Object.entries(REFUSED)) {
    for (const version of ["HTTP/1.1", "HTTP/1.1 that closes", "HTTP/1.0"]) {
      it(`is told ${status} also when it reads only once it has sent everything, over ${version}`, async () => {
        site = await startNodeSite();
        const client = open(site.port);
        const close = version === "HTTP/1.1 that closes" ? "Connection: close\r\n" : "";
        const protocol = version.slice(0, 8);
        client.socket.pause();
        client.socket.write(
          `POST /stream ${protocol}\r\nHost: x\r\n${close}${header}\r\nContent-Length: ${BIG}\r\n\r\n`,
        );
        const sent = new Promise((resolve) => client.socket.write(Buffer.alloc(BIG, "x"), resolve));
        expect(await sent).not.toBeInstanceOf(Error);
        client.socket.resume();
        await until(() => client.text.includes("traceId"));
        expect(client.text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
        if (version === "HTTP/1.1") {
          client.socket.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
          await until(() => client.text.includes('{"status":"ok"}'));
        } else await until(() => client.closed);
        expect(client.error).toBeUndefined();
        client.socket.destroy();
      });
    }
  }

  it("is not kept for a body that never comes", async () => {
    const clock = createManualClock();
    site = await startNodeSite({ clock });
    const client = open(site.port);
    client.socket.write("POST /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4000000\r\n\r\n");
    await until(() => client.text.includes("traceId"));
    await clock.advance(30_000);
    await until(() => client.closed);
    expect([client.text.slice(0, 12), clock.timers]).toEqual(["HTTP/1.1 413", 0]);
  });

  it("that ends within its question starts nothing, and is one log line", async () => {
    site = await startNodeSite();
    const asked = once(site.server, "request");
    const client = open(site.port);
    client.socket.write(post("/stream").slice(0, -5));
    await asked;
    client.socket.destroy();
    await until(() => site.lines.length > 0);
    expect(site.lines).toMatchObject([
      {
        level: "info",
        fields: { code: "reader-left", path: "/stream", chunks: 0, bytes: 0, ms: expect.any(Number) as number },
      },
    ]);
    expect((await site.sluice.runs.list({ owner: "alice", limit: 9 })).runs).toEqual([]);
  });
});

describe("a connection of HTTP/1.0", () => {
  it("ends with the answer, without chunks", async () => {
    const site = await startNodeSite();
    const client = open(site.port);
    client.socket.write(post("/stream", QUESTION, "1.0"));
    await until(() => client.closed);
    expect(client.text).not.toMatch(/transfer-encoding|\r\n0\r\n/i);
    expect([client.text.endsWith("\n\n"), client.error]).toEqual([true, undefined]);
    await site.close();
  });

  // A Unix socket knows no reset. To ask for one throws, in a timer: it would end the process.
  it("by a Unix socket is closed where the answer cannot go on", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-http-"));
    const clock = createManualClock();
    const store = createMemoryLog();
    const valve = createValve();
    const site = await startNodeSite({ clock, store, answer: valve.answer });
    const server = createServer((req, res) => void site.sluice.handleNode(req, res));
    server.listen(join(folder, "socket"));
    await once(server, "listening");
    const client = open(join(folder, "socket"));
    client.socket.write(post("/stream", QUESTION, "1.0"));
    await until(() => client.text.includes("event: typing"));
    await store[Symbol.asyncDispose]();
    await until(() => site.lines.length > 0);
    await clock.advance(50);
    await until(() => client.closed);
    expect(client.text).not.toContain("event: done");
    server.close();
    await site.close();
    rmSync(folder, { recursive: true });
  });
});

describe("a connection of HTTP/2", () => {
  let site: NodeSite;
  let session: ClientHttp2Session;
  let closeServer: () => void;

  async function start(valve: Valve): Promise<void> {
    site = await startNodeSite({ answer: valve.answer });
    const server = createHttp2Server((req, res) => void site.sluice.handleNode(req, res));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closeServer = () => server.close();
    session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    session.on("error", () => {});
  }
  afterEach(async () => {
    session.destroy();
    closeServer();
    await site.close();
  });

  function stream(): ReturnType<ClientHttp2Session["request"]> {
    const request = session.request({ ":method": "POST", ":path": "/stream", "content-type": "application/json" });
    request.on("error", () => {});
    request.end(QUESTION);
    return request;
  }

  it("is left by the stream, by the session, in silence and while it takes nothing, with one log line each", async () => {
    const valve = createValve();
    await start(valve);
    const silent = stream();
    await once(silent, "response");
    silent.close(8);
    await until(() => site.lines.length === 1);
    valve.push({ type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta: "x".repeat(5_000_000) });
    const stalled = stream();
    await once(stalled, "response");
    await until(() => stalled.readableLength > 0);
    stalled.close(8);
    await until(() => site.lines.length === 2);
    const other = stream();
    await once(other, "response");
    session.destroy();
    await until(() => site.lines.length === 3);
    expect(site.lines.map(({ fields }) => fields["code"])).toEqual(["reader-left", "reader-left", "reader-left"]);
    valve.end();
  });

  it("carries an answer larger than its windows, to the end", async () => {
    const valve = createValve();
    await start(valve);
    valve.push({ type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta: "é".repeat(1_000_000) });
    valve.end();
    const request = stream();
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    await once(request, "end");
    expect(text.split("é").length).toBe(2_000_001); // as chunk, and in the message
    expect([text.endsWith("\n\n"), text.includes("event: done"), request.rstCode]).toEqual([true, true, 0]);
    expect(site.lines).toEqual([]);
  });
});

describe("a framework before the handler", () => {
  type Middleware = (req: IncomingMessage, res: ServerResponse) => void;

  async function askThrough(middleware: Middleware, body: string): Promise<Response> {
    const site = await startNodeSite();
    const server = createServer((req, res) => {
      middleware(req, res);
      void site.sluice.handleNode(req, res);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/stream`;
    const response = await fetch(url, { ...ask("Hello"), body });
    const text = await response.text();
    server.close();
    await site.close();
    return new Response(text, response);
  }

  it("may leave an empty object for a body that it has not read, as Express 4 does", async () => {
    const response = await askThrough((req) => Object.assign(req, { body: {} }), QUESTION);
    expect([response.status, (await response.text()).includes("event: done")]).toEqual([200, true]);
  });

  it("may have answered already", async () => {
    const response = await askThrough((_req, res) => res.writeHead(503).end("too slow"), QUESTION);
    expect([response.status, await response.text()]).toEqual([503, "too slow"]);
  });

  it("may wrap write and end, as compression does", async () => {
    const response = await askThrough((_req, res) => {
      const { write, end } = res;
      const pieces: Buffer[] = [];
      res.write = (chunk: Uint8Array | string) => {
        pieces.push(Buffer.from(chunk as string));
        return false; // and tells of room later
      };
      const timer = setInterval(() => res.emit("drain"), 1);
      // No callback, and nothing but a chunk: what some packages take.
      res.end = (chunk?: unknown) => {
        clearInterval(timer);
        if (typeof chunk === "string") pieces.push(Buffer.from(chunk));
        write.call(res, Buffer.concat(pieces), "utf8");
        return end.call(res, undefined, "utf8");
      };
    }, QUESTION);
    expect([response.status, (await response.text()).includes("event: done")]).toEqual([200, true]);
  });

  for (const [what, given] of Object.entries({
    "as text": QUESTION,
    "as bytes": Buffer.from(QUESTION),
    parsed: JSON.parse(QUESTION) as unknown,
  })) {
    it(`may have read the body ${what}`, async () => {
      const response = await askThrough((req) => Object.assign(req, { body: given }), "not what counts");
      expect([response.status, (await response.text()).includes("event: done")]).toEqual([200, true]);
    });
  }
});
