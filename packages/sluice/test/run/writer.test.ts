import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/chat/index.ts";
import { builtInDialects } from "../../src/dialects/index.ts";
import type { LogStore } from "../../src/log/index.ts";
import { createWriter, type OpenRun } from "../../src/run/index.ts";
import { openRun } from "../../src/run/open.ts";
import { OWNER, createWorld, forbidStrayRejections, gate, readRun, saying, turns, type Gate } from "./support.ts";

forbidStrayRejections();

interface Appends {
  /** How many entries each append had, in order. */
  readonly sizes: readonly number[];
  /** While there is one, appends wait for it before they are done. */
  held: Gate | undefined;
  open(): Promise<{ readonly run: OpenRun; readonly id: string; readonly store: LogStore }>;
}

function watchAppends(): Appends {
  const sizes: number[] = [];
  const { runs, store } = createWorld({
    over: (memory) => ({
      append: async (id, entries, at) => {
        sizes.push(entries.length);
        await appends.held?.opened;
        return memory.append(id, entries, at);
      },
    }),
  });
  const appends: Appends = {
    sizes,
    held: undefined,
    async open() {
      const { run, id } = await runs.open({ owner: OWNER });
      return { run: run!, id, store };
    },
  };
  return appends;
}

const note = (data: unknown): RunEvent => ({ event: "note", data });

async function notes(store: LogStore, id: string): Promise<readonly unknown[]> {
  return (await readRun(store, id)).flatMap((event) => ("event" in event ? [event.data] : []));
}

async function isOpen(promise: Promise<void>): Promise<boolean> {
  let open = true;
  void promise.then(() => (open = false));
  await turns();
  return open;
}

