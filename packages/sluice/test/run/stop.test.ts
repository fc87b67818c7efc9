import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/chat/index.ts";
import type { SourceContext } from "../../src/run/index.ts";
import {
  OWNER,
  createWorld,
  forbidStrayRejections,
  gate,
  hanging,
  never,
  saying,
  terminalOf,
  textOf,
  turns,
  type World,
} from "./support.ts";

forbidStrayRejections();

const STOPPED = { type: "abort", reason: "stopped" } as const;

/** A run that has said "ab" and waits for a model that does not answer. */
async function startWaiting(world: World): Promise<{ readonly id: string; readonly context: SourceContext }> {
  let context: SourceContext | undefined;
  const { id } = await world.runs.start({ owner: OWNER }, async function* (given) {
    context = given;
    yield* saying("a", "b");
    await never();
  });
  await turns();
  return { id, context: context! };
}

describe("stop", () => {
  it("fires the signal of the source, and what was said so far stays", async () => {
    const world = createWorld();
    const { id, context } = await startWaiting(world);
    expect(context.signal.aborted).toBe(false);
    expect(await world.runs.stop(id)).toMatchObject({ id, stopRequested: true });
    await world.runs.ended(id);
    expect(context.signal.aborted).toBe(true);
    const events = await world.read(id);
    expect(textOf(events)).toBe("ab");
    expect(terminalOf(events)).toEqual(STOPPED);
    expect(await world.runs.get(id)).toMatchObject({ status: "aborted", stopRequested: true });
    expect(world.lines).toMatchObject([
      { message: "run interrupted", fields: { run: id, code: "stopped", chunks: 4 } },
    ]);
    expect(world.clock.timers).toBe(0);
  });

  it("is idempotent, while the run ends and after", async () => {
    const world = createWorld();
    const { id } = await startWaiting(world);
    await Promise.all([world.runs.stop(id), world.runs.stop(id)]);
    await world.runs.ended(id);
    const events = await world.read(id);
    expect(await world.runs.stop(id)).toMatchObject({ status: "aborted" });
    await turns();
    expect(await world.read(id)).toEqual(events);
    expect(world.lines).toHaveLength(1);
  });

  it("changes nothing about a run that has finished", async () => {
    const world = createWorld();
    const { id } = await world.runs.start({ owner: OWNER }, saying("a"));
    await world.runs.ended(id);
    expect(await world.runs.stop(id)).toMatchObject({ status: "finished", stopRequested: false });
  });

  it("reaches a run of another node", async () => {
    const world = createWorld();
    const other = createWorld({ store: world.store });
    const { id, context } = await startWaiting(world);
    await other.runs.stop(id);
    await world.runs.ended(id);
    expect(context.signal.aborted).toBe(true);
    expect(terminalOf(await world.read(id))).toEqual(STOPPED);
  });

  it("ends a run whose source goes on, throws at it, or throws because of it", async () => {
    const reactions: ((signal: AbortSignal) => AsyncIterable<RunEvent>)[] = [
      async function* () {
        for (let n = 0; ; n += 1) {
          yield { event: "n", data: n };
          await turns(1);
        }
      },
      async function* (signal) {
        yield* saying("a");
        await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
      async function* (signal) {
        yield* saying("a");
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        throw new Error("broken by the stop");
      },
      async function* (signal) {
        yield* saying("a");
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        yield { type: "finish" };
      },
    ];
    for (const react of reactions) {
      const { runs, read } = createWorld();
      const { id } = await runs.start({ owner: OWNER }, ({ signal }) => react(signal));
      await turns();
      await runs.stop(id);
      await runs.ended(id);
      await turns();
      expect(terminalOf(await read(id))).toEqual(STOPPED);
    }
  });

  it("lets go of a source that hangs", async () => {
    const { runs } = createWorld();
    const source = hanging<RunEvent>();
    const { id } = await runs.start({ owner: OWNER }, source);
    await runs.stop(id);
    await runs.ended(id);
    await turns();
    expect(source.returned).toBe(true);
  });

  it("lets go of a source that comes only after the stop", async () => {
    const { runs, read } = createWorld();
    const asked = gate();
    let cancelled = false;
    const { id } = await runs.start({ owner: OWNER }, async () => {
      await asked.opened;
      return new ReadableStream<string>({ cancel: () => void (cancelled = true) });
    });
    await runs.stop(id);
    await runs.ended(id);
    expect(terminalOf(await read(id))).toEqual(STOPPED);
    asked.open();
    await turns();
    expect(cancelled).toBe(true);
  });

  it("that comes while the run is being made leaves a run with a start and an end, and no open source", async () => {
    const { runs, read } = createWorld({
      over: (memory) => ({
        create: async (id, options) => {
          const created = await memory.create(id, options);
          await memory.requestStop(id);
          return created;
        },
      }),
    });
    let cancelled = false;
    const stream = new ReadableStream<string>({ cancel: () => void (cancelled = true) });
    const { id } = await runs.start({ owner: OWNER }, stream);
    await runs.ended(id);
    await turns();
    expect(await read(id)).toEqual([expect.objectContaining({ type: "start" }), STOPPED]);
    expect(cancelled).toBe(true);
  });

  it("reaches a producer that pushes: its signal fires and later events are refused", async () => {
    const { runs, read } = createWorld();
    const { run, id } = await runs.open({ owner: OWNER });
    for await (const event of saying("a")) await run!.append(event);
    await runs.stop(id);
    const { terminal } = await run!.ended;
    expect(terminal).toEqual(STOPPED);
    expect(run!.signal.aborted).toBe(true);
    await expect(run!.append({ event: "n", data: 1 })).rejects.toMatchObject({ code: "run/ended" });
    await run!.finish();
    await run!.fail(new Error("late"));
    expect(terminalOf(await read(id))).toEqual(STOPPED);
  });

  it("that the store cannot watch for ends the run with an error: it could not be stopped", async () => {
    for (const stopRequested of [
      () => Promise.reject(new Error("connection lost")),
      () => {
        throw new Error("no such operation");
      },
    ]) {
      const { runs, read } = createWorld({ over: () => ({ stopRequested }) });
      const { id } = await runs.start({ owner: OWNER }, hanging());
      await runs.ended(id);
      expect(terminalOf(await read(id))).toMatchObject({ type: "error", code: "PROCESSING_ERROR" });
    }
  });

  it("passes on what the store throws", async () => {
    const failure = new Error("connection lost");
    const { runs } = createWorld({ over: () => ({ requestStop: () => Promise.reject(failure) }) });
    await expect(runs.stop("run_0")).rejects.toBe(failure);
  });
});

describe("leaving", () => {
  it("is not stopping: the run goes on when every reader has left", async () => {
    const { runs, store, read } = createWorld();
    const more = gate();
    const { id } = await runs.start({ owner: OWNER }, async function* () {
      yield* saying("a");
      await more.opened;
      yield { type: "text-delta", id: "t", delta: "b" };
    });
    const leave = new AbortController();
    const reading = (async () => {
      let entries = 0;
      for await (const slice of store.tail(id, { after: 0, signal: leave.signal })) entries += slice.entries.length;
      return entries;
    })();
    await turns();
    leave.abort();
    expect(await reading).toBe(3);
    more.open();
    await runs.ended(id);
    expect(textOf(await read(id))).toBe("ab");
  });

  it("and coming back gives the rest, each event once, wherever the reader was cut off", async () => {
    const { runs, store, read } = createWorld();
    const { id } = await runs.start({ owner: OWNER }, saying(..."stream me".split("")));
    await runs.ended(id);
    const all = await read(id);
    for (let after = 0; after <= all.length; after += 1) {
      const rest: unknown[] = [];
      for await (const { entries } of store.tail(id, { after, signal: new AbortController().signal })) {
        rest.push(...entries.map((entry): unknown => JSON.parse(entry)));
      }
      expect(rest).toEqual(all.slice(after));
    }
  });
});
