import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { connect, type AddressInfo, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { Dialect } from "../../../src/dialects/index.ts";
import { createManualClock } from "../../../src/testing/manual-clock.ts";
import { createValve, say, startNodeSite, turn, until, type NodeSite, type Valve } from "../support.ts";

const QUESTION = '{"message":{"content":"Hello"}}';
const post = (path = "/stream", more = "", version = "1.1"): string =>
  `POST ${path} HTTP/${version}\r\nHost: x\r\nContent-Type: application/json\r\n${more}Content-Length: ${QUESTION.length}\r\n\r\n${QUESTION}`;

let site: NodeSite;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await site.close();
});

interface Client {
  readonly socket: Socket;
  readonly bytes: Buffer[];
  text(): string;
}

function client(port: number): Client {
  const socket = connect(port, "127.0.0.1");
  const bytes: Buffer[] = [];
  sockets.push(socket);
  socket.on("error", () => {});
  socket.on("data", (chunk) => bytes.push(chunk));
  return { socket, bytes, text: () => Buffer.concat(bytes).toString() };
}

interface Parsed {
  readonly body: Buffer;
  /** Sizes of the chunks, the last of them 0; undefined where the answer has none. */
  readonly chunks: readonly number[] | undefined;
}

/** Answers of HTTP/1.1 as they follow each other on a connection. Throws at anything that is not to be there. */
function answersIn(bytes: Buffer): readonly Parsed[] {
  const answers: Parsed[] = [];
  for (let at = 0; at < bytes.length;) {
    const head = bytes.indexOf("\r\n\r\n", at);
    const fields = bytes.subarray(at, head).toString();
    if (!fields.startsWith("HTTP/1.1 200 OK\r\n")) throw new Error(`No head: ${fields.slice(0, 80)}`);
    at = head + 4;
    const length = /content-length: (\d+)/i.exec(fields)?.[1];
    if (length !== undefined) {
      answers.push({ body: bytes.subarray(at, at + Number(length)), chunks: undefined });
      at += Number(length);
      continue;
    }
    if (!/transfer-encoding: chunked/i.test(fields)) throw new Error("Neither a length nor chunks.");
    const [parts, chunks]: [Buffer[], number[]] = [[], []];
    for (let size = -1; size !== 0;) {
      const line = bytes.indexOf("\r\n", at);
      const hex = bytes.subarray(at, line).toString();
      if (!/^[0-9a-f]+$/i.test(hex)) throw new Error(`No size of a chunk: ${hex.slice(0, 80)}`);
      size = Number.parseInt(hex, 16);
      parts.push(bytes.subarray(line + 2, line + 2 + size));
      chunks.push(size);
      at = line + 2 + size;
      if (bytes.subarray(at, at + 2).toString() !== "\r\n") throw new Error("A chunk does not end where it should.");
      at += 2;
    }
    answers.push({ body: Buffer.concat(parts), chunks });
  }
  return answers;
}

/** The frames of an answer, without what names it. */
function framesOf(body: Buffer): string {
  return body.toString().replace(/(run|msg)_[0-9a-f]{32}/g, "$1");
}

const WORDS = ["Hello, ", "wörld ", "漢字 ", "😀"];

/** An answer in several steps, with characters of every length. */
function pour(valve: Valve): void {
  valve.push(...WORDS.flatMap((word) => say(word)), ...say("ab").slice(0, 3));
  valve.push({ type: "text-delta", id: "t", delta: "漢".repeat(20_000) }, { type: "text-end", id: "t" });
  valve.end();
}

