import { expect } from "vitest";
import { openEventStream, type EventStreamOptions, type StreamEvent } from "sluice/client";
import { parseEvents } from "sluice/sse";
import { KEY } from "./gateways.ts";

/** A reader of one answer, from its question to its terminal, over as many gateways and connections as it takes. */
export interface Reader {
  readonly dialect: Dialect;
  readonly requestId: string | undefined;
  readonly runId: string;
  readonly events: readonly StreamEvent[];
  /** Resolves when it has so many events, or has ended. */
  has(count: number): Promise<void>;
  /** Resolves with how the answer ended. */
  readonly outcome: Promise<Outcome>;
  /** By `performance.now()`. */
  readonly endedAt: number | undefined;
  leave(): void;
}

export type Dialect = "simple" | "ai-sdk";

/** `finish`, `abort`, or the code of the error. */
export type Outcome = string;

// Every request has a connection of its own: the balancer decides about each.
export const HEADERS: Readonly<Record<string, string>> = { authorization: `Bearer ${KEY}`, connection: "close" };

// Waits of the client are not what is tested: backoffs are short, heartbeats are not missed.
const LONGEST_BACKOFF_MS = 30_000;
export const impatient: NonNullable<EventStreamOptions["clock"]> = {
  now: () => performance.now(),
  timer(ms, run) {
    const handle = setTimeout(run, ms > LONGEST_BACKOFF_MS ? ms : Math.min(ms, 25));
    return () => clearTimeout(handle);
  },
};

let asked = 0;

export interface Ask extends Reading {
  readonly dialect?: Dialect;
  readonly threadId?: string;
  readonly requestId?: string;
}

interface Source extends EventStreamOptions {
  readonly url: string;
}

interface Reading {
  /** Default `HEADERS`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Silence that means a broken connection, in real time. Default: none does. */
  readonly stallMs?: number;
  /** What the reader has already. */
  readonly lastEventId?: string;
}

export function ask(url: string, content: string, options: Ask = {}): Reader {
  const { dialect = "ai-sdk", stallMs, headers = HEADERS, ...more } = options;
  const requestId = more.requestId ?? `r${process.pid}-${(asked += 1)}`;
  const body = { ...more, requestId, message: { content } };
  const source = { url: `${url}/stream?dialect=${dialect}`, body, headers, ...(stallMs ? { stallMs } : {}) };
  return read(source, dialect, requestId);
}

/** Another reader of a run, from its start. */
export function join(url: string, runId: string, dialect: Dialect = "ai-sdk", reading: Reading = {}): Reader {
  return read({ headers: HEADERS, url: `${url}/runs/${runId}/events?dialect=${dialect}`, ...reading }, dialect);
}

function read({ url, ...options }: Source, dialect: Dialect, requestId?: string): Reader {
  const leaving = new AbortController();
  const events: StreamEvent[] = [];
  const waiting = new Set<() => void>();
  let ended = false;
  let endedAt: number | undefined;
  // A stall that is asked for is real time.
  const clock = options.stallMs === undefined ? { clock: impatient } : {};
  const reader = openEventStream(url, {
    backoff: { maxAttempts: 100_000 },
    ...clock,
    ...options,
    signal: leaving.signal,
  });
  const outcome = (async () => {
    try {
      for await (const event of reader) {
        events.push(event);
        for (const check of waiting) check();
      }
      return outcomeOf(dialect, events);
    } finally {
      ended = true;
      endedAt = performance.now();
      for (const check of waiting) check();
    }
  })();
  outcome.catch(() => {}); // whoever waits for it is told
  return {
    dialect,
    requestId,
    get runId() {
      return reader.runId ?? "";
    },
    events,
    outcome,
    get endedAt() {
      return endedAt;
    },
    has: (count) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (events.length < count && !ended) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    leave: () => leaving.abort(),
  };
}

function outcomeOf(dialect: Dialect, events: readonly StreamEvent[]): Outcome {
  const last = events.at(dialect === "ai-sdk" ? -2 : -1);
  const data = JSON.parse(last?.data ?? "{}") as Readonly<Record<string, unknown>>;
  if (dialect === "ai-sdk") return data["type"] === "error" ? String(data["code"]) : String(data["type"]);
  if (last?.event === "error") return String(data["code"]);
  return data["finishReason"] === "abort" ? "abort" : "finish";
}

