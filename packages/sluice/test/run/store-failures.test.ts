import { describe, expect, it } from "vitest";
import { SluiceError } from "../../src/base/errors.ts";
import type { RunEvent } from "../../src/chat/index.ts";
import {
  OWNER,
  createWorld,
  forbidStrayRejections,
  gate,
  never,
  saying,
  terminalOf,
  textOf,
  turns,
  type World,
} from "./support.ts";

forbidStrayRejections();

const lost = new Error("connection reset");

type Failing = "append" | "close" | "state";

/**
 * A world whose store fails the given operations so many times, before it does what was asked or after (then the
 * caller cannot know that it was done).
 */
function failing(
  times: Partial<Record<Failing, number>>,
  when: "before" | "after" = "before",
  error: unknown = lost,
): World {
  const left = { ...times };
  async function fails<T>(name: Failing, act: () => Promise<T>): Promise<T> {
    const remaining = left[name] ?? 0;
    if (remaining === 0) return act();
    left[name] = remaining - 1;
    if (when === "after") await act();
    throw error;
  }
  return createWorld({
    over: (memory) => ({
      append: (...given) => fails("append", () => memory.append(...given)),
      close: (...given) => fails("close", () => memory.close(...given)),
      state: (...given) => fails("state", () => memory.state(...given)),
    }),
  });
}

async function runToEnd(world: World, ms = 0): Promise<readonly RunEvent[]> {
  const { id } = await world.runs.start({ owner: OWNER }, saying("a", "b"));
  await turns();
  await world.clock.advance(ms);
  await world.runs.ended(id);
  expect(world.runs.producing).toBe(0);
  expect(world.clock.timers).toBe(0);
  return world.read(id);
}

