import { noMeter, type Meter } from "../../../src/base/meter.ts";
import { formatOffset, parsePosition } from "../../../src/base/offset.ts";
import type { RunEvent } from "../../../src/chat/index.ts";
import type { Dialect } from "../../../src/dialects/index.ts";
import { createFeeds } from "../../../src/http/delivery/feeds.ts";
import { openReader } from "../../../src/http/delivery/open.ts";
import { createPacer } from "../../../src/http/delivery/pacer.ts";
import type { Listener, PieceSource } from "../../../src/http/delivery/source.ts";
import { plainForm } from "../../../src/http/form.ts";
import { createFraming } from "../../../src/http/framing.ts";
import type { Service } from "../../../src/http/service.ts";
import { createShared } from "../../../src/http/shared.ts";
import { createMemoryLog, type LogStore } from "../../../src/log/index.ts";
import type { RunState } from "../../../src/run/index.ts";
import { parseEvents, type ParsedEvent } from "../../../src/sse/index.ts";
import { createManualClock, type ManualClock } from "../../../src/testing/manual-clock.ts";
import { turn } from "../support.ts";

export { turn, until } from "../support.ts";

const RUN_ID = "run_1";

/** A log and what delivers it, without HTTP. */
export interface Bench {
  readonly clock: ManualClock;
  readonly store: LogStore;
  /** How often each method of the store was called. */
  readonly calls: { tail: number; read: number };
  append(...events: readonly RunEvent[]): Promise<void>;
  /** The last events; the log ends with them. */
  close(...events: readonly RunEvent[]): Promise<void>;
  /** @param after an id, as a reader sends it; default: from the start */
  join(dialect: Dialect, after?: string): Promise<FakeReader>;
}

export interface BenchOptions {
  readonly mergeBehind?: number;
  readonly flushMs?: number;
  readonly meter?: Meter;
  readonly store?: LogStore;
}

export async function createBench(options: BenchOptions = {}): Promise<Bench> {
  const clock = createManualClock();
  const calls = { tail: 0, read: 0 };
  const log = options.store ?? createMemoryLog({ clock });
  const store = new Proxy(log, {
    get(target, name: keyof LogStore) {
      const method = target[name];
      if (typeof method !== "function") return method;
      return (...given: unknown[]): unknown => {
        if (name === "tail" || name === "read") calls[name] += 1;
        return (method as (...given: unknown[]) => unknown).apply(target, given);
      };
    },
  });
  await store.create(RUN_ID, { owner: "alice", meta: {}, ttlMs: 1_000_000 });
  const { mergeBehind = Infinity, flushMs = 0, meter = noMeter } = options;
  const service = {
    runs: { store },
    turn,
    meter,
    mergeBehind,
    entries: createShared(),
    feeds: createFeeds(),
    progress: { reached: () => {}, whenTaken: () => Promise.resolve() },
    pacer: createPacer({ clock, flushMs, maxFlushMs: 0, load: () => 0 }),
  } as unknown as Service;
  let last = 0;
  return {
    clock,
    store,
    calls,
    async append(...events) {
      if (events.length === 0) return;
      await store.append(RUN_ID, events.map(textOf), { expected: last, fence: 1 });
      last += events.length;
    },
    async close(...events) {
      await store.close(RUN_ID, events.map(textOf), { expected: last, fence: 1 });
      last += events.length;
    },
    async join(dialect, after = "10") {
      const position = parsePosition(after);
      const { entries } = await log.read(RUN_ID, { after: position.sequence, maxEntries: 1 });
      const { bytes } = (await log.state(RUN_ID))!;
      const run = { id: RUN_ID, createdAt: 0, bytes, lastOffset: formatOffset(last) } as unknown as RunState;
      const framing = createFraming(plainForm(dialect), RUN_ID, false);
      const reading = { run, dialect, framing, after: position, live: entries.length === 0, bare: false };
      return new FakeReader((listener) => openReader(service, reading, listener));
    },
  };
}

function textOf(event: RunEvent): string {
  return JSON.stringify(event);
}

/** A connection that is full when it is told to be. */
export class FakeReader implements Listener {
  text = "";
  pieces = 0;
  largest = 0;
  wakes = 0;
  ended = false;
  error: unknown;
  readonly source: PieceSource;
  #full = false;
  #closed = false;

