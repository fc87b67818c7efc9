import { describe, expect, it, vi } from "vitest";
import type { Logger } from "../../src/base/log.ts";
import { createHub } from "../../src/hub/index.ts";
import { createSSEStream, parseEvents, type ParsedEvent, type SSEMessage } from "../../src/sse/index.ts";
import { coded, turn } from "./support.ts";

type Sending = (message: SSEMessage) => void;

async function drain(stream: ReadableStream<Uint8Array>): Promise<readonly ParsedEvent[]> {
  const events: ParsedEvent[] = [];
  for await (const event of parseEvents(stream)) events.push(event);
  return events;
}

describe("connections that are registered", () => {
  it("are sent what is told to their key, as it was given, before broadcast returns", () => {
    const { registerConnection, broadcast } = createHub();
    const [alice, bob] = [vi.fn<Sending>(), vi.fn<Sending>()];
    registerConnection("user:alice", alice);
    registerConnection("user:bob", bob);
    void broadcast("user:alice", "notification", { message: "New message received" });
    expect(alice.mock.calls).toEqual([
      [{ event: "notification", data: { message: "New message received" }, id: expect.any(String) }],
    ]);
    expect(bob).not.toHaveBeenCalled();
  });

  it("are sent text as text, and nothing as an empty text", async () => {
    const { registerConnection, broadcast } = createHub();
    const { stream, send, close } = createSSEStream();
    registerConnection("k", send);
    void broadcast("k", "note", '{"not":"parsed"}');
    void broadcast("k", "ping");
    close();
    expect((await drain(stream)).map(({ event, data }) => [event, data])).toEqual([
      ["note", '{"not":"parsed"}'],
      ["ping", ""],
    ]);
  });

  it("are counted by key, once however often they are registered", () => {
    const hub = createHub();
    const [one, two] = [vi.fn<Sending>(), vi.fn<Sending>()];
    hub.registerConnection("a", one);
    hub.registerConnection("a", one);
    hub.registerConnection("a", two);
    hub.registerConnection("b", one);
    expect([hub.getConnectionCount("a"), hub.getConnectionCount("b"), hub.getConnectionCount("c")]).toEqual([2, 1, 0]);
    expect(hub.getConnectionKeys()).toEqual(["a", "b"]);
    hub.unregisterConnection("a", one);
    hub.unregisterConnection("a", one);
    hub.unregisterConnection("b", one);
    expect([hub.getConnectionCount("a"), hub.getConnectionKeys()]).toEqual([1, ["a"]]);
  });

  it("hear nothing after they were unregistered, also by one before them", () => {
    const hub = createHub();
    const second = vi.fn<Sending>();
    hub.registerConnection("k", () => hub.unregisterConnection("k", second));
    hub.registerConnection("k", second);
    void hub.broadcast("k", "e", 1);
    expect(second).not.toHaveBeenCalled();
  });

  it("hear in one order what is told by one of them while they are called", () => {
    const hub = createHub();
    const heard: unknown[] = [];
    hub.registerConnection("k", ({ data }) => {
      if (data === 1) void hub.broadcast("k", "e", 2);
    });
    hub.registerConnection("k", ({ data }) => heard.push(data));
    void hub.broadcast("k", "e", 1);
    expect(heard).toEqual([1, 2]);
  });
});