describe("appending", () => {
  it("makes one append to the store of the events of one turn", async () => {
    const appends = watchAppends();
    const { run } = await appends.open();
    for (let n = 0; n < 99; n += 1) await run.append(note(n));
    expect(appends.sizes).toEqual([]);
    await turns();
    expect(appends.sizes).toEqual([100]); // with `start`
    await run.append(note("next turn"));
    await turns();
    expect(appends.sizes).toEqual([100, 1]);
    await run.finish();
  });

  it("gathers what comes while an append is under way into the next one", async () => {
    const appends = watchAppends();
    const { run, id, store } = await appends.open();
    appends.held = gate();
    await turns();
    for (let n = 0; n < 10; n += 1) {
      await run.append(note(n));
      await turns(1);
    }
    expect(appends.sizes).toEqual([1]);
    appends.held.open();
    await turns();
    expect(appends.sizes).toEqual([1, 10]);
    await run.finish();
    expect(await notes(store, id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("waits while 1 MiB is not acknowledged, and goes on when it is", async () => {
    const appends = watchAppends();
    const { run, id, store } = await appends.open();
    const held = (appends.held = gate());
    const block = note("x".repeat(1000));
    let taken = 0;
    const pushing = (async () => {
      for (; taken < 3_000; taken += 1) await run.append(block);
    })();
    await turns(20);
    const blockBytes = Buffer.byteLength(JSON.stringify(block));
    expect(taken * blockBytes).toBeGreaterThan((1 << 20) - 2 * blockBytes);
    expect(taken * blockBytes).toBeLessThanOrEqual(1 << 20);
    expect(appends.sizes.length).toBeLessThanOrEqual(2);
    appends.held = undefined;
    held.open();
    await pushing;
    await run.finish();
    expect(await notes(store, id)).toHaveLength(3_000);
  });

  it("takes an event that is larger than the mark, and waits for it to be stored", async () => {
    const appends = watchAppends();
    const { run } = await appends.open();
    const held = (appends.held = gate());
    const big = run.append(note("x".repeat(2 << 20)));
    expect(await isOpen(big)).toBe(true);
    held.open();
    await big;
    await run.finish();
  });

  it("pulls nothing from a source while it waits", async () => {
    const held = gate();
    const { runs, read } = createWorld({
      over: (memory) => ({ append: async (...given) => (await held.opened, memory.append(...given)) }),
    });
    let pulled = 0;
    const { id } = await runs.start({ owner: OWNER }, async function* () {
      for (; pulled < 40; pulled += 1) yield note("x".repeat(100_000));
    });
    await turns(20);
    expect(pulled).toBe(10); // the eleventh crossed the mark
    held.open();
    await runs.ended(id);
    expect(await read(id)).toHaveLength(42);
  });

  it("keeps the order also when nobody waits for anything", async () => {
    const appends = watchAppends();
    const { run, id, store } = await appends.open();
    const numbers = Array.from({ length: 1_000 }, (_, n) => n);
    const all = numbers.map((n) => run.append(note(n)));
    const finished = run.finish();
    await Promise.all([...all, finished]);
    expect(await notes(store, id)).toEqual(numbers);
  });

  it("keeps the order of several producers as they called, whatever the store's pace", async () => {
    let pace = 0;
    const { runs, store } = createWorld({
      over: (memory) => ({ append: async (...given) => (await turns((pace += 1) % 4), memory.append(...given)) }),
    });
    const { run, id } = await runs.open({ owner: OWNER });
    const called: string[] = [];
    const produce = async (name: string, pause: number): Promise<void> => {
      for (let n = 0; n < 30; n += 1) {
        called.push(`${name}${n}`);
        await run!.append(note(`${name}${n}`));
        if (n % 3 === 0) await turns(pause);
      }
    };
    await Promise.all([produce("a", 1), produce("b", 2), produce("c", 3)]);
    await run!.finish();
    expect(called).toHaveLength(90);
    expect(await notes(store, id)).toEqual(called);
  });

  it("stores the event as it was when it was given", async () => {
    const appends = watchAppends();
    const { run, id, store } = await appends.open();
    const data = { n: 1 };
    const appended = run.append(note(data));
    data.n = 2;
    await appended;
    await run.finish();
    expect(await notes(store, id)).toEqual([{ n: 1 }]);
  });

  it("keeps any text as it is: controls, line breaks, lone surrogates", async () => {
    const { runs, read } = createWorld();
    const words = ["\0\r\n\u2028", "\ud834", "\udd1e", "é𝄞", '"\\'];
    const { id } = await runs.start({ owner: OWNER }, saying(...words));
    await runs.ended(id);
    const deltas = (await read(id)).flatMap((event) =>
      "type" in event && event.type === "text-delta" ? [event.delta] : [],
    );
    expect(deltas).toEqual(words);
  });
});

describe("the terminal", () => {
  it("follows everything that was taken, in the append that closes the log", async () => {
    const closes: number[] = [];
    const { runs, read } = createWorld({
      over: (memory) => ({
        close: async (id, entries, at) => {
          closes.push(at.expected);
          return memory.close(id, entries, at);
        },
      }),
    });
    const { run, id } = await runs.open({ owner: OWNER });
    void run!.append(note(1));
    void run!.append(note(2));
    await run!.finish();
    expect(closes).toEqual([3]);
    expect(await read(id)).toHaveLength(4);
  });

  it("waits for an append that is under way", async () => {
    const appends = watchAppends();
    const { run, id, store } = await appends.open();
    const held = (appends.held = gate());
    await run.append(note(1));
    const finished = run.finish();
    expect(await isOpen(finished)).toBe(true);
    expect(await notes(store, id)).toEqual([]);
    held.open();
    await finished;
    expect(await notes(store, id)).toEqual([1]);
  });
});

describe("a run that has ended", () => {
  it.each(["finish", "fail", "stop"] as const)("by %s leaves no timer and no listener behind", async (how) => {
    const watched: Listened[] = [];
    const { runs, clock } = createWorld({
      over: (memory) => ({
        stopRequested: (id, signal) => {
          watched.push(listenedTo(signal));
          return memory.stopRequested(id, signal);
        },
      }),
    });
    for (let n = 0; n < 20; n += 1) {
      const { run, id } = await runs.open({ owner: OWNER });
      for await (const event of saying("a")) await run!.append(event);
      if (how === "finish") await run!.finish();
      if (how === "fail") await run!.fail(new Error("x"));
      if (how === "stop") await runs.stop(id);
      await runs.ended(id);
    }
    await turns();
    expect(runs.producing).toBe(0);
    expect(clock.timers).toBe(0);
    expect(watched.map(({ listeners }) => listeners)).toEqual(Array.from({ length: 20 }, () => 0));
  });

  it("does not listen to its signal any more, which others may keep", async () => {
    const { store, clock } = createWorld();
    const lease = { holder: "n", ttlMs: 7_000 };
    const { fence } = await store.create("run_1", { owner: OWNER, meta: {}, ttlMs: 1_000, lease });
    const limits = { maxBytes: 1_000, maxEntries: 10 };
    const writer = createWriter({ store, clock, runId: "run_1", fence, limits, onRefused: () => {} });
    await writer.append({ type: "start" });
    const { signal } = new AbortController();
    const listened = listenedTo(signal);
    const run = openRun("run_1", writer, signal);
    expect(listened.listeners).toBe(1);
    await run.finish();
    expect(listened.listeners).toBe(0);
  });

  it("is kept by nobody", async () => {
    const { runs } = createWorld();
    const kept: WeakRef<object>[] = [];
    const produceOne = async (n: number): Promise<void> => {
      const { run, id } = await runs.open({ owner: OWNER });
      kept.push(new WeakRef(run!), new WeakRef(run!.signal));
      for await (const event of saying("a")) await run!.append(event);
      await (n % 2 === 0 ? run!.finish() : runs.stop(id));
      await runs.ended(id);
    };
    for (let n = 0; n < 50; n += 1) await produceOne(n);
    await turns();
    setFlagsFromString("--expose-gc");
    const collect: unknown = runInNewContext("gc");
    if (typeof collect === "function") collect();
    await turns();
    // The last one may still be held by the stack.
    expect(kept.filter((held) => held.deref() !== undefined).length).toBeLessThan(10);
  });
});

interface Listened {
  readonly listeners: number;
}

function listenedTo(signal: AbortSignal): Listened {
  const listening = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
    listening.add(given[1]);
    addEventListener.apply(signal, given);
  };
  signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
    listening.delete(given[1]);
    removeEventListener.apply(signal, given);
  };
  return {
    get listeners() {
      return listening.size;
    },
  };
}

describe("the text of an event", () => {
  // What dialects tell from the text alone must be what the event says, whatever order its keys came in.
  it.each([
    { event: "weather", data: { constructor: 1 }, extra: { prototype: 1 } },
    { data: { a: 1 }, event: "weather", extra: 2 },
    JSON.parse('{"event": "weather", "data": {"__proto__": {"a": 1}, "b": 2}, "extra": 3}'),
    JSON.parse('{"event": "weather", "data": {"constructor": 1}, "type": "data-x"}'),
    JSON.parse('{"event": "weather", "data": 1, "__proto__": {"a": 1}, "type": "data-x"}'),
  ] as readonly RunEvent[])("gives every dialect the frame that the event gives: %j", async (event) => {
    const { run, id, store } = await watchAppends().open();
    await run.append(event);
    await run.finish();
    const { entries } = await store.read(id, { after: 1, maxEntries: 1 });
    const [entry = ""] = entries;
    const parsed = JSON.parse(entry) as RunEvent;
    expect("type" in parsed).toBe("type" in event);
    for (const dialect of builtInDialects) {
      const context = { runId: id, createdAt: 0 };
      const frames = dialect.alone?.(context)(parsed, 2);
      const frame = dialect.quick?.(entry, context);
      expect(frame ? [frame] : frames).toEqual(frames);
    }
  });
});
