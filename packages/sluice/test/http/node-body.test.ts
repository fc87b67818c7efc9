import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { ChatEvent } from "../../src/chat/index.ts";
import { createSluice, toNodeHandler } from "../../src/http/index.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { hold, until } from "./support.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A connection, seen from both ends. */
async function open(handle: (req: IncomingMessage, res: ServerResponse) => void) {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const connection = once(server, "connection");
  const socket = connect(port, "127.0.0.1");
  const seen = { text: "", closed: false };
  socket.on("error", () => {});
  socket.on("close", () => (seen.closed = true));
  socket.on("data", (chunk: Buffer) => (seen.text += chunk.toString("latin1")));
  const [peer] = (await connection) as [Socket];
  closing.push(() => (socket.destroy(), server.close()));
  const ask = (path: string): void => void socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  return { ask, peer, seen, socket, url: `http://127.0.0.1:${port}` };
}

function createBody() {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = {
    cancelled: false,
    push: (text: string): void => controller.enqueue(new TextEncoder().encode(text)),
    close: (): void => controller.close(),
    stream: new ReadableStream<Uint8Array>({
      start: (given) => void (controller = given),
      cancel: () => void (body.cancelled = true),
    }),
  };
  return body;
}

describe("the body of a web handler", () => {
  // What a body gave was written to a response that somebody else had ended: Node emits that as an error of the response.
  // Nobody listens to it, so a middleware that limits time took the process down with all its answers.
  it("is let go of when somebody else has ended the answer, before that was sent", async () => {
    const body = createBody();
    const errors: unknown[] = [];
    let response: ServerResponse | undefined;
    const handle = toNodeHandler(() => new Response(body.stream));
    const { ask, peer, seen } = await open((req, res) => {
      response = res.on("error", (error) => errors.push(error));
      handle(req, res);
    });
    ask("/");
    body.push("one");
    await until(() => seen.text.includes("one"));
    const letGo = hold(peer);
    response!.end();
    body.push("two");
    await until(() => body.cancelled || errors.length > 0);
    letGo();
    await until(() => seen.text.endsWith("0\r\n\r\n"));
    expect([errors, seen.text.includes("two"), seen.closed]).toEqual([[], false, false]);
  });

  // Only a full connection within the body was looked at: what was left in it at the end had no deadline.
  // A client that took nothing of it kept its connection, and the bytes, for ever.
  it("is broken off also when its end is not taken for 60 s", async () => {
    const body = createBody();
    const clock = createManualClock();
    const { ask, peer, seen } = await open(toNodeHandler(() => new Response(body.stream), { clock }));
    ask("/");
    body.push("one");
    await until(() => seen.text.includes("one"));
    hold(peer);
    body.close();
    await until(() => clock.timers > 0);
    await clock.advance(59_999);
    expect(peer.destroyed).toBe(false);
    await clock.advance(1 + 5_000);
    expect([peer.destroyed, seen.text.endsWith("0\r\n\r\n"), clock.timers]).toEqual([true, false, 0]);
  });

  // Behind another answer nothing can be taken, and after 60 s the connection was broken off, with the answer before.
  it("is not broken off while it waits behind another answer of its connection", async () => {
    const bodies = [createBody(), createBody()];
    const [first, second] = bodies;
    const clock = createManualClock();
    const streams = bodies.map(({ stream }) => stream);
    const { ask, peer, seen, socket } = await open(
      toNodeHandler(() => new Response(streams.shift() ?? null), { clock }),
    );
    ask("/1");
    ask("/2");
    second?.push("x".repeat(100_000));
    await until(() => clock.timers > 0);
    await clock.advance(200_000);
    expect([peer.destroyed, second?.cancelled]).toEqual([false, false]);
    first?.close();
    await until(() => seen.text.length > 100_000);
    socket.destroy();
    await until(() => second?.cancelled === true && clock.timers === 0);
  });
});

describe("an answer as JSON that is large", () => {
  // It was written at once, and nobody looked whether it was taken: a client that took nothing of it kept its connection,
  // and all of the answer in memory, for ever. Streams had `stallMs`, GET /runs/<id> of a long answer had nothing.
  it("is broken off when nothing of it is taken for stallMs, and not as long as some is", async () => {
    const clock = createManualClock();
    const delta = "wörd ".repeat(100_000);
    async function* answer(): AsyncGenerator<ChatEvent> {
      yield { type: "text-start", id: "t" };
      yield { type: "text-delta", id: "t", delta };
      yield { type: "text-end", id: "t" };
    }
    const sluice = createSluice({ authorize: () => "alice", clock, stallMs: 10_000 });
    const { id } = await sluice.startRun({ owner: "alice" }, answer);
    await sluice.runs.ended(id);
    const { ask, peer, seen, url } = await open((req, res) => void sluice.handleNode(req, res));
    expect(await (await fetch(`${url}/runs/${id}`)).text()).toContain(delta);
    let letGo = hold(peer);
    ask(`/runs/${id}`);
    await until(() => peer.writableLength > 0);
    for (let slices = 1; slices <= 3; slices += 1) {
      await clock.advance(9_000);
      letGo();
      letGo = hold(peer);
      await until(() => seen.text.length > slices * 65_536 && peer.writableLength > 0);
    }
    await clock.advance(9_999);
    expect([peer.destroyed, peer.writableLength < 2 * 65_536]).toEqual([false, true]);
    await clock.advance(1 + 5_000);
    expect([peer.destroyed, seen.text.length < delta.length]).toEqual([true, true]);
  });
});
