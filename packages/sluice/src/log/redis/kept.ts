import type { Clock } from "../../base/clock.ts";
import type { AppendAt } from "../types.ts";

export interface KeptOptions {
  readonly clock: Clock;
  /** How long entries are kept. Time counts while `isCalm`, so that an outage does not use it up. */
  readonly keepMs: number;
  /** Whether Redis answers, as far as anybody has asked. */
  readonly isCalm: () => boolean;
  /** Characters kept of one log, and of all. Defaults 1 Mi and 64 Mi. */
  readonly logLength?: number;
  readonly storeLength?: number;
}

const TICKS = 10;
/** What an entry counts beside its characters: they are put back in one command, which many tiny ones make slow. */
const ENTRY_COST = 32;
/** Logs of which at least the last number is kept. A producer that is further back is told apart by the server. */
const LOGS = 16_384;

/**
 * What this node has appended lately, to be appended again when a fail-over has lost it. Of a log whose entries are not
 * kept any more the number of the last is, by which a loss is told from a caller's mistake.
 */
export class KeptTails {
  readonly #options: Required<KeptOptions>;
  /** In the order of their last appends. */
  readonly #tails = new Map<string, Tail>();
  #length = 0;
  #tick = 0;
  #cancel: (() => void) | undefined;

  constructor(options: KeptOptions) {
    this.#options = { logLength: 1 << 20, storeLength: 1 << 26, ...options };
  }

  get ids(): readonly string[] {
    return [...this.#tails.keys()];
  }

  /** Characters of all entries kept. */
  get length(): number {
    return this.#length;
  }

  /** What is kept of the log of this making and fence. */
  find(id: string, token: string, fence: number): Tail | undefined {
    const tail = this.#tails.get(id);
    return tail?.token === token && tail.fence === fence ? tail : undefined;
  }

  get(id: string): Tail | undefined {
    return this.#tails.get(id);
  }

  /** Entries that were acknowledged; with the summary, as JSON or empty, when they closed the log. */
  add(id: string, token: string, at: AppendAt, entries: readonly string[], summary?: string): void {
    let tail = this.find(id, token, at.fence);
    const last = at.expected + entries.length;
    if (tail && last <= tail.last && (summary === undefined || tail.summary !== undefined)) return;
    if (tail?.last === at.expected) this.#tails.delete(id);
    else {
      this.forget(id);
      tail = new Tail(token, at.fence, at.expected);
    }
    this.#tails.set(id, tail);
    tail.summary = summary;
    this.#length += tail.push(entries, this.#tick);
    this.#cut(tail, ({ length }) => length > this.#options.logLength || this.#options.keepMs === 0);
    // Nothing follows a terminal, so nobody asks for the last number.
    if (tail.length === 0 && tail.summary !== undefined) this.#tails.delete(id);
    this.#bound();
    if (this.#length > 0) this.#cancel ??= this.#tickLater();
  }

  forget(id: string): void {
    const tail = this.#tails.get(id);
    if (!tail) return;
    this.#length -= tail.length;
    this.#tails.delete(id);
  }

  release(): void {
    this.#cancel?.();
    this.#tails.clear();
    this.#length = 0;
  }

  #cut(tail: Tail, isOver: (tail: Tail) => boolean): void {
    while (tail.length > 0 && isOver(tail)) this.#length -= tail.shift();
  }

  // The log that was appended to longest ago first, and an eighth at once: this is no work for every append.
  #bound(): void {
    const { storeLength } = this.#options;
    if (this.#tails.size > LOGS) this.forget(this.#tails.keys().next().value ?? "");
    if (this.#length <= storeLength) return;
    for (const tail of this.#tails.values()) {
      this.#cut(tail, () => this.#length > (storeLength / 8) * 7);
    }
  }

  #tickLater(): () => void {
    const { clock, keepMs, isCalm } = this.#options;
    return clock.timer(keepMs / TICKS, () => {
      this.#cancel = undefined;
      if (isCalm()) this.#tick += 1;
      for (const [id, tail] of this.#tails) {
        this.#cut(tail, ({ firstAt }) => firstAt < this.#tick - TICKS);
        if (tail.length === 0 && tail.summary !== undefined) this.#tails.delete(id);
      }
      if (this.#length > 0) this.#cancel = this.#tickLater();
    });
  }
}

interface Batch {
  readonly entries: readonly string[];
  readonly length: number;
  readonly at: number;
}

/** The newest entries of a log that one producer has appended. */
export class Tail {
  /** Of the log's making: another log of the same id has another one. */
  readonly token: string;
  readonly fence: number;
  /** The last number acknowledged. */
  last: number;
  /** Characters of the entries kept. */
  length = 0;
  /** Of the close, as JSON or empty; undefined while the log is open. */
  summary: string | undefined;
  #batches: Batch[] = [];
  /** The number before the first entry kept. */
  #before: number;

  constructor(token: string, fence: number, last: number) {
    this.token = token;
    this.fence = fence;
    this.last = last;
    this.#before = last;
  }

  /** When the oldest entries kept were appended. */
  get firstAt(): number {
    return this.#batches[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Entries after one number up to another; undefined when not all of them are kept. */
  between(after: number, last: number): readonly string[] | undefined {
    if (after < this.#before || last > this.last) return undefined;
    const entries = this.#batches.flatMap((batch) => batch.entries);
    return entries.slice(after - this.#before, last - this.#before);
  }

  /** Answers by how many characters it has grown. */
  push(entries: readonly string[], at: number): number {
    let length = 0;
    for (const entry of entries) length += entry.length + ENTRY_COST;
    this.#batches.push({ entries, length, at });
    this.last += entries.length;
    this.length += length;
    return length;
  }

  /** Lets go of the oldest; answers their characters. */
  shift(): number {
    const batch = this.#batches.shift();
    if (!batch) return 0;
    this.#before += batch.entries.length;
    this.length -= batch.length;
    return batch.length;
  }
}
