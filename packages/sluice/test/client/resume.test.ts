import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openEventStream, type EventStreamOptions, type EventStreamReader } from "../../src/client/index.ts";
import { startFaultProxy, type Fault, type FaultProxy } from "../../src/testing/fault-proxy.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { startLogServer, type LogServer, type TestLog } from "./log-server.ts";
import { answer, collect, encodeFrames, lowest, watchStates, withIds } from "./support.ts";

let server: LogServer;
let proxy: FaultProxy;

beforeAll(async () => {
  server = await startLogServer();
  proxy = await startFaultProxy({ target: server });
});
afterAll(async () => {
  await proxy.close();
  await server.close();
});

/** A question through the proxy, whose n-th connection from now on has the n-th fault. No backoff takes any time. */
function ask(log: TestLog, faults: readonly Fault[] = [], options: EventStreamOptions = {}): EventStreamReader {
  const first = proxy.connections;
  server.setLog(log);
  proxy.setPlan((connection) => faults[connection - first]);
  const body = { message: { content: "Hi" } };
  return openEventStream(`${proxy.url}/stream`, { body, random: randomKeyButNoDelay, ...options });
}

// Keys are of 16 bytes, so that their runs differ; backoff takes 2.
function randomKeyButNoDelay(bytes: Uint8Array<ArrayBuffer>): Uint8Array {
  return bytes.length === 2 ? lowest(bytes) : crypto.getRandomValues(bytes);
}

const text = fc.string({ unit: "grapheme", maxLength: 30 });
const frame = fc.record({ event: fc.constantFrom("chunk", "progress"), data: text });
const done = [
  { event: "message", data: "all of it" },
  { event: "done", data: "{}" },
];
const frames = fc
  .array(fc.array(frame, { minLength: 1, maxLength: 3 }), { maxLength: 8 })
  .map((entries) => withIds([...entries, done]));

/** Where a connection is cut, in thousandths of about all that goes through it. */
const cuts = fc.array(
  fc.record({ at: fc.integer({ min: 0, max: 1000 }), by: fc.constantFrom("reset" as const, "fin" as const) }),
  { maxLength: 5 },
);
const HEAD_LENGTH = 300;

describe("a stream whose connections break", () => {
  it("has each event once and in order, wherever it is cut, and starts one run", { timeout: 60_000 }, async () => {
    const endsAfter = fc.array(fc.option(fc.nat({ max: 20 }), { nil: undefined }), { maxLength: 3 });
    const pieceSizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 });
    const check = async (
      log: TestLog,
      places: readonly { at: number; by: "reset" | "fin" }[],
      sizes: readonly number[],
    ): Promise<void> => {
      const length = HEAD_LENGTH + encodeFrames(log.frames).length;
      let piece = 0;
      const pieceSize = (): number => sizes[piece++ % sizes.length] ?? 1;
      const faults = places.map(({ at, by }) => ({
        pieceSize,
        cut: { by, afterBytes: Math.round((at * length) / 1000) },
      }));
      const reader = ask(log, faults);
      expect(await collect(reader)).toEqual(log.frames);
      expect(server.runs).toBe(1);
      expect(reader.state).toEqual({ status: "done" });
    };
    const logs = fc.record({ frames, endsAfter, endsWithConnection: fc.boolean() });
    await fc.assert(fc.asyncProperty(logs, cuts, pieceSizes, check), { numRuns: 300 });
  });

  it("goes on after a clean FIN in the middle of an answer", async () => {
    const log = { frames: answer("one", "two", "three"), endsWithConnection: true };
    const afterBytes = HEAD_LENGTH;
    const states = watchStates();
    const reader = ask(log, [{ cut: { afterBytes, by: "fin" } }], { onState: states.onState });
    expect(await collect(reader)).toEqual(log.frames);
    expect(states.seen.map(({ status }) => status)).toEqual([
      "connecting",
      "open",
      "waiting",
      "connecting",
      "open",
      "done",
    ]);
    expect(states.seen[2]).toMatchObject({ error: { message: "The response ended before the answer did." } });
  });

  it("goes on after a clean end of the response without a terminal event", async () => {
    const log = { frames: answer("one", "two", "three"), endsAfter: [2] };
    const reader = ask(log);
    expect(await collect(reader)).toEqual(log.frames);
    expect(server.asked).toMatchObject([{ method: "POST" }, { method: "GET", lastEventId: "12", key: "" }]);
  });

  it("repeats a POST that was not answered, with the same key", async () => {
    const log = { frames: answer("one") };
    const reader = ask(log, [{ cut: { afterBytes: 0, by: "reset" } }, { cut: { afterBytes: 0, by: "fin" } }]);
    expect(await collect(reader)).toEqual(log.frames);
    const [first, ...others] = server.asked;
    expect(server.asked).toHaveLength(3);
    expect(first?.key).toMatch(/^key_[0-9a-f]{32}$/);
    for (const other of others) expect(other).toEqual(first);
  });

  it("is broken when it is silent on an open connection", async () => {
    const log = { frames: answer("one", "two") };
    const clock = createManualClock();
    const states = watchStates();
    const waiting = states.next("waiting");
    const fault: Fault = { cut: { afterBytes: HEAD_LENGTH, by: "silence" } };
    const reader = ask(log, [fault], { clock, onState: states.onState });
    const events = collect(reader);
    await states.next("open");
    await clock.advance(37_500);
    expect(await waiting).toMatchObject({ error: { message: "Nothing came for 37500 ms." } });
    await clock.advance(0);
    expect(await events).toEqual(log.frames);
    expect(clock.timers).toBe(0);
  });
});

describe("leaving a stream", () => {
  it("by its signal ends it at once, without an error, closes the socket and leaves no timer", async () => {
    const frames = answer("one", "two").slice(0, 2);
    const leaving = new AbortController();
    const clock = createManualClock();
    const reader = ask({ frames, staysOpen: true }, [], { clock, signal: leaving.signal });
    const lost = server.nextLoss();
    const events: unknown[] = [];
    for await (const event of reader) {
      events.push(event);
      if (events.length === 2) queueMicrotask(() => leaving.abort());
    }
    expect(events).toEqual(frames);
    await lost;
    expect(reader.state).toEqual({ status: "left" });
    expect(clock.timers).toBe(0);
  });

  it("by its signal closes the socket also while nobody reads", async () => {
    const leaving = new AbortController();
    const log = { frames: answer("one").slice(0, 1), staysOpen: true };
    const events = ask(log, [], { signal: leaving.signal })[Symbol.asyncIterator]();
    const lost = server.nextLoss();
    await events.next();
    leaving.abort();
    await lost;
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it("by break closes the socket", async () => {
    const clock = createManualClock();
    const reader = ask({ frames: answer("one").slice(0, 1), staysOpen: true }, [], { clock });
    const lost = server.nextLoss();
    for await (const _ of reader) break;
    await lost;
    expect(reader.state).toEqual({ status: "left" });
    expect(clock.timers).toBe(0);
  });

  it("lets another reader go on from what it has", async () => {
    const log = { frames: answer("one", "two", "three") };
    const first = ask(log);
    for await (const event of first) if (event.data === "two") break;
    const { url, lastEventId = "", runId } = first;
    expect(runId).toBe("run_1");
    const second = openEventStream(url ?? "", { lastEventId });
    expect(await collect(second)).toEqual(log.frames.slice(2));
    const third = openEventStream(second.url ?? "", { lastEventId: second.lastEventId ?? "" });
    expect(await collect(third)).toEqual([]);
    expect(third.state).toEqual({ status: "done" });
    expect(server.runs).toBe(1);
  });
});