describe("an answer in chunks that are framed by hand", () => {
  let expected: string;
  async function open(): Promise<void> {
    const valve = createValve();
    pour(valve);
    // What is joined depends on who reads when.
    site = await startNodeSite({ answer: valve.answer, mergeBehind: Infinity });
    const response = await site.fetch("/stream", {
      method: "POST",
      headers: { "content-type": "text/plain" },
      body: QUESTION,
    });
    expected = framesOf(Buffer.from(await response.arrayBuffer()));
    expect(expected).toContain("event: done");
  }

  it("is the same bytes, and ends as it should, on a connection that is used again and again", async () => {
    await open();
    const one = client(site.port);
    for (let count = 1; count <= 20; count += 1) {
      one.socket.write(post());
      await until(() => one.text().split("event: done").length === count + 1 && one.text().endsWith("\r\n0\r\n\r\n"));
    }
    one.socket.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    await until(() => one.text().includes('"status"'));
    const answers = answersIn(Buffer.concat(one.bytes));
    expect(answers).toHaveLength(21);
    for (const { body } of answers.slice(0, 20)) expect(framesOf(body) === expected).toBe(true);
    expect(site.lines).toEqual([]);
  });

  it("is the same bytes where requests do not wait for answers", async () => {
    await open();
    const one = client(site.port);
    one.socket.write(post().repeat(3) + "GET /health HTTP/1.1\r\nHost: x\r\n\r\n" + post());
    await until(() => one.text().split("event: done").length === 5 && one.text().endsWith("\r\n0\r\n\r\n"));
    const answers = answersIn(Buffer.concat(one.bytes));
    expect(answers.map(({ chunks }) => chunks !== undefined)).toEqual([true, true, true, false, true]);
    for (const { body, chunks } of answers) if (chunks) expect(framesOf(body) === expected).toBe(true);
  });

  it("is the same bytes without chunks over HTTP/1.0, and on a connection that closes", async () => {
    await open();
    const [old, closing] = [client(site.port), client(site.port)];
    old.socket.write(post("/stream", "", "1.0"));
    closing.socket.write(post("/stream", "Connection: close\r\n"));
    await Promise.all([once(old.socket, "close"), once(closing.socket, "close")]);
    const bytes = Buffer.concat(old.bytes);
    expect(framesOf(bytes.subarray(bytes.indexOf("\r\n\r\n") + 4)) === expected).toBe(true);
    expect(framesOf(answersIn(Buffer.concat(closing.bytes))[0]!.body) === expected).toBe(true);
  });

  it("is the same bytes over HTTP/2", async () => {
    await open();
    const server = createHttp2Server((req, res) => void site.sluice.handleNode(req, res));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const asked = Array.from({ length: 5 }, async () => {
      const request = session.request({ ":method": "POST", ":path": "/stream", "content-type": "application/json" });
      request.end(QUESTION);
      const bytes: Buffer[] = [];
      request.on("data", (chunk: Buffer) => bytes.push(chunk));
      await once(request, "end");
      expect(request.rstCode).toBe(0);
      return framesOf(Buffer.concat(bytes));
    });
    for (const frames of await Promise.all(asked)) expect(frames === expected).toBe(true);
    session.close();
    server.close();
  });

  it.each(["write", "end", "both"] as const)("goes through a response whose %s is wrapped", async (which) => {
    await open();
    let through = 0;
    const wrap = (_req: IncomingMessage, res: ServerResponse): void => {
      const { write, end } = res;
      if (which !== "end") {
        res.write = ((chunk: Uint8Array) => {
          through += chunk.length;
          return write.call(res, chunk, "utf8");
        }) as typeof res.write;
      }
      if (which !== "write") {
        res.end = (() => {
          through += 1;
          return end.call(res, undefined, "utf8");
        }) as typeof res.end;
      }
    };
    const server = createServer((req, res) => {
      wrap(req, res);
      void site.sluice.handleNode(req, res);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const one = client((server.address() as AddressInfo).port);
    one.socket.write(post());
    await until(() => one.text().endsWith("\r\n0\r\n\r\n"));
    const [{ body } = { body: Buffer.alloc(0) }] = answersIn(Buffer.concat(one.bytes));
    expect(framesOf(body) === expected).toBe(true);
    expect(through).toBeGreaterThanOrEqual(which === "end" ? 1 : body.length);
    one.socket.destroy();
    server.close();
  });

  it("leaves no listener on a connection after 20 streams", async () => {
    await open();
    const connection = once(site.server, "connection");
    const one = client(site.port);
    const [peer] = (await connection) as [Socket];
    const listeners = (): Record<string, number> =>
      Object.fromEntries(["drain", "close", "error", "finish", "end"].map((name) => [name, peer.listenerCount(name)]));
    const answered = async (count: number): Promise<void> => {
      one.socket.write(post());
      await until(() => one.text().split("event: done").length === count + 1 && one.text().endsWith("\r\n0\r\n\r\n"));
      await turn();
    };
    await answered(1);
    const before = listeners();
    for (let count = 2; count <= 21; count += 1) await answered(count);
    expect(listeners()).toEqual(before);
  });
});

describe("a reader who takes nothing of what was written", () => {
  const BIG = 8 << 20;

  async function stalled(): Promise<{
    valve: Valve;
    clock: ReturnType<typeof createManualClock>;
    one: Client;
    peer: Socket;
    runId: string;
  }> {
    const valve = createValve();
    const clock = createManualClock();
    site = await startNodeSite({ answer: valve.answer, clock, stallMs: 30_000 });
    const run = await site.sluice.startRun({ owner: "alice" }, valve.answer({ messages: [] }, { owner: "alice" }));
    valve.push({ type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta: "x".repeat(BIG) });
    const connection = once(site.server, "connection");
    const one = client(site.port);
    one.socket.pause();
    one.socket.write(`GET /runs/${run.id}/events HTTP/1.1\r\nHost: x\r\n\r\n`);
    const [peer] = (await connection) as [Socket];
    await until(() => peer.writableNeedDrain);
    for (let left = 20; left > 0; left -= 1) await turn();
    return { valve, clock, one, peer, runId: run.id };
  }

  it("is broken off after stallMs, with one log line, and the run goes on", async () => {
    const { valve, clock, peer, runId } = await stalled();
    await clock.advance(29_000);
    expect([site.lines, peer.destroyed]).toEqual([[], false]);
    await clock.advance(2_000);
    expect(site.lines).toMatchObject([
      { message: "reader interrupted", fields: { code: "reader/stalled", run: runId } },
    ]);
    await clock.advance(5_000);
    await until(() => peer.destroyed);
    const other = site.fetch(`/runs/${runId}/events`);
    valve.push({ type: "text-delta", id: "t", delta: "and on" });
    valve.end();
    const text = await (await other).text();
    expect([text.includes('{"content":"and on"}'), text.includes("event: done")]).toEqual([true, true]);
    expect(site.lines).toHaveLength(1);
    await clock.advance(2_000);
    expect(clock.timers).toBe(0);
  });

  it("is not broken off when it takes a little now and then, and gets everything", async () => {
    const { valve, clock, one, peer } = await stalled();
    valve.end();
    while (!one.text().endsWith("\r\n0\r\n\r\n")) {
      await clock.advance(20_000);
      expect(peer.destroyed).toBe(false);
      // It takes what is there until the server has room again.
      const before = peer.bytesWritten;
      one.socket.resume();
      await until(() => peer.bytesWritten > before || one.text().endsWith("\r\n0\r\n\r\n"));
      one.socket.pause();
    }
    expect(framesOf(answersIn(Buffer.concat(one.bytes))[0]!.body)).toContain("event: done");
    expect(site.lines).toEqual([]);
  });

  it("is broken off also when its connection has room and all that it lacks is the end", async () => {
    const valve = createValve();
    const clock = createManualClock();
    site = await startNodeSite({ answer: valve.answer, clock, stallMs: 30_000 });
    const connection = once(site.server, "connection");
    const one = client(site.port);
    one.socket.pause();
    one.socket.write(post("/stream?dialect=ai-sdk"));
    const [peer] = (await connection) as [Socket];
    await until(() => valve.calls === 1);
    valve.push({ type: "text-start", id: "t" });
    while (peer.writableLength === 0) {
      valve.push({ type: "text-delta", id: "t", delta: "x".repeat(15_000) });
      for (let left = 10; left > 0; left -= 1) await turn();
    }
    expect(peer.writableNeedDrain).toBe(false);
    valve.end();
    for (let left = 10; left > 0; left -= 1) await turn();
    await clock.advance(31_000);
    expect(site.lines).toMatchObject([{ fields: { code: "reader/stalled" } }]);
    await clock.advance(5_000);
    await until(() => peer.destroyed);
  });

  it("waits as long as it likes behind another answer on its connection", async () => {
    const valve = createValve();
    const clock = createManualClock();
    site = await startNodeSite({ answer: valve.answer, clock, stallMs: 30_000 });
    const run = await site.sluice.startRun({ owner: "alice" }, async function* () {
      yield "x".repeat(200_000);
    });
    await site.sluice.runs.ended(run.id);
    const one = client(site.port);
    one.socket.write(`${post()}GET /runs/${run.id}/events HTTP/1.1\r\nHost: x\r\n\r\n`);
    await until(() => one.text().includes("event: typing"));
    for (let left = 20; left > 0; left -= 1) await turn();
    await clock.advance(100_000);
    valve.push(...say("a"));
    valve.end();
    await until(() => one.text().split("event: done").length === 3 || one.socket.destroyed);
    expect([one.socket.destroyed, site.lines]).toEqual([false, []]);
  });
});

describe("a response that throws", () => {
  it("breaks off its own stream, and neither others nor the process", async () => {
    const valve = createValve();
    site = await startNodeSite({ answer: valve.answer });
    const run = await site.sluice.startRun({ owner: "alice" }, valve.answer({ messages: [] }, { owner: "alice" }));
    let boom = false;
    const server = createServer((req, res) => {
      const { write } = res;
      res.write = ((chunk: Uint8Array) => {
        if (boom) throw new Error("boom");
        return write.call(res, chunk, "utf8");
      }) as typeof res.write;
      void site.sluice.handleNode(req, res);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const bad = client((server.address() as AddressInfo).port);
    bad.socket.write(`GET /runs/${run.id}/events HTTP/1.1\r\nHost: x\r\n\r\n`);
    await until(() => bad.text().includes("event: typing"));
    const good = client(site.port);
    good.socket.write(`GET /runs/${run.id}/events HTTP/1.1\r\nHost: x\r\n\r\n`);
    await until(() => good.text().includes("event: typing"));
    boom = true;
    valve.push(...say("a"));
    await until(() => bad.socket.destroyed && good.text().includes('"a"'));
    valve.end();
    await until(() => good.text().includes("event: done"));
    expect(bad.text()).not.toContain("\r\n0\r\n\r\n");
    expect(site.lines).toHaveLength(1);
    server.close();
  });
});

describe("a dialect that throws when it is opened", () => {
  it.each(["alone", "open"] as const)("by %s breaks off the answer, which is one log line", async (which) => {
    const boom = (): never => {
      throw new Error("boom");
    };
    const words = (): readonly [] => [];
    const dialect: Dialect =
      which === "alone"
        ? { name: "boom", headers: {}, resumes: true, alone: boom, open: () => words }
        : { name: "boom", headers: {}, resumes: true, open: boom };
    const valve = createValve();
    site = await startNodeSite({ answer: valve.answer, dialects: [dialect] });
    const one = client(site.port);
    one.socket.write(post("/stream?dialect=boom"));
    await once(one.socket, "close");
    expect([one.text().includes("retry:"), one.text().includes("\r\n0\r\n")]).toEqual([true, false]);
    expect(site.lines).toMatchObject([{ message: "reader interrupted" }]);
    const web = await site.sluice.handle(
      new Request("http://site.test/stream?dialect=boom", { method: "POST", body: QUESTION }),
    );
    await expect(web.text()).rejects.toThrow("boom");
    expect(site.lines).toHaveLength(2);
    valve.end();
  });
});