describe("a store that fails", () => {
  it("one append: the run ends with an error, because events are missing", async () => {
    const world = failing({ append: 1 });
    const events = await runToEnd(world);
    expect(terminalOf(events)).toMatchObject({ type: "error", code: "PROCESSING_ERROR" });
    expect(JSON.stringify(events)).not.toContain("connection reset");
    expect(world.lines).toMatchObject([
      { message: "run interrupted", fields: { code: "PROCESSING_ERROR", error: lost } },
    ]);
  });

  it("the acknowledgement of an append: what was stored stays, once, and the terminal follows it", async () => {
    const events = await runToEnd(failing({ append: 1 }, "after"));
    expect(textOf(events)).toBe("ab");
    expect(terminalOf(events)).toMatchObject({ type: "error", code: "PROCESSING_ERROR" });
  });

  it("an append with a code: the terminal carries it", async () => {
    const full = new SluiceError("log/max-bytes", "The log may hold 7 bytes.");
    const events = await runToEnd(failing({ append: Number.POSITIVE_INFINITY }, "before", full));
    expect(events).toEqual([
      expect.objectContaining({ type: "start" }),
      { type: "error", errorText: "The log may hold 7 bytes.", code: "log/max-bytes" },
    ]);
  });

  it.each([1, 5, 19])(
    "to close %i times: it is asked again, and the terminal is the one that was meant",
    async (close) => {
      for (const when of ["before", "after"] as const) {
        const world = failing({ close }, when);
        const events = await runToEnd(world, close * 500);
        expect(textOf(events)).toBe("ab");
        expect(terminalOf(events)).toEqual({ type: "finish", finishReason: "stop" });
        expect(world.lines).toEqual([]);
      }
    },
  );

  it("in every way for a while: the run still ends with an error", async () => {
    const events = await runToEnd(failing({ append: 1, close: 2, state: 2 }), 2_000);
    expect(terminalOf(events)).toMatchObject({ type: "error", code: "PROCESSING_ERROR" });
  });

  it("for good: the run is given up after 10 s, with one log line, and left to whoever takes it over", async () => {
    const world = failing({ append: Number.POSITIVE_INFINITY, close: Number.POSITIVE_INFINITY });
    const { id } = await world.runs.start({ owner: OWNER }, saying("a"));
    await turns();
    await world.clock.advance(9_999);
    expect(world.runs.producing).toBe(1);
    await world.clock.advance(1);
    await world.runs.ended(id);
    expect(world.runs.producing).toBe(0);
    expect(world.clock.timers).toBe(0);
    const error: unknown = expect.objectContaining({ code: "run/producer-lost", cause: lost });
    expect(world.lines).toMatchObject([{ level: "error", message: "run lost", fields: { run: id, error } }]);
    expect(await world.runs.get(id)).toMatchObject({ status: "running" });
    await world.clock.advance(7_000);
    expect(await world.store.lapsed(10)).toEqual([id]);
  });

  it("for good: nothing watches for a stop any more", async () => {
    let watching: AbortSignal | undefined;
    const { runs, clock } = createWorld({
      over: (memory) => ({
        close: () => Promise.reject(lost),
        stopRequested: (id, signal) => {
          watching = signal;
          return memory.stopRequested(id, signal);
        },
      }),
    });
    const { id } = await runs.start({ owner: OWNER }, saying("a"));
    await turns();
    expect(watching?.aborted).toBe(false);
    await clock.advance(10_000);
    await runs.ended(id);
    expect(watching?.aborted).toBe(true);
  });

  it.each(["log/closed", "log/fenced", "log/not-found", "log/conflict", "log/released"] as const)(
    "to close with the refusal %s: it is not asked again",
    async (code) => {
      let asked = 0;
      const close = async (): Promise<never> => {
        asked += 1;
        throw new SluiceError(code, "No.");
      };
      const { runs, lines, clock } = createWorld({ over: () => ({ close }) });
      const { run, id } = await runs.open({ owner: OWNER });
      await expect(run!.finish()).rejects.toMatchObject({ code });
      await expect(run!.ended).rejects.toMatchObject({ code });
      await runs.ended(id);
      expect(asked).toBe(1);
      expect(run!.signal.aborted).toBe(true);
      expect(lines).toMatchObject([{ message: "run lost", fields: { code } }]);
      expect(clock.timers).toBe(0);
    },
  );

  it("to answer an append: the run is given up after its deadline and 10 s", async () => {
    const { runs, clock, lines } = createWorld({
      over: () => ({ append: () => never() }),
      limits: { maxDurationMs: 1_000 },
    });
    let signal: AbortSignal | undefined;
    const { id } = await runs.start({ owner: OWNER }, async function* (context) {
      signal = context.signal;
      yield* saying("a");
      await never();
    });
    await clock.advance(1_000);
    expect(signal?.aborted).toBe(true);
    await clock.advance(10_000);
    await runs.ended(id);
    expect(runs.producing).toBe(0);
    expect(lines).toMatchObject([{ message: "run lost", fields: { code: "run/producer-lost" } }]);
    expect(clock.timers).toBe(0);
  });

  it("to answer an append in time, and does later: the terminal is still written", async () => {
    const slow = gate();
    const { runs, clock, read } = createWorld({
      over: (memory) => ({ append: async (...given) => (await slow.opened, memory.append(...given)) }),
    });
    const { id } = await runs.start({ owner: OWNER }, saying("a"));
    await clock.advance(10_000);
    await runs.ended(id);
    slow.open();
    await turns();
    expect(textOf(await read(id))).toBe("a");
    expect(terminalOf(await read(id))).toMatchObject({ type: "finish" });
  });

  it("under a producer that pushes tells it with the next event", async () => {
    const world = failing({ append: 1 });
    const { run, id } = await world.runs.open({ owner: OWNER });
    await turns();
    await expect(run!.append({ event: "n", data: 1 })).rejects.toBe(lost);
    expect(run!.signal.reason).toBe(lost);
    await run!.finish();
    await world.runs.ended(id);
    expect(terminalOf(await world.read(id))).toMatchObject({ type: "error" });
  });

  it("because the run's log was deleted under it stops the producer", async () => {
    const { runs, store, lines } = createWorld();
    let signal: AbortSignal | undefined;
    const { id } = await runs.start({ owner: OWNER }, async function* (context) {
      signal = context.signal;
      yield* saying("a");
      await never();
    });
    await turns();
    await store.delete(id);
    await runs.ended(id);
    expect(signal?.aborted).toBe(true);
    expect(lines).toMatchObject([{ message: "run lost", fields: { code: "log/not-found" } }]);
    expect(runs.producing).toBe(0);
  });

  it("because it was let go of ends every run of the node", async () => {
    const { runs, store, clock } = createWorld();
    const { id } = await runs.start({ owner: OWNER }, async function* () {
      yield* saying("a");
      await never();
    });
    await turns();
    await store[Symbol.asyncDispose]();
    await clock.advance(2_000);
    await runs.ended(id);
    expect(runs.producing).toBe(0);
  });
});

describe("a store that is unavailable for a moment", () => {
  const unavailable = (): never => {
    throw new SluiceError("log/unavailable", "A fail-over.");
  };

  it("costs a run nothing: what waits is appended when it is back, once", async () => {
    let down = false;
    const { runs, clock, read } = createWorld({
      over: (memory) => ({
        append: async (...given) => {
          const appended = await memory.append(...given); // stored, but the answer is lost
          return down ? unavailable() : appended;
        },
      }),
    });
    const { run, id } = await runs.open({ owner: OWNER });
    await clock.advance(0);
    down = true;
    await run!.append({ type: "text-start", id: "t" });
    await clock.advance(3_000);
    await run!.append({ type: "text-delta", id: "t", delta: "x" });
    down = false;
    await clock.advance(1_000);
    await run!.finish();
    expect((await read(id)).map((event) => "type" in event && event.type)).toEqual([
      "start",
      "text-start",
      "text-delta",
      "finish",
    ]);
  });

  it("ends the run with its code after 10 s", async () => {
    let down = false;
    const { runs, clock, read } = createWorld({
      over: (memory) => ({ append: async (...given) => (down ? unavailable() : memory.append(...given)) }),
    });
    const { run, id } = await runs.open({ owner: OWNER });
    await clock.advance(0);
    down = true;
    await run!.append({ type: "text-start", id: "t" });
    await clock.advance(11_000);
    await runs.ended(id);
    expect((await read(id)).at(-1)).toMatchObject({ type: "error", code: "log/unavailable" });
  });
});
