import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startFaultProxy, type Fault, type FaultProxy } from "../../src/testing/fault-proxy.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";

const REPLY = "0123456789".repeat(60);

let server: Server;
let accepted: Socket[];
let proxies: FaultProxy[];

/** Answers whatever it hears with the reply, then ends. */
beforeEach(async () => {
  accepted = [];
  proxies = [];
  server = createServer((socket) => {
    accepted.push(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      if (data.toString() !== "listen") socket.end(REPLY);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
});
afterEach(async () => {
  await Promise.all(proxies.map((proxy) => proxy.close()));
  for (const socket of accepted) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

async function start(fault: Fault = {}, clock = createManualClock()): Promise<FaultProxy> {
  const { port } = server.address() as AddressInfo;
  const proxy = await startFaultProxy({ target: { port }, plan: () => fault, clock });
  proxies.push(proxy);
  return proxy;
}

interface Outcome {
  readonly text: string;
  readonly end: "fin" | "reset";
}

async function ask(proxy: FaultProxy, question = "hi"): Promise<Outcome> {
  const socket = connect({ port: proxy.port, host: "127.0.0.1" });
  let text = "";
  socket.on("data", (data) => {
    text += data.toString();
  });
  const ended = new Promise<"fin" | "reset">((resolve) => {
    socket.once("end", () => resolve("fin"));
    socket.once("error", () => resolve("reset"));
  });
  socket.write(question);
  return { end: await ended, text };
}

describe("the fault proxy", () => {
  it("passes everything on and counts it without a fault", async () => {
    const proxy = await start();
    expect(await ask(proxy)).toMatchObject({ text: REPLY, end: "fin" });
    expect(proxy.connections).toBe(1);
    expect(proxy.bytes).toEqual({ up: 2, down: REPLY.length });
  });

  it.each([0, 1, 123, REPLY.length - 1])("ends cleanly after %i bytes", async (afterBytes) => {
    const proxy = await start({ cut: { afterBytes, by: "fin" } });
    expect(await ask(proxy)).toMatchObject({ text: REPLY.slice(0, afterBytes), end: "fin" });
  });

  it.each([0, 1, 123])("resets after %i bytes", async (afterBytes) => {
    const proxy = await start({ cut: { afterBytes, by: "reset" } });
    const { text, end } = await ask(proxy);
    expect(end).toBe("reset");
    expect(REPLY.slice(0, afterBytes)).toContain(text);
    expect(proxy.bytes.down).toBe(afterBytes);
  });

  it("falls silent after the bytes, and the connection stays open", async () => {
    const proxy = await start({ cut: { afterBytes: 10, by: "silence" } });
    const socket = connect({ port: proxy.port, host: "127.0.0.1" });
    socket.write("hi");
    const [first] = (await once(socket, "data")) as [Buffer];
    expect(first.toString()).toBe(REPLY.slice(0, 10));
    expect([proxy.open, socket.readyState]).toEqual([1, "open"]);
    socket.on("error", () => {});
    const closed = new Promise((resolve) => socket.once("close", resolve));
    proxy.cutAll();
    await closed;
    expect(proxy.bytes.down).toBe(10);
  });

  it("passes a reset of the server on as one", async () => {
    const proxy = await start();
    const answer = ask(proxy, "listen");
    while (accepted.length === 0) await once(server, "connection");
    accepted[0]?.resetAndDestroy();
    expect((await answer).end).toBe("reset");
  });

  it("writes pieces of the planned sizes", async () => {
    const sizes = [1, 2, 3];
    let index = 0;
    const proxy = await start({ pieceSize: () => sizes[index++ % 3] ?? 1 });
    expect((await ask(proxy)).text).toBe(REPLY);
    expect(index).toBe(REPLY.length / 2);
  });

  it("waits before each piece, and once in the middle", async () => {
    const clock = createManualClock();
    const proxy = await start({ delayMs: 10, stall: { afterBytes: 100, ms: 1_000 } }, clock);
    const answer = ask(proxy);
    while (clock.timers === 0) await clock.advance(0);
    expect(proxy.bytes.down).toBe(0);
    await clock.advance(10);
    while (clock.timers === 0) await clock.advance(0);
    expect(proxy.bytes.down).toBe(100);
    await clock.advance(999);
    expect(proxy.bytes.down).toBe(100);
    await clock.advance(1);
    while (clock.timers === 0) await clock.advance(0);
    await clock.advance(10);
    expect(await answer).toMatchObject({ text: REPLY, end: "fin" });
  });

  // A stall after 0 bytes, and a cut or a stall after a fraction (`afterBytes: 5_000 * Math.random()`), never came: whoever
  // tested against them saw a test pass on a network that did not fail.
  it("stalls before the first byte, and rounds fractions up", async () => {
    const clock = createManualClock();
    const proxy = await start({ stall: { afterBytes: 0, ms: 1_000 }, cut: { afterBytes: 99.5, by: "fin" } }, clock);
    const answer = ask(proxy);
    while (clock.timers === 0) await clock.advance(0);
    await clock.advance(999);
    expect(proxy.bytes.down).toBe(0);
    await clock.advance(1);
    expect(await answer).toEqual({ text: REPLY.slice(0, 100), end: "fin" });

    proxy.setPlan(() => ({ stall: { afterBytes: 99.5, ms: 1_000 } }));
    const other = ask(proxy);
    while (clock.timers === 0) await clock.advance(0);
    expect(proxy.bytes.down).toBe(200);
    await clock.advance(1_000);
    expect(await other).toEqual({ text: REPLY, end: "fin" });
  });

  // What waited for its time when the network fell silent came through it.
  it.each([{ delayMs: 1_000 }, { stall: { afterBytes: 0, ms: 1_000 } }])(
    "lets nothing through that was held back when it fell silent: %j",
    async (fault) => {
      const clock = createManualClock();
      const proxy = await start(fault, clock);
      void ask(proxy);
      while (clock.timers === 0) await clock.advance(0);
      proxy.cutAll("silence");
      await clock.advance(1_000);
      // Another connection, all of which came after that.
      proxy.setPlan(() => undefined);
      expect(await ask(proxy)).toEqual({ text: REPLY, end: "fin" });
      expect(proxy.bytes.down).toBe(REPLY.length);
    },
  );

  describe("that buffers", () => {
    it("holds the answer back until it has ended", async () => {
      const proxy = await start({ buffer: {} });
      const answer = ask(proxy, "listen");
      while (accepted.length === 0) await once(server, "connection");
      for (const part of ["one ", "two "]) await new Promise((sent) => accepted[0]?.write(part, sent));
      // What goes through the proxy after those has been there for longer.
      const second = ask(proxy);
      expect((await second).text).toBe(REPLY);
      expect(proxy.bytes.down).toBe(REPLY.length);
      accepted[0]?.end("three");
      expect(await answer).toEqual({ text: "one two three", end: "fin" });
    });

    it("lets go of it when so many bytes have come, or after a time", async () => {
      const clock = createManualClock();
      const proxy = await start({ buffer: { bytes: 100, ms: 1_000 } }, clock);
      const answer = ask(proxy, "listen");
      while (accepted.length === 0) await once(server, "connection");
      accepted[0]?.write("x".repeat(99));
      while (clock.timers === 0) await clock.advance(0);
      await clock.advance(999);
      expect(proxy.bytes.down).toBe(0);
      await clock.advance(1);
      while (proxy.bytes.down === 0) await clock.advance(0);
      expect(proxy.bytes.down).toBe(99);
      accepted[0]?.write("y".repeat(100));
      while (proxy.bytes.down === 99) await clock.advance(0);
      expect([proxy.bytes.down, clock.timers]).toEqual([199, 0]);
      accepted[0]?.write("z");
      while (clock.timers === 0) await clock.advance(0);
      accepted[0]?.end();
      expect((await answer).text).toHaveLength(200);
      expect(clock.timers).toBe(0);
    });

    it("breaks where it is told to, all the same", async () => {
      const proxy = await start({ buffer: {}, cut: { afterBytes: 300, by: "fin" } });
      expect(await ask(proxy)).toEqual({ text: REPLY.slice(0, 300), end: "fin" });
    });
  });

  describe("cuts all that is open", () => {
    /** Two connections that have been told something. */
    async function two(): Promise<{ readonly proxy: FaultProxy; readonly answers: readonly Promise<Outcome>[] }> {
      const proxy = await start();
      const answers = [ask(proxy, "listen"), ask(proxy, "listen")];
      while (accepted.length < 2) await once(server, "connection");
      for (const socket of accepted) await new Promise((sent) => socket.write("before", sent));
      while (proxy.bytes.down < 12) await new Promise((resolve) => setImmediate(resolve));
      return { proxy, answers };
    }

    it.each(["reset", "fin"] as const)("by %s, and the target hears of it", async (by) => {
      const { proxy, answers } = await two();
      const gone = accepted.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
      proxy.cutAll(by);
      expect(await Promise.all(answers)).toEqual([
        { text: "before", end: by },
        { text: "before", end: by },
      ]);
      await Promise.all(gone);
      expect((await ask(proxy)).text).toBe(REPLY);
    });

    it("by silence in both directions, of which neither side hears", async () => {
      const { proxy, answers } = await two();
      const before = { ...proxy.bytes };
      proxy.cutAll("silence");
      for (const socket of accepted) await new Promise((sent) => socket.write("lost", sent));
      accepted[0]?.end();
      expect((await ask(proxy)).text).toBe(REPLY);
      expect(proxy.bytes).toEqual({ up: before.up + 2, down: before.down + REPLY.length });
      expect(proxy.open).toBeGreaterThanOrEqual(2);
      await proxy.close();
      for (const { text } of await Promise.all(answers)) expect(text).toBe("before");
    });
  });

  it("asks the plan for each connection", async () => {
    const proxy = await start();
    proxy.setPlan((connection) => (connection === 1 ? { cut: { afterBytes: 5, by: "fin" } } : undefined));
    const lengths = [];
    for (let connection = 0; connection < 3; connection += 1) lengths.push((await ask(proxy)).text.length);
    expect(lengths).toEqual([REPLY.length, 5, REPLY.length]);
  });

  it("closes what is open, and the target hears of it", async () => {
    const proxy = await start();
    const answer = ask(proxy, "listen");
    while (accepted.length === 0) await once(server, "connection");
    const closed = new Promise((resolve) => accepted[0]?.once("close", resolve));
    await proxy.close();
    await closed;
    expect((await answer).end).toBe("reset");
    expect(proxy.open).toBe(0);
  });

  it("resets the client when the target is not there", async () => {
    const gone = createServer().listen(0, "127.0.0.1");
    await once(gone, "listening");
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const proxy = await startFaultProxy({ target: { port } });
    proxies.push(proxy);
    expect((await ask(proxy)).end).toBe("reset");
  });
});