/** All of a run as one connection gives it, without our client, which drops what comes twice. As `joined` has it. */
export async function wholeRun(
  url: string,
  runId: string,
  dialect: Dialect,
  headers: Readonly<Record<string, string>> = HEADERS,
): Promise<readonly StreamEvent[]> {
  const response = await fetch(`${url}/runs/${runId}/events?dialect=${dialect}`, { headers });
  expect([runId, response.status]).toEqual([runId, 200]);
  const events: StreamEvent[] = [];
  if (response.body) for await (const event of parseEvents(response.body)) events.push(event);
  return joined(events);
}

/** Deltas of one part in a row as one, with the last id: a reader that is behind is sent them so, a live one is not. */
function joined(events: readonly StreamEvent[]): readonly StreamEvent[] {
  const list: StreamEvent[] = [];
  for (const event of events) {
    const before = list.at(-1);
    const data = before && before.event === event.event ? joinData(before.data, event.data) : undefined;
    if (data === undefined) list.push(event);
    else list[list.length - 1] = { ...event, data };
  }
  return list;
}

const DELTAS = ["delta", "inputTextDelta", "content"] as const;

function joinData(before: string, after: string): string | undefined {
  if (!before.startsWith("{") || !after.startsWith("{")) return undefined;
  const [a, b] = [JSON.parse(before), JSON.parse(after)] as Readonly<Record<string, unknown>>[];
  const key = DELTAS.find((name) => typeof a?.[name] === "string" && typeof b?.[name] === "string");
  if (!a || !b || key === undefined || "role" in a) return undefined;
  const [rest, other] = [
    { ...a, [key]: "" },
    { ...b, [key]: "" },
  ];
  if (JSON.stringify(rest) !== JSON.stringify(other)) return undefined;
  return JSON.stringify({ ...a, [key]: `${String(a[key])}${String(b[key])}` });
}

/**
 * What a reader has been given is what the log holds from its start: nothing lost, nothing twice, nothing else, ids
 * that rise, and one terminal at the end.
 */
export async function expectWhole(url: string, reader: Reader, headers = HEADERS): Promise<void> {
  const { runId, dialect } = reader;
  const whole = await wholeRun(url, runId, dialect, headers);
  expect({ runId, events: joined(reader.events) }).toEqual({ runId, events: whole });
  expect([runId, wrongIds(reader.events), wrongIds(whole)]).toEqual([runId, [], []]);
  const isTerminal = ({ event, data }: StreamEvent): boolean =>
    dialect === "ai-sdk"
      ? /^\{"type":"(finish|error|abort)"/.test(data) || data === "[DONE]"
      : event === "done" || event === "error";
  const terminals = whole.flatMap((event, index) => (isTerminal(event) ? [index - whole.length] : []));
  expect([runId, terminals]).toEqual([runId, dialect === "ai-sdk" ? [-2, -1] : [-1]]);
}

/** Ids that do not rise. */
function wrongIds(events: readonly StreamEvent[]): readonly (string | undefined)[] {
  let before: readonly [number, number] = [0, 0];
  return events.flatMap(({ id }) => {
    const [offset = "", skip = "0"] = (id ?? "").split(".");
    const [last, part] = before;
    const now = [Number(offset.slice(1)), Number(skip)] as const;
    before = now;
    return now[0] > last || (now[0] === last && now[1] > part) ? [] : [id];
  });
}

/** The text in deltas of either dialect. */
export function saidIn(events: readonly StreamEvent[]): string {
  const deltas = joined(events).flatMap(({ data }) => {
    const { type, delta, content, role } = data.startsWith("{") ? (JSON.parse(data) as Record<string, unknown>) : {};
    return type === "text-delta" ? [String(delta)] : typeof content === "string" && !role ? [content] : [];
  });
  return deltas.join("");
}

/** The text of an answer in the `ai-sdk` dialect, as far as it came. */
export function textOf({ events }: Reader): string {
  return events
    .filter(({ data }) => data.startsWith('{"type":"text-delta"'))
    .map(({ data }) => (JSON.parse(data) as { readonly delta: string }).delta)
    .join("");
}

export interface RunView {
  readonly status: string;
  readonly error?: { readonly code: string };
}

export async function get<T>(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>> = HEADERS,
): Promise<T> {
  const response = await fetch(`${url}${path}`, { headers });
  expect([path, response.status]).toEqual([path, 200]);
  return (await response.json()) as T;
}

export async function stop(url: string, runId: string): Promise<number> {
  const response = await fetch(`${url}/runs/${runId}/stop`, { method: "POST", headers: HEADERS });
  await response.arrayBuffer();
  return response.status;
}
