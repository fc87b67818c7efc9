import { get } from "node:http";
import { createGzip } from "node:zlib";
import compression from "compression";
import express, { type RequestHandler } from "express";
import { describe, expect, it } from "vitest";
import { AgentFactory, AgentNetwork, ExpressEndpoint } from "../../src/agents/index.ts";
import { createGate, listen, networkOf, Question, Reply, turns, until } from "./support.ts";

const PATH = `/api/chat?payload=${encodeURIComponent('{"query":"Hi"}')}`;

/**
 * Wraps a response as the middleware `compression` does, which keeps what it compresses until `flush` is called. That one
 * leaves answers with `no-transform` alone, ours too; others do not.
 */
const compressing: RequestHandler = (_req, res, next) => {
  const [write, end] = [res.write.bind(res), res.end.bind(res)];
  const gzip = createGzip();
  const begin = (): void => {
    if (!res.headersSent) res.setHeader("Content-Encoding", "gzip");
  };
  gzip.on("data", (chunk: Buffer) => {
    if (!write(chunk as never)) gzip.pause();
  });
  gzip.on("end", () => end());
  res.on("drain", () => gzip.resume());
  gzip.on("drain", () => res.emit("drain"));
  res.write = ((chunk: Uint8Array) => {
    begin();
    return gzip.write(chunk);
  }) as typeof res.write;
  res.end = ((chunk?: Uint8Array) => {
    begin();
    gzip.end(chunk);
    return res;
  }) as typeof res.end;
  Object.assign(res, { flush: () => gzip.flush() });
  next();
};

describe("an Express endpoint", () => {
  it.each([
    ["that compresses", compressing, "gzip"],
    ["compression, which heeds no-transform,", compression({ threshold: 0 }), null],
  ])("behind a middleware %s sends each event when it is there", async (_name, middleware, encoding) => {
    const gate = createGate();
    const agent = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply])
      .logic(async ({ emit }) => {
        await emit(Reply.make({ text: "Hello" }));
        await gate.opened;
      })
      .produce();
    const app = express();
    app.use(middleware);
    app.get("/api/chat", ExpressEndpoint.from(networkOf(agent).expose({ protocol: "sse" })).handler() as never);
    const { url, close } = await listen(app as never);
    const response = await fetch(url + PATH);
    expect(response.headers.get("content-encoding")).toBe(encoding);
    let text = "";
    for await (const chunk of (response.body as ReadableStream<Uint8Array>).pipeThrough(
      new TextDecoderStream() as never,
    )) {
      text += chunk as unknown as string;
      if (text.includes("Hello")) gate.open(); // it came while the run went on
    }
    expect(text).toContain("event: done");
    await close();
  });

  it("with waitForReader slows its agent to the pace of a slow client, and without does not", async () => {
    const of = async (waitForReader: boolean): Promise<{ readonly ahead: number; readonly all: number }> => {
      const EVENTS = 400;
      let emitted = 0;
      const agent = AgentFactory.run()
        .listensTo([Question])
        .emits([Reply])
        .logic(async ({ emit }) => {
          for (; emitted < EVENTS; emitted += 1) await emit(Reply.make({ text: "x".repeat(65_536) }));
        })
        .produce();
      const network = AgentNetwork.setup(({ mainChannel, createChannel, sink, registerAgent }) => {
        const client = createChannel("client").sink(sink.httpStream({ waitForReader }));
        registerAgent(agent).subscribe(mainChannel).publishTo(client);
      });
      const app = express();
      app.get("/api/chat", ExpressEndpoint.from(network.expose({ protocol: "sse" })).handler() as never);
      const { url, close } = await listen(app as never);
      const response = await new Promise<import("node:http").IncomingMessage>((resolve) => get(url + PATH, resolve));
      response.pause();
      let before = -1;
      while (before < emitted) {
        before = emitted;
        await turns(300);
      }
      const ahead = emitted;
      response.resume();
      response.on("data", () => {});
      await new Promise((resolve) => response.on("end", resolve));
      await until(() => emitted === EVENTS);
      await close();
      return { ahead, all: emitted };
    };
    const slowed = await of(true);
    expect(slowed.all).toBe(400);
    expect(slowed.ahead).toBeLessThan(300);
    expect(await of(false)).toEqual({ ahead: 400, all: 400 });
  });
});