  constructor(open: (listener: Listener) => PieceSource) {
    this.source = open(this);
    this.wake();
  }

  get over(): boolean {
    return this.ended || this.#closed;
  }

  set full(full: boolean) {
    this.#full = full;
    if (!full) this.wake();
  }

  wake(): void {
    this.wakes += 1;
    while (!this.#full && !this.over) {
      const piece = this.source.take();
      if (piece) {
        this.text += new TextDecoder("utf-8", { fatal: true }).decode(piece.bytes);
        this.pieces += 1;
        this.largest = Math.max(this.largest, piece.bytes.byteLength);
      }
      if (this.source.ended) this.ended = true;
      else if (!piece) return;
    }
    if (this.ended) this.close();
  }

  fail(error: unknown): void {
    this.error = error;
    this.close();
  }

  close(): void {
    this.#closed = true;
    this.source.close();
  }
}

/** The same wording, by the way that goes through all from the start. */
export function inOrder({ name, headers, resumes, open }: Dialect): Dialect {
  return { name, headers, resumes, open };
}

export async function eventsIn(text: string): Promise<readonly ParsedEvent[]> {
  const events: ParsedEvent[] = [];
  for await (const event of parseEvents(new Blob([text]).stream())) events.push(event);
  return events;
}

/** Where a text was cut into frames does not count: what follows each other in one place becomes one. */
export async function joined(text: string): Promise<readonly ParsedEvent[]> {
  const all: { event: ParsedEvent; delta: Delta | undefined; readonly texts: string[] }[] = [];
  for (const event of await eventsIn(text)) {
    const before = all.at(-1);
    const delta = deltaOf(event);
    if (before && delta && before.delta?.of === delta.of) {
      before.event = event;
      before.texts.push(delta.text);
    } else all.push({ event, delta, texts: delta ? [delta.text] : [] });
  }
  return all.map(({ event, delta, texts }) =>
    delta ? { ...event, data: JSON.stringify({ ...delta.rest, [delta.key]: texts.join("") }) } : event,
  );
}

interface Delta {
  readonly of: string;
  readonly key: string;
  readonly rest: object;
  readonly text: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** In every dialect that is built in. */
function deltaOf({ event, data }: ParsedEvent): Delta | undefined {
  const value = parse(data);
  // Text as it is.
  if (event === "message" && !isFields(value) && data !== "[DONE]") {
    return { of: "message", text: data, rest: {}, key: "text" };
  }
  const path = isFields(value) ? pathOf(event, value) : undefined;
  if (!path) return undefined;
  const [text, rest] = taken(value as Fields, path);
  return { of: `${event} ${JSON.stringify(rest)}`, rest, key: path.join("."), text };
}

/** Where the text of a delta is. */
function pathOf(event: string, value: Fields): readonly string[] | undefined {
  const { type, id, event: told, meta, delta } = value;
  if (event === "chunk") return ["content"];
  if (isDeltaType(type)) return [keyOf(value)];
  if (event === "update" && (typeof id === "string" || (isFields(told) && told["type"] === "text-delta")))
    return ["delta"];
  if (event === "update" && isFields(told) && isDeltaType(told["type"])) return ["event", keyOf(told)];
  const chat = isFields(meta) && isFields(meta["chat"]) ? meta["chat"]["type"] : undefined;
  if (chat === "text-delta") return ["payload", "text"];
  if (isDeltaType(chat)) return ["payload", keyOf(value["payload"] as Fields)];
  if (isFields(delta) && delta["type"] === "text_chunk") return ["delta", "text"];
  if (isFields(delta) && delta["type"] === "tool_input_chunk") return ["delta", "chunk"];
  return undefined;
}

function keyOf(fields: Fields): string {
  return ["content", "delta", "inputTextDelta"].find((name) => name in fields)!;
}

function taken(value: Fields, [key = "", ...more]: readonly string[]): readonly [text: string, rest: Fields] {
  const { [key]: inner, ...rest } = value;
  if (more.length === 0) return [inner as string, rest];
  const [text, innerRest] = taken(inner as Fields, more);
  return [text, { ...rest, [key]: innerRest }];
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

function isDeltaType(type: unknown): boolean {
  return type === "chunk" || type === "text-delta" || type === "reasoning-delta" || type === "tool-input-delta";
}
