import { describe, expect, it } from "vitest";
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
} from "./support.ts";

forbidStrayRejections();

async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.then(
    () => (done = true),
    () => (done = true),
  );
  await turns();
  return done;
}

describe("a drain", () => {
  it("refuses new runs with run/draining, and still lets keys that are taken attach", async () => {
    const { runs } = createWorld();
    const more = gate();
    const { id } = await runs.start({ owner: OWNER, requestId: "k" }, async function* () {
      await more.opened;
      yield* saying("a");
    });
    expect(runs.draining).toBe(false);
    const drained = runs.drain(new AbortController().signal);
    expect(runs.draining).toBe(true);
    await expect(runs.start({ owner: OWNER }, saying("x"))).rejects.toMatchObject({
      code: "run/draining",
    });
    await expect(runs.open({ owner: OWNER, requestId: "new" })).rejects.toMatchObject({ code: "run/draining" });
    expect(await runs.start({ owner: OWNER, requestId: "k" }, saying("x"))).toEqual({ id, attached: true });
    more.open();
    await drained;
    expect(await runs.start({ owner: OWNER, requestId: "k" }, saying("x"))).toEqual({ id, attached: true });
  });

  it("lets go of the source of a start that it refuses", async () => {
    const { runs } = createWorld();
    await runs.drain(AbortSignal.abort());
    let cancelled = false;
    const stream = new ReadableStream<string>({ cancel: () => void (cancelled = true) });
    await expect(runs.start({ owner: OWNER }, stream)).rejects.toMatchObject({ code: "run/draining" });
    await turns();
    expect(cancelled).toBe(true);
  });

  it("waits for the runs of this node to end by themselves", async () => {
    const { runs, read, clock } = createWorld();
    const more = gate();
    const { id } = await runs.start({ owner: OWNER }, async function* () {
      await more.opened;
      yield* saying("a");
    });
    const drained = runs.drain(new AbortController().signal);
    expect(await settled(drained)).toBe(false);
    more.open();
    await drained;
    expect(terminalOf(await read(id))).toMatchObject({ type: "finish" });
    expect(clock.timers).toBe(0);
  });

  it("ends what still runs at the deadline with run/shutdown, and resolves when that is stored", async () => {
    const { runs, read } = createWorld();
    const ids: string[] = [];
    for (const word of ["a", "b"]) {
      const { id } = await runs.start({ owner: OWNER }, async function* () {
        yield* saying(word);
        await never();
      });
      ids.push(id);
    }
    await turns();
    const deadline = new AbortController();
    const drained = runs.drain(deadline.signal);
    deadline.abort();
    await drained;
    const logs = await Promise.all(ids.map(read));
    expect(logs.map(textOf)).toEqual(["a", "b"]);
    for (const log of logs) expect(terminalOf(log)).toMatchObject({ type: "error", code: "run/shutdown" });
    expect(runs.producing).toBe(0);
  });

  it("resolves at once when nothing runs, and may be asked for again with less patience", async () => {
    const idle = createWorld();
    await idle.runs.drain(new AbortController().signal);
    const { runs } = createWorld();
    await runs.start({ owner: OWNER }, hanging());
    const patient = runs.drain(new AbortController().signal);
    await runs.drain(AbortSignal.abort());
    await patient;
    expect(runs.producing).toBe(0);
  });

  it("waits also for a run that was being made when it began", async () => {
    const made = gate();
    const { runs, read } = createWorld({
      over: (memory) => ({ create: async (...given) => (await made.opened, memory.create(...given)) }),
    });
    const starting = runs.start({ owner: OWNER }, saying("a"));
    await turns();
    const drained = runs.drain(new AbortController().signal);
    expect(await settled(drained)).toBe(false);
    made.open();
    await drained;
    const { id } = await starting;
    expect(terminalOf(await read(id))).toMatchObject({ type: "finish" });
  });

  it("ends a run at once that is only made after the deadline", async () => {
    const made = gate();
    const { runs, read } = createWorld({
      over: (memory) => ({ create: async (...given) => (await made.opened, memory.create(...given)) }),
    });
    const starting = runs.start({ owner: OWNER }, hanging());
    await turns();
    await runs.drain(AbortSignal.abort());
    made.open();
    const { id } = await starting;
    await runs.ended(id);
    expect(terminalOf(await read(id))).toMatchObject({ code: "run/shutdown" });
  });

  it("leaves no listener on its deadline", async () => {
    const { runs } = createWorld();
    const deadline = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = deadline.signal;
    deadline.signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(deadline.signal, given);
    };
    deadline.signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(deadline.signal, given);
    };
    const { id } = await runs.start({ owner: OWNER }, saying("a"));
    await runs.drain(deadline.signal);
    await runs.ended(id);
    expect(listeners).toBe(0);
  });

  it("is not held up for ever by a store that does not answer", async () => {
    const { runs, clock } = createWorld({ over: () => ({ close: () => never() }) });
    await runs.start({ owner: OWNER }, hanging());
    await turns();
    const drained = runs.drain(AbortSignal.abort());
    expect(await settled(drained)).toBe(false);
    await clock.advance(10_000);
    await drained;
    expect(runs.producing).toBe(0);
  });
});