describe("a connection that has gone", () => {
  // A client that cancelled stayed registered in Theo's manager: its map grew with every page that was closed,
  // and every broadcast tried to write to all of them, for as long as the process lived.
  it("is unregistered when its stream is cancelled", async () => {
    const hub = createHub();
    const { stream, send } = createSSEStream();
    hub.registerConnection("k", send);
    hub.registerConnection("other", send);
    await stream.cancel();
    expect([hub.getConnectionCount("k"), hub.getConnectionKeys()]).toEqual([0, []]);
    hub.registerConnection("k", send);
    expect(hub.getConnectionKeys()).toEqual([]);
  });

  it("is unregistered when its stream is closed, or the request's signal fires", () => {
    const hub = createHub();
    const leaving = new AbortController();
    const closed = createSSEStream();
    const left = createSSEStream({ signal: leaving.signal });
    hub.registerConnection("k", closed.send);
    hub.registerConnection("k", left.send);
    closed.close();
    expect(hub.getConnectionCount("k")).toBe(1);
    leaving.abort();
    expect(hub.getConnectionKeys()).toEqual([]);
  });

  it("is unregistered when it throws, and nobody else hears of it", async () => {
    const log = vi.fn<Logger>();
    const hub = createHub({ log });
    const after = vi.fn<Sending>();
    hub.registerConnection("k", () => {
      throw new Error("broken pipe");
    });
    hub.registerConnection("k", after);
    await expect(hub.broadcast("k", "e", 1)).resolves.toEqual(expect.any(String));
    await hub.broadcast("k", "e", 2);
    expect([after.mock.calls.length, hub.getConnectionCount("k")]).toEqual([2, 1]);
    expect(log.mock.calls.map(([level, message]) => `${level} ${message}`)).toEqual(["warn connection dropped"]);
  });

  // A page's `send` that was an async function threw when its socket was gone. Nobody looked at the promise, and a
  // rejection that nobody handles ends the process: every user's pages went down with one tab.
  it("is unregistered when what it returns fails, and nobody else hears of it", async () => {
    const log = vi.fn<Logger>();
    const hub = createHub({ log });
    const after = vi.fn<Sending>();
    hub.registerConnection("k", () => Promise.reject(new Error("broken pipe")));
    hub.registerConnection("k", after);
    await hub.broadcast("k", "e", 1);
    await hub.broadcast("k", "e", 2);
    expect([after.mock.calls.length, hub.getConnectionCount("k")]).toEqual([2, 1]);
    expect(log.mock.calls.map(([level, message]) => `${level} ${message}`)).toEqual(["warn connection dropped"]);
  });

  // A logger that writes to a full disk throws: the broadcast that wanted to log one closed page reached nobody after
  // it, and one that nobody waited for ended the process.
  it("harms nobody where the logger throws too", async () => {
    const hub = createHub({
      log() {
        throw new Error("disk full");
      },
    });
    const after = vi.fn<Sending>();
    hub.registerConnection("k", () => {
      throw new Error("broken pipe");
    });
    hub.registerConnection("k", after);
    await hub.broadcast("k", "e", 1);
    expect([after.mock.calls.length, hub.getConnectionCount("k")]).toEqual([1, 1]);
    await hub[Symbol.asyncDispose]();
    void hub.broadcast("k", "e", 1);
    await turn();
  });

  // 200,000 sends with no reader never pushed back: the queue of one client that had stopped reading grew until the
  // process of all clients ran out of memory.
  it("is dropped, alone, when it has read nothing of a mebibyte", async () => {
    const hub = createHub();
    const stuck = createSSEStream();
    let heard = 0;
    hub.registerConnection("k", stuck.send);
    hub.registerConnection("k", () => (heard += 1));
    const data = "x".repeat(100);
    for (let told = 0; told < 200_000; told += 1) void hub.broadcast("k", "e", data);
    expect([heard, hub.getConnectionCount("k")]).toEqual([200_000, 1]);
    await expect(drain(stuck.stream)).rejects.toEqual(coded("sse/queue-full"));
  });
});

describe("what is told", () => {
  // A line break in an event's name injected fields: whoever chose the name of an event could send every other
  // subscriber an event of any kind, with an id of its own.
  it("cannot have a name that begins another field, and nobody is sent anything then", () => {
    const hub = createHub();
    const send = vi.fn<Sending>();
    hub.registerConnection("k", send);
    for (const name of ["a\ndata: forged", "a\rid: 7", "a\0"]) {
      expect(() => hub.broadcast("k", name, {})).toThrow(coded("sse/invalid-field") as Error);
    }
    expect(send).not.toHaveBeenCalled();
  });

  it("must have a JSON form and a limited size, which is told at once", () => {
    const hub = createHub({ maxEventBytes: 100 });
    expect(() => hub.broadcast("k", "e", 1n)).toThrow(coded("sse/invalid-data") as Error);
    expect(() => hub.broadcast("k", "e", () => {})).toThrow(coded("sse/invalid-data") as Error);
    expect(() => hub.broadcast("k", "e", "€".repeat(33))).toThrow(coded("sse/event-too-large") as Error);
    expect(() => hub.broadcast("k", "e", "€".repeat(32))).not.toThrow();
    expect(() => hub.broadcast("", "e", 1)).toThrow(coded("option/invalid") as Error);
    expect(() => hub.broadcast("\ud800", "e", 1)).toThrow(coded("option/invalid") as Error);
  });

  it("is refused by a hub that was let go of, without harm to one who does not wait", async () => {
    const log = vi.fn<Logger>();
    const hub = createHub({ log });
    const { send } = createSSEStream();
    hub.registerConnection("k", send);
    await hub[Symbol.asyncDispose]();
    await hub[Symbol.asyncDispose]();
    void hub.broadcast("k", "e", 1);
    await expect(hub.broadcast("k", "e", 1)).rejects.toEqual(coded("log/released"));
    expect(() => hub.registerConnection("k", send)).toThrow(coded("log/released") as Error);
    expect(log.mock.calls.map(([, message]) => String(message))).toEqual(["topic not told", "topic not told"]);
  });
});
