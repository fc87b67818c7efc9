import { describe, expect, it } from "vitest";
import { SluiceError } from "../../../src/base/errors.ts";
import type { RunEvent } from "../../../src/chat/index.ts";
import { builtInDialects, simpleDialect, type Dialect } from "../../../src/dialects/index.ts";
import { createMemoryLog, type LogSlice, type LogStore } from "../../../src/log/index.ts";
import { createBench, eventsIn, inOrder, turn, until, type Bench, type FakeReader } from "./support.ts";

const START: readonly RunEvent[] = [{ type: "start" }, { type: "text-start", id: "t" }];
const END: readonly RunEvent[] = [{ type: "text-end", id: "t" }, { type: "finish" }];

const say = (delta: string): RunEvent => ({ type: "text-delta", id: "t", delta });

async function join(bench: Bench, count: number, dialect: Dialect = simpleDialect): Promise<readonly FakeReader[]> {
  return Promise.all(Array.from({ length: count }, () => bench.join(dialect)));
}

async function plain(bench: Bench, dialect: Dialect = simpleDialect): Promise<string> {
  const reader = await bench.join(inOrder(dialect));
  await until(() => reader.ended);
  return reader.text;
}

async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) await turn();
}

describe("readers of one run", () => {
  it("cost one tail and one wording, however many they are", async () => {
    let worded = 0;
    const counting: Dialect = {
      ...simpleDialect,
      quick: (entry, context) => {
        worded += 1;
        return simpleDialect.quick?.(entry, context);
      },
    };
    const bench = await createBench();
    await bench.append(...START);
    const readers = await join(bench, 100, counting);
    await until(() => readers.every(({ text }) => text.includes("typing")));
    await turns(5);
    worded = 0;
    bench.calls.read = 0;
    for (let count = 0; count < 20; count += 1) {
      await bench.append(say(`${count} `));
      await until(() => readers.every(({ text }) => text.includes(`"${count} "`)));
    }
    expect([bench.calls.tail, bench.calls.read, worded]).toEqual([1, 0, 20]);
    await bench.close(...END);
    await until(() => readers.every(({ ended }) => ended));
    const whole = await plain(bench);
    for (const { text } of readers) expect(text).toBe(whole);
  });

  it("take bytes that are the same memory", async () => {
    const bench = await createBench();
    const readers = await join(bench, 2);
    const taken = new Set<unknown>();
    for (const { source } of readers) {
      const take = source.take.bind(source);
      source.take = () => {
        const piece = take();
        if (piece) taken.add(piece);
        return piece;
      };
    }
    await bench.append(...START);
    await until(() => readers.every(({ text }) => text.includes("typing")));
    expect(taken.size).toBe(1);
  });

  it("are told once of all that one append brings, and take it as one piece", async () => {
    const bench = await createBench();
    await bench.append(...START);
    const [reader] = await join(bench, 1);
    await until(() => reader!.text.includes("typing"));
    await turns(5);
    const { pieces, wakes } = reader!;
    await bench.append(...Array.from("abcdefghij", say));
    await until(() => reader!.text.includes('"j"'));
    await turns(5);
    expect([reader!.pieces - pieces, reader!.wakes - wakes]).toEqual([1, 1]);
  });

  it("get what comes within a window together, and the first of it at once", async () => {
    const bench = await createBench({ flushMs: 50 });
    await bench.append(...START);
    const readers = await join(bench, 3);
    await turns(5);
    const { length } = readers[0]!.text;
    await bench.clock.advance(100);
    await bench.append(say("a"));
    await turns(5);
    expect(readers[0]!.text.slice(length)).toContain('"a"');
    for (const letter of "bcdef") {
      await bench.append(say(letter));
      await bench.clock.advance(1);
    }
    const before = readers.map(({ pieces }) => pieces);
    await bench.clock.advance(100);
    for (const [index, { text, pieces }] of readers.entries()) {
      expect(text).toContain('"f"');
      expect(pieces - before[index]!).toBeLessThanOrEqual(2);
    }
    await bench.close(...END);
    await bench.clock.advance(50);
    await until(() => readers.every(({ ended }) => ended));
    expect(bench.clock.timers).toBe(0);
  });

  it("are not held to one step in a window while there is more", async () => {
    const bench = await createBench({ flushMs: 50 });
    await bench.append(...START);
    const [reader] = await join(bench, 1);
    await turns(5);
    await bench.append(...Array.from({ length: 10_000 }, () => say("x")));
    await bench.close(...END);
    await bench.clock.advance(100);
    await turns(100);
    expect(reader!.ended).toBe(true);
    expect(reader!.text).toBe(await plain(bench));
  });

  it("are told apart by dialect, and meet in none", async () => {
    const bench = await createBench();
    await bench.append(...START);
    const readers = await Promise.all(builtInDialects.flatMap((dialect) => [bench.join(dialect), bench.join(dialect)]));
    await turns(5);
    await bench.append(say("a"));
    await bench.close(...END);
    await until(() => readers.every(({ ended }) => ended));
    expect(bench.calls.tail).toBe(builtInDialects.length);
    for (const [index, { text }] of readers.entries())
      expect(text).toBe(await plain(bench, builtInDialects[index >> 1]!));
  });

  it("get an entry that is too large to be shared in one piece, live and all the same", async () => {
    const bench = await createBench();
    await bench.append(...START);
    const readers = await join(bench, 5);
    await turns(5);
    await bench.append(say("before"), say("é".repeat(200_000)), say("after"));
    await until(() => readers.every(({ text }) => text.includes("after")));
    await bench.close(...END);
    await until(() => readers.every(({ ended }) => ended));
    const whole = await plain(bench);
    for (const { text, largest } of readers) {
      expect(text === whole).toBe(true);
      expect(largest).toBeLessThanOrEqual(65_536);
    }
  });

  it("get a run that is nothing but its terminal, from before it and live", async () => {
    const bench = await createBench();
    const [live] = await join(bench, 1);
    await turns(5);
    await bench.close({ type: "error", errorText: "No." });
    await until(() => live!.ended);
    const [late] = await join(bench, 1);
    await until(() => late!.ended);
    expect([live!.text, late!.text]).toEqual([await plain(bench), await plain(bench)]);
  });

  it("that claim to have more frames than an entry has are sent the last one again", async () => {
    const bench = await createBench();
    await bench.append(...START, say("a"));
    await bench.close(...END);
    const whole = await eventsIn(await plain(bench));
    for (const id of ["12.1", "12.999999999", "14.7"]) {
      const reader = await bench.join(simpleDialect, id);
      await until(() => reader.ended);
      const from = id === "14.7" ? -1 : 1;
      expect((await eventsIn(reader.text)).map(({ data }) => data)).toEqual(whole.slice(from).map(({ data }) => data));
    }
  });
});

