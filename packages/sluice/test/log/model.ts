import fc from "fast-check";
import { isSluiceError } from "../../src/base/errors.ts";
import type { LogStore } from "../../src/log/index.ts";
import type { ManualClock } from "../../src/testing/manual-clock.ts";

/** Few names and small numbers, so that commands meet. Places and fences are drawn as distances: see `aim`. */
export type Command =
  | {
      readonly do: "create";
      readonly id: string;
      readonly key: string;
      readonly keepLast: number;
      readonly maxBytes: number;
    }
  | {
      readonly do: "append" | "close";
      readonly id: string;
      readonly entries: readonly string[];
      readonly expected: number;
      readonly fence: number;
    }
  | {
      readonly do: "read";
      readonly id: string;
      readonly after: number;
      readonly maxEntries: number;
      readonly maxLength: number;
    }
  | { readonly do: "lease"; readonly id: string; readonly holder: string }
  | { readonly do: "state" | "requestStop" | "delete"; readonly id: string }
  | { readonly do: "find"; readonly key: string }
  | { readonly do: "list" | "lapsed" }
  | { readonly do: "advance"; readonly ms: number };

const OWNER = "owner";
const LEASE_MS = 10;
const TTL_MS = 15;
const HOLDERS = ["maker", "other"];

const id = fc.constantFrom("a", "a", "a", "b");
const key = fc.constantFrom("", "k", "l"); // "" stands for none
const entries = fc.array(fc.constantFrom("x", "y", "zz"), { minLength: 1, maxLength: 3 });
const expected = fc.constantFrom(0, 0, 0, 1, 2, 3, -1); // entries before the end
const fence = fc.constantFrom(0, 0, 0, 0, 0, 0, 1, -1); // holders before the present one

export const commands: fc.Arbitrary<readonly Command[]> = fc.array(
  fc.oneof(
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("create"),
        id,
        key,
        keepLast: fc.constantFrom(2, 1_000),
        maxBytes: fc.constantFrom(6, 1_000),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom("append", "append", "append", "close"),
        id,
        entries,
        expected,
        fence,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("read"),
        id,
        after: fc.integer({ min: -1, max: 5 }),
        maxEntries: fc.integer({ min: 1, max: 4 }),
        maxLength: fc.integer({ min: 1, max: 6 }),
      }),
    },
    fc.record({ do: fc.constant("lease"), id, holder: fc.constantFrom(...HOLDERS) }),
    fc.record({ do: fc.constantFrom("state", "requestStop", "delete"), id }),
    fc.record({ do: fc.constant("find"), key }),
    fc.record({ do: fc.constantFrom("list", "lapsed") }),
    { weight: 2, arbitrary: fc.record({ do: fc.constant("advance"), ms: fc.constantFrom(1, 5, 10, 15) }) },
  ) as fc.Arbitrary<Command>,
  { maxLength: 60, size: "max" },
);

/** What a store answers to a command: the part that the contract fixes, or the code of the error. */
export async function perform(store: LogStore, clock: ManualClock, command: Command): Promise<unknown> {
  try {
    return await ask(store, clock, command);
  } catch (error) {
    if (isSluiceError(error)) return error.code;
    throw error;
  }
}

async function ask(store: LogStore, clock: ManualClock, command: Command): Promise<unknown> {
  switch (command.do) {
    case "create": {
      const { keepLast, maxBytes } = command;
      const {
        created,
        state,
        fence: given,
      } = await store.create(command.id, {
        owner: OWNER,
        meta: {},
        ttlMs: TTL_MS,
        lease: { holder: "maker", ttlMs: LEASE_MS },
        limits: { maxBytes, maxEntries: 8 },
        ...(command.key === "" ? {} : { claim: { key: command.key, hash: "h" } }),
        ...(keepLast === 1_000 ? {} : { keepLast }),
      });
      return { created, id: state.id, fence: given };
    }
    case "append":
    case "close":
      return (await store[command.do](command.id, command.entries, command)).last;
    case "read":
      return store.read(command.id, command);
    case "lease":
      return store.lease(command.id, { holder: command.holder, ttlMs: LEASE_MS });
    case "state":
    case "requestStop":
      return digest(await store[command.do](command.id));
    case "delete":
      return store.delete(command.id);
    case "find":
      return digest(await store.find(OWNER, command.key));
    case "list":
      return (await store.list({ owner: OWNER, limit: 100 })).logs.map(digest);
    case "lapsed":
      return [...(await store.lapsed(100))].sort();
    case "advance":
      return clock.advance(command.ms);
  }
}

type Digest = readonly unknown[] | undefined;

function digest(state: Awaited<ReturnType<LogStore["state"]>>): Digest {
  return (
    state && [state.id, state.createdAt, state.first, state.last, state.bytes, state.stopRequested, state.closedAt]
  );
}

interface Log {
  readonly id: string;
  readonly key: string;
  readonly keepLast: number;
  readonly maxBytes: number;
  readonly createdAt: number;
  /** Every entry there ever was; of those before `first` nobody may know. */
  readonly all: string[];
  fence: number;
  holder: string;
  expiresAt: number;
  stop: boolean;
  closedAt: number | undefined;
}

