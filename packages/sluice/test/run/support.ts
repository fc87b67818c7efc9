import { afterEach, beforeEach, expect } from "vitest";
import type { Logger } from "../../src/base/log.ts";
import { createOrder, isTerminal, parseRunEvent, type RunEvent, type TerminalEvent } from "../../src/chat/index.ts";
import { createMemoryLog, type LogStore } from "../../src/log/index.ts";
import { createRuns, type Runs, type RunsOptions } from "../../src/run/index.ts";
import { createManualClock, type ManualClock } from "../../src/testing/manual-clock.ts";

export const OWNER = "alice";

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface World {
  readonly clock: ManualClock;
  readonly store: LogStore;
  readonly runs: Runs;
  /** What was logged. */
  readonly lines: readonly Line[];
  /** The whole log of a run, checked: shapes, order, at most one terminal and that one last. */
  read(id: string): Promise<readonly RunEvent[]>;
}

export interface WorldOptions extends Omit<Partial<RunsOptions>, "clock"> {
  /** Operations of the store to be replaced; it is given the real ones. */
  readonly over?: (memory: LogStore) => Partial<LogStore>;
}

/** Runs on a memory log and a manual clock. */
export function createWorld(options: WorldOptions = {}): World {
  const { over = () => ({}), ...rest } = options;
  const clock = createManualClock(1_000_000);
  const memory = options.store ?? createMemoryLog({ clock });
  const lines: Line[] = [];
  const log: Logger = (level, message, fields) => void lines.push({ level, message, fields });
  const store = overriding(memory, over(memory));
  const runs = createRuns({ clock, log, ...rest, store });
  return { clock, store, runs, lines, read: (id) => readRun(memory, id) };
}

/** The store with some operations replaced. */
export function overriding(store: LogStore, over: Partial<LogStore>): LogStore {
  return new Proxy(store, {
    get(target, key) {
      const value: unknown = Reflect.get(Object.hasOwn(over, key) ? over : target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The store as a process sees it that dies when this operation has been done on a run: nothing answers after that. */
export function dyingAfter(
  store: LogStore,
  last: keyof LogStore,
): { readonly dying: LogStore; readonly dead: Promise<void> } {
  let alive = true;
  let die = (): void => {};
  const dead = new Promise<void>((resolve) => (die = resolve));
  const dying = new Proxy(store, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      return async (id: string, ...rest: readonly unknown[]) => {
        if (!alive) return new Promise(() => {});
        const result: unknown = await Reflect.apply(value, target, [id, ...rest]);
        if (key !== last || !id.startsWith("run_")) return result;
        alive = false;
        die();
        return new Promise(() => {});
      };
    },
  });
  return { dying, dead };
}

export async function readRun(store: LogStore, id: string): Promise<readonly RunEvent[]> {
  const order = createOrder();
  const events: RunEvent[] = [];
  let after = 0;
  while (true) {
    const { entries } = await store.read(id, { after });
    if (entries.length === 0) return events;
    after += entries.length;
    for (const entry of entries) {
      const event = parseRunEvent(JSON.parse(entry));
      order.accept(event); // throws when anything follows a terminal
      events.push(event);
    }
  }
}

export function terminalOf(events: readonly RunEvent[]): TerminalEvent | undefined {
  const last = events.at(-1);
  return last && isTerminal(last) ? last : undefined;
}

export function textOf(events: readonly RunEvent[]): string {
  return events.map((event) => ("type" in event && event.type === "text-delta" ? event.delta : "")).join("");
}

/** A text part that says the words and does not end. */
export async function* saying(...words: readonly string[]): AsyncGenerator<RunEvent> {
  yield { type: "text-start", id: "t" };
  for (const delta of words) yield { type: "text-delta", id: "t", delta };
}

/** Never yields, never ends; `returned` tells whether it was let go of. */
export function hanging<T>(): AsyncIterable<T> & { readonly returned: boolean } {
  let returned = false;
  return {
    get returned() {
      return returned;
    },
    [Symbol.asyncIterator]: () => ({
      next: () => never(),
      return: async () => {
        returned = true;
        return { done: true, value: undefined };
      },
    }),
  };
}

export function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}

export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** Lets everything happen that needs no time and no network. */
export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Every test of the file fails when a promise was rejected and nobody looked. */
export function forbidStrayRejections(): void {
  let stray: unknown[] = [];
  const onStray = (reason: unknown): void => void stray.push(reason);
  beforeEach(() => {
    stray = [];
    process.on("unhandledRejection", onStray);
  });
  afterEach(async () => {
    await turns();
    process.off("unhandledRejection", onStray);
    expect(stray).toEqual([]);
  });
}