describe("the feed of a run", () => {
  it("ends its tail with the last reader who leaves, and begins anew with the next", async () => {
    const signals: AbortSignal[] = [];
    const log = createMemoryLog();
    const { tail } = log;
    log.tail = (id, options) => {
      signals.push(options.signal);
      return tail.call(log, id, options);
    };
    const bench = await createBench({ store: log });
    await bench.append(...START);
    const [one, other] = await join(bench, 2);
    await turns(5);
    one!.close();
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    other!.close();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    const [third] = await join(bench, 1);
    await bench.close(...END);
    await until(() => third!.ended);
    expect(third!.text).toBe(await plain(bench));
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
  });

  it("fails all who are in it when the log is deleted under them", async () => {
    const bench = await createBench();
    await bench.append(...START);
    const readers = await join(bench, 5);
    await turns(5);
    readers[0]!.full = true;
    await bench.store.delete("run_1");
    await until(() => readers.slice(1).every(({ error }) => error !== undefined));
    for (const { error } of readers.slice(1)) expect(error).toMatchObject({ code: "log/not-found" });
    readers[0]!.full = false;
    await until(() => readers[0]!.error !== undefined);
    expect(readers.some(({ ended }) => ended)).toBe(false);
  });

  it("fails all who are in it when the store is let go of", async () => {
    const bench = await createBench();
    await bench.append(...START);
    const readers = await join(bench, 5);
    await turns(5);
    await bench.store[Symbol.asyncDispose]();
    await until(() => readers.every(({ error }) => error !== undefined));
    for (const { error, ended } of readers)
      expect([(error as SluiceError).code, ended]).toEqual(["log/released", false]);
  });

  it("that has failed once does not fail those who come later", async () => {
    const log = createMemoryLog();
    const { tail } = log;
    let fail: (error: unknown) => void = () => {};
    log.tail = (id, options) => {
      log.tail = tail;
      const steps = tail.call(log, id, options)[Symbol.asyncIterator]();
      const failure = new Promise<IteratorResult<LogSlice>>((_, reject) => (fail = reject));
      return { [Symbol.asyncIterator]: () => ({ next: () => Promise.race([steps.next(), failure]) }) };
    };
    const bench = await createBench({ store: log });
    await bench.append(...START);
    const [slow, ...early] = await join(bench, 4);
    await turns(5);
    // It is in the feed for as long as it takes nothing.
    slow!.full = true;
    await bench.append(say("before"));
    await turns(5);
    fail(new SluiceError("log/unavailable", "The store is gone for a while."));
    await until(() => early.every(({ error }) => error !== undefined));
    const late = await join(bench, 3);
    await turns(5);
    await bench.append(say("a"));
    await bench.close(...END);
    await until(() => late.every(({ ended }) => ended));
    const whole = await plain(bench);
    for (const { text, error } of late) expect([text, error]).toEqual([whole, undefined]);
  });

  it("fails all who wait for a log that throws where it should reject, at once and at a pace", async () => {
    const memory = createMemoryLog();
    const steps = (): AsyncIterator<LogSlice> => ({
      next: () => {
        throw new TypeError("broken");
      },
    });
    const store = new Proxy(memory, {
      get(target, name: keyof LogStore) {
        if (name === "tail") return () => ({ [Symbol.asyncIterator]: steps });
        const method = target[name];
        return typeof method === "function" ? method.bind(target) : method;
      },
    });
    const bench = await createBench({ store, flushMs: 25 });
    const [first, second] = [await bench.join(simpleDialect), await bench.join(simpleDialect)];
    await bench.clock.advance(25);
    for (const { error } of [first, second]) expect(error).toEqual(new TypeError("broken"));
  });

  it("fails those who are at an entry that its dialect throws at, and no others", async () => {
    const picky: Dialect = {
      ...simpleDialect,
      name: "picky",
      quick: (entry, context) => {
        if (entry.includes("boo")) throw new Error("no");
        return simpleDialect.quick?.(entry, context);
      },
    };
    const bench = await createBench();
    await bench.append(...START);
    const [bad, good] = [await join(bench, 3, picky), await join(bench, 3)];
    await turns(5);
    await bench.append(say("boo"));
    await until(() => [...bad, bad[0]!].every(({ error }) => error !== undefined));
    await bench.close(...END);
    await until(() => good.every(({ ended }) => ended));
    expect(bad.some(({ ended }) => ended)).toBe(false);
  });

  it("keeps at most about 64 KiB for those who are slower, who go on from the log", async () => {
    const bench = await createBench();
    await bench.append(...START);
    const [slow, fast] = await join(bench, 2);
    await turns(5);
    slow!.full = true;
    for (let count = 0; count < 60; count += 1) {
      await bench.append(say("x".repeat(4_000)), say(`${count}`));
      await until(() => fast!.text.includes(`"${count}"`));
    }
    bench.calls.read = 0;
    slow!.full = false;
    await until(() => slow!.text.includes('"59"'));
    expect(bench.calls.read).toBeGreaterThan(3);
    await turns(5);
    bench.calls.read = 0;
    // It has come back to the feed.
    await bench.append(say("a"));
    await until(() => slow!.text.includes('"a"'));
    expect([bench.calls.read, bench.calls.tail]).toEqual([0, 1]);
  });

  it("gives one who is alone in it all that it has, without the log", async () => {
    const bench = await createBench();
    await bench.append(...START);
    const [reader] = await join(bench, 1);
    await turns(5);
    bench.calls.read = 0;
    await bench.append(...Array.from({ length: 20 }, () => say("x".repeat(1_500))));
    await turns(10);
    expect(reader!.text.split("event: chunk")).toHaveLength(21);
    expect(bench.calls.read).toBe(0);
  });
});