export interface Model {
  /** The command with its distances turned into the places they mean at this moment. */
  aim(drawn: Command): Command;
  answer(command: Command): unknown;
}

/** The contract as the plainest program there is: one list of logs, newest first, searched from the start each time. */
export function createModel(): Model {
  let logs: Log[] = [];
  let now = 0;

  const aim = (drawn: Command): Command => {
    const log = "id" in drawn ? logs.find(({ id: name }) => name === drawn.id) : undefined;
    const before = (distance: number): number => Math.max(0, (log?.all.length ?? 0) - distance);
    if (drawn.do === "read") return { ...drawn, after: before(drawn.after) };
    if (drawn.do !== "append" && drawn.do !== "close") return drawn;
    return { ...drawn, expected: before(drawn.expected), fence: (log?.fence ?? 1) - drawn.fence };
  };

  const answer = (command: Command): unknown => {
    logs = logs.filter(({ closedAt }) => closedAt === undefined || now < closedAt + TTL_MS);
    const log = "id" in command ? logs.find(({ id: name }) => name === command.id) : undefined;
    switch (command.do) {
      case "create": {
        const holder = logs.find((other) => command.key !== "" && other.key === command.key);
        if (holder) return { created: false, id: holder.id, fence: holder.fence };
        if (log) return "log/exists";
        const { do: _, ...given } = command;
        const lease = { fence: 1, holder: "maker", expiresAt: now + LEASE_MS };
        logs.unshift({ ...given, ...lease, createdAt: now, all: [], stop: false, closedAt: undefined });
        return { created: true, id: command.id, fence: 1 };
      }
      case "append":
      case "close":
        return log ? add(log, command, now) : "log/not-found";
      case "read":
        return log ? read(log, command) : "log/not-found";
      case "lease":
        return log ? lease(log, command.holder, now) : "log/not-found";
      case "state":
        return log && shown(log);
      case "requestStop":
        if (!log) return "log/not-found";
        log.stop ||= log.closedAt === undefined;
        return shown(log);
      case "delete":
        logs = logs.filter((other) => other !== log);
        return log !== undefined;
      case "find": {
        const found = logs.find((other) => command.key !== "" && other.key === command.key);
        return found && shown(found);
      }
      case "list":
        return logs.map(shown);
      case "lapsed": {
        const lapsed = logs.filter(({ closedAt, expiresAt }) => closedAt === undefined && expiresAt <= now);
        return lapsed.map(({ id: name }) => name).sort();
      }
      case "advance":
        now += command.ms;
        return undefined;
    }
  };

  return { aim, answer };
}

function kept({ all, keepLast }: Log): { readonly first: number; readonly bytes: number } {
  const gone = Math.max(0, all.length - keepLast);
  return { first: gone + 1, bytes: all.slice(gone).join("").length };
}

function shown(log: Log): Digest {
  const { first, bytes } = kept(log);
  return [log.id, log.createdAt, first, log.all.length, bytes, log.stop, log.closedAt];
}

function add(log: Log, command: Extract<Command, { do: "append" | "close" }>, now: number): unknown {
  const { entries: added, expected: place, fence: given } = command;
  if (given !== log.fence) return "log/fenced";
  const { first, bytes } = kept(log);
  const stored = log.all.slice(place, place + added.length);
  const repeated =
    place + 1 >= first && stored.length === added.length && stored.every((text, at) => text === added[at]);
  const atEnd = place + added.length === log.all.length;
  if (repeated && (command.do === "append" || (log.closedAt !== undefined && atEnd))) return place + added.length;
  if (log.closedAt !== undefined) return "log/closed";
  if (place !== log.all.length) return "log/conflict";
  if (command.do === "append" && bytes + added.join("").length > log.maxBytes) return "log/max-bytes";
  if (command.do === "append" && log.all.length + added.length > 8) return "log/max-entries";
  log.all.push(...added);
  if (command.do === "close") log.closedAt = now;
  return log.all.length;
}

function read(log: Log, command: Extract<Command, { do: "read" }>): unknown {
  const { after, maxEntries, maxLength } = command;
  if (after > log.all.length) return "offset/beyond-end";
  if (after + 1 < kept(log).first) return "log/gap";
  let taken = log.all.slice(after, after + maxEntries);
  while (taken.length > 1 && taken.join("").length > maxLength) taken = taken.slice(0, -1);
  return { after, entries: taken, end: log.closedAt !== undefined && after + taken.length === log.all.length };
}

function lease(log: Log, holder: string, now: number): unknown {
  if (log.closedAt !== undefined) return "log/closed";
  if (holder !== log.holder) {
    if (now < log.expiresAt) return "log/lease-held";
    log.fence += 1;
  }
  log.holder = holder;
  log.expiresAt = now + LEASE_MS;
  return { fence: log.fence, expiresAt: log.expiresAt };
}
