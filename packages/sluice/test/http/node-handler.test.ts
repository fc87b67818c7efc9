import { once } from "node:events";
import { createServer } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { connect, type AddressInfo, type Server } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import express from "express";
import { afterEach, describe, expect, it } from "vitest";
import { SluiceError } from "../../src/base/errors.ts";
import { toNodeHandler, type WebHandler } from "../../src/http/index.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { turn, until } from "./support.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function serve(handler: WebHandler) {
  const lines: Record<string, unknown>[] = [];
  const clock = createManualClock();
  const handle = toNodeHandler(handler, {
    clock,
    log: (level, message, fields) => lines.push({ level, message, ...fields }),
  });
  const server = createServer(handle);
  closing.push(() => server.closeAllConnections());
  const port = await listen(server);
  return { port, url: `http://127.0.0.1:${port}`, lines, clock, handle };
}

function bodyOf(...pieces: readonly string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  });
}

/** A body that gives 16 KiB whenever it is asked, and knows whether it was cancelled. */
function createWell() {
  const well = { given: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        well.given += 1;
        controller.enqueue(new Uint8Array(16_384));
      },
      cancel() {
        well.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { well, body };
}

describe("a web handler on node:http", () => {
  it("is given method, URL, headers and body, and its status, headers and body are sent", async () => {
    const { url } = await serve(async (request) => {
      const headers = new Headers({ "x-own": "yes" });
      headers.append("set-cookie", "a=1");
      headers.append("set-cookie", "b=2");
      const seen = [request.method, new URL(request.url).pathname, request.headers.get("x-sent"), await request.text()];
      return Response.json(seen, { status: 201, headers });
    });
    const response = await fetch(`${url}/a?b`, { method: "POST", headers: { "x-sent": "ä" }, body: "Grüße" });
    expect([response.status, response.headers.get("x-own")]).toEqual([201, "yes"]);
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(await response.json()).toEqual(["POST", "/a", "ä", "Grüße"]);
  });

  it("answers HEAD without the body, which is let go of, and what has none", async () => {
    const { well, body } = createWell();
    const { url } = await serve((request) => new Response(request.method === "HEAD" ? body : null, { status: 202 }));
    expect((await fetch(url, { method: "HEAD" })).status).toBe(202);
    expect(well).toEqual({ given: 0, cancelled: true });
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([202, ""]);
  });

  it("sends the head before the body has said anything, then each piece at once", async () => {
    let controller!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
    const { url } = await serve(() => new Response(body));
    const response = await fetch(url);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (const piece of ["one", "two"]) {
      controller.enqueue(new TextEncoder().encode(piece));
      expect((await reader?.read())?.value).toBe(piece);
    }
    controller.close();
    expect((await reader?.read())?.done).toBe(true);
  });

  it("answers while the request's body is read in part only, and not there yet", async () => {
    const { port } = await serve(async (request) => {
      const reader = request.body?.getReader();
      const first = await reader?.read();
      await reader?.cancel();
      return new Response(`enough: ${first?.value?.byteLength}`);
    });
    const socket = connect(port, "127.0.0.1");
    closing.push(() => socket.destroy());
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfive!");
    await expect.poll(() => text).toMatch(/^HTTP\/1\.1 200 .*enough: 5\r\n0\r\n\r\n$/s);
    expect(socket.destroyed).toBe(false);
  });

  it("takes what a parser of Express has read already, and keeps what others have set", async () => {
    const { handle } = await serve(async (request) =>
      Response.json(await request.json(), { headers: { vary: "Accept-Encoding" } }),
    );
    const app = express();
    app.use(express.json(), (_, res, next) => {
      res.set("vary", "Origin");
      next();
    });
    app.use("/api", handle);
    const port = await listen(createServer(app));
    const response = await fetch(`http://127.0.0.1:${port}/api/x`, {
      method: "POST",
      headers: { "content-type": "application/json", connection: "close" },
      body: '{"a":1}',
    });
    expect([await response.json(), response.headers.get("vary")]).toEqual([{ a: 1 }, "Origin, Accept-Encoding"]);
  });

  it("tells a middleware that compresses to let go of each piece", async () => {
    let flushes = 0;
    const { handle } = await serve(() => new Response(bodyOf("a", "b")));
    const app = express();
    app.use((_, res, next) => {
      Object.assign(res, { flush: () => (flushes += 1) });
      next();
    });
    app.use(handle);
    const port = await listen(createServer(app));
    const response = await fetch(`http://127.0.0.1:${port}`, { headers: { connection: "close" } });
    expect([await response.text(), flushes]).toEqual(["ab", 2]);
  });

  it("answers what the handler throws, tells strangers nothing of it", async () => {
    const errors = [new Error("/etc/secret"), new SluiceError("request/rate-limited", "Slowly.")];
    const { url, lines } = await serve(() => {
      throw errors.shift();
    });
    const [foreign, own] = [await fetch(url), await fetch(url)];
    expect([foreign.status, own.status, own.headers.get("retry-after")]).toEqual([500, 429, "2"]);
    expect(await foreign.text()).not.toContain("secret");
    expect(lines).toMatchObject([{ code: "PROCESSING_ERROR" }, { code: "request/rate-limited" }]);
  });

  // What the logger threw was a rejection that nobody handled: an application that logs errors as JSON, and met one that
  // has none (a ring, a BigInt), went down with all its answers, and the caller was never told.
  it("answers although the logger throws", async () => {
    const handle = toNodeHandler(() => Promise.reject(new Error("no answer")), {
      log: () => {
        throw new Error("no line");
      },
    });
    const port = await listen(createServer(handle));
    const response = await fetch(`http://127.0.0.1:${port}`, { headers: { connection: "close" } });
    expect([response.status, await response.json()]).toMatchObject([500, { error: { code: "PROCESSING_ERROR" } }]);
  });

  // There is no Request with TRACE, and that was a fault of the server's: 500, and a line of level error.
  // Whoever looks for holes in servers asks with it, and woke operators.
  it("answers 405 to a method that no web handler can be asked with", async () => {
    const { port, lines } = await serve(() => new Response("never"));
    const socket = connect(port, "127.0.0.1");
    closing.push(() => socket.destroy());
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.write("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n");
    await until(() => text.includes("}}"));
    expect(text).toMatch(/^HTTP\/1\.1 405 .*\r\nallow: GET, HEAD, POST, /s);
    expect(lines).toMatchObject([{ level: "info", code: "request/method-not-allowed", method: "TRACE" }]);
  });

  // What belongs to a connection was set on HTTP/2, which refuses it: the answer was broken off after nothing.
  // A handler that passed on what it had fetched elsewhere worked over HTTP/1.1, and never for browsers over TLS.
  it("passes on an answer of HTTP/1.1 over HTTP/2", async () => {
    const headers = {
      "transfer-encoding": "chunked",
      "keep-alive": "timeout=5",
      connection: "keep-alive",
      "x-own": "yes",
    };
    const port = await listen(createHttp2Server(toNodeHandler(() => new Response("fetched", { headers }))));
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    closing.push(() => session.destroy());
    const stream = session.request({ ":path": "/" });
    const [seen] = await once(stream, "response");
    expect(seen).toMatchObject({ ":status": 200, "x-own": "yes" });
    let text = "";
    for await (const chunk of stream) text += String(chunk);
    expect(text).toBe("fetched");
  });

  it("answers 500 for headers that cannot be sent and a body that was read, and lets go of the body", async () => {
    const { well, body } = createWell();
    const read = new Response("read");
    await read.text();
    const responses = [new Response(body, { headers: { "x-own": "\u0001".padStart(2) } }), read];
    const { url } = await serve(() => responses.shift() ?? Response.error());
    expect((await fetch(url)).status).toBe(500);
    expect(well).toEqual({ given: 0, cancelled: true });
    expect((await fetch(url)).status).toBe(500);
  });
});

describe("a client of a web handler that is slow, or leaves", () => {
  it("holds up the body, and is broken off when it takes nothing for 60 s", async () => {
    const { well, body } = createWell();
    const { port, clock } = await serve(() => new Response(body));
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.pause();
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await expect.poll(() => clock.timers).toBe(1);
    const given = well.given;
    await new Promise((resolve) => setImmediate(resolve));
    expect(well.given).toBe(given);
    await clock.advance(59_999);
    expect(well.cancelled).toBe(false);
    await clock.advance(1);
    expect(well.cancelled).toBe(true);
    await clock.advance(5_000); // for what was written before
    socket.destroy();
  });

  // Node 20 collects a Request that nobody holds, and the signal that was taken from it never fires then.
  // A handler that listened for its client to leave, and kept nothing else, was never told.
  it("cancels the body and fires the request's signal, also when the handler keeps nothing but that", async () => {
    const { well, body } = createWell();
    let signal: AbortSignal | undefined;
    const { url, lines } = await serve((request) => {
      signal = request.signal;
      return new Response(body);
    });
    const response = await fetch(url);
    const reader = response.body?.getReader();
    await reader?.read();
    expect(signal?.aborted).toBe(false);
    for (let time = 0; time < 3; time += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      collectGarbage();
    }
    await reader?.cancel();
    await expect.poll(() => [well.cancelled, signal?.aborted]).toEqual([true, true]);
    expect(lines).toEqual([]);
  });

  it("is not answered when it has left before there was an answer", async () => {
    const { well, body } = createWell();
    const { port } = await serve(async ({ signal }) => {
      await once(signal, "abort");
      return new Response(body);
    });
    const socket = connect(port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n", () => socket.destroy());
    await expect.poll(() => well).toEqual({ given: 0, cancelled: true });
  });

  // The error of the upload that broke was taken for one of the handler's: a line of level error, with a stack.
  // Operators were woken by each phone that lost its network while it sent a picture.
  it("is no fault when it leaves within its upload", async () => {
    const { port, lines } = await serve(async (request) => new Response(await request.text()));
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfive!", () => socket.destroy());
    await until(() => lines.length > 0);
    await turn();
    expect(lines).toMatchObject([{ level: "info", code: "reader-left", method: "POST", path: "/x" }]);
  });

  it("waits behind another answer of its connection, and is let go of when that ends", async () => {
    const { well, body } = createWell();
    const paths: string[] = [];
    const { port } = await serve((request) => {
      paths.push(new URL(request.url).pathname);
      return paths.length === 1 ? new Response(new ReadableStream()) : new Response(body);
    });
    const socket = connect(port, "127.0.0.1");
    socket.write("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    await expect.poll(() => well.given).toBeGreaterThan(0);
    socket.destroy();
    await expect.poll(() => well.cancelled).toBe(true);
  });
});

// A web body that broke was piped to the socket, which closed as after a whole answer where HTTP has no last chunk.
// Readers behind old proxies, and on HTTP/2, took half an answer for all of it.
describe("a body that breaks", () => {
  const broken = (): ReadableStream<Uint8Array> => {
    const pieces = ["a", "b"];
    return new ReadableStream({
      pull(controller) {
        const piece = pieces.shift();
        if (piece === undefined) controller.error(new Error("broke"));
        else controller.enqueue(new TextEncoder().encode(piece));
      },
    });
  };

  it("is an error for its reader, after what there was, and one log line", async () => {
    const { url, port, lines, clock } = await serve(() => new Response(broken()));
    const response = await fetch(`${url}/x`);
    await expect(response.text()).rejects.toThrow("terminated");
    expect(lines).toMatchObject([{ message: "answer broken off", path: "/x", error: { message: "broke" } }]);
    const socket = connect(port, "127.0.0.1");
    let code: string | undefined;
    let text = "";
    socket.on("error", (error: NodeJS.ErrnoException) => (code = error.code));
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.write("GET / HTTP/1.0\r\n\r\n");
    await expect.poll(() => text).toMatch(/ab$/);
    await expect.poll(() => clock.timers).toBeGreaterThan(0);
    await clock.advance(1_000);
    await expect.poll(() => code).toBe("ECONNRESET");
  });

  it("is a reset on HTTP/2, where a whole one ends", async () => {
    const bodies = [bodyOf("whole"), broken()];
    const server = createHttp2Server(
      toNodeHandler(
        (request) =>
          new Response(bodies.shift() ?? null, {
            headers: { "x-host": request.headers.get("host") ?? "", connection: "keep-alive" },
          }),
      ),
    );
    const port = await listen(server);
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    closing.push(() => session.destroy());
    const ask = async (): Promise<unknown> => {
      const stream = session.request({ ":path": "/" });
      stream.resume();
      const [headers] = await once(stream, "response");
      expect(headers).toMatchObject({ ":status": 200, "x-host": `127.0.0.1:${port}` });
      return once(stream, "end").then(
        () => "end",
        (error: Error) => error.message,
      );
    };
    expect(await ask()).toBe("end");
    expect(await ask()).toContain("INTERNAL_ERROR");
  });
});
