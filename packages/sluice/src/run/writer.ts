import { sleep, type Clock } from "../base/clock.ts";
import { SluiceError, isSluiceError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import { createOrder, isApplicationEvent, isTerminal, parseRunEvent } from "../chat/index.ts";
import type { RunEvent } from "../chat/index.ts";
import type { LogStore } from "../log/types.ts";
import { outcomeOf, type Outcome } from "./outcome.ts";
import { summarise, usageAfter, type Counts, type RunSummary } from "./state.ts";
import type { RunLimits } from "./types.ts";

export interface WriterOptions {
  readonly store: LogStore;
  readonly clock: Clock;
  readonly runId: string;
  readonly fence: number;
  readonly limits: Pick<RunLimits, "maxBytes" | "maxEntries">;
  /** Resolves when the event loop turns. Writers that share one share a timer. */
  readonly turn?: () => Promise<void>;
  /** Called with the reason when the run cannot go on: an event went over a limit, or the log refused an append. */
  readonly onRefused: (error: unknown) => void;
  /** Called when an append that holds content is in the log, with the number of such events and where it ends. */
  readonly onContent?: (count: number, last: number) => void;
}

/** The one who appends to a run. Checks events and their order, and gathers those of one turn into one append. */
export interface RunWriter {
  /**
   * Takes an event. What is taken is appended in order, and never lost by a later refusal. The promise resolves at
   * once while the log has less than 1 MiB to acknowledge, else when it has acknowledged everything.
   * @throws SluiceError `chat/invalid-event`, `chat/reserved-event`, `chat/order`, `run/ended`, `log/max-bytes`,
   * `log/max-entries`; what the log threw when it refused an append
   */
  append(event: RunEvent): Promise<void>;
  /**
   * Appends what waits and the terminal, and closes the run. Resolves with how it ended: by an `error` instead, when
   * the terminal cannot be written as it is, or when events before it were lost. The limits do not hold for it. A log
   * that fails is asked again for 10 s; after that the run is left to whoever takes it over.
   * @throws SluiceError `run/ended` the second time, `run/producer-lost` after the 10 s; what the log refused with
   */
  end(outcome: Outcome): Promise<Outcome>;
  /** True from the first call of `end` on. */
  readonly ended: boolean;
  /** Events taken so far, and their UTF-8 bytes. */
  readonly taken: { readonly events: number; readonly bytes: number };
}

const HIGH_WATER_MARK = 1 << 20;
/** What `append` answers while there is room: there is nothing to wait for. */
export const ROOM: Promise<void> = Promise.resolve();
/** How long an append is tried anew while the log is away. */
export const PATIENCE_MS = 10_000;
const RETRY_MS = 500;

/** The next turn of the event loop, by one timer for all who wait for it. */
export function createTurn(): () => Promise<void> {
  let next: Promise<void> | undefined;
  return () =>
    (next ??= new Promise((resolve) => {
      setImmediate(() => {
        next = undefined;
        resolve();
      });
    }));
}

export function createWriter(options: WriterOptions): RunWriter {
  return new Writer(options);
}

class Writer implements RunWriter {
  readonly #options: WriterOptions;
  readonly #order = createOrder();
  readonly #startedAt: number;
  #firstTokenAt: number | undefined;
  #usage: Counts | undefined;
  #events = 0;
  #bytes = 0;
  #waiting: string[] = [];
  /** Among those that wait. */
  #content = 0;
  #unacknowledged = 0;
  #stored = 0;
  #turn: Promise<void> | undefined;
  #lost: { readonly error: unknown } | undefined;
  /** Entries whose append failed without a refusal: they may be stored, or come to be. */
  #unsure: readonly string[] = [];
  #failure: unknown;
  #start: string | undefined;
  readonly #nextTurn: () => Promise<void>;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#nextTurn = options.turn ?? createTurn();
    this.#startedAt = options.clock.now();
  }

  get taken(): { events: number; bytes: number } {
    return { events: this.#events, bytes: this.#bytes };
  }

  get ended(): boolean {
    return this.#order.ended;
  }

  append(event: RunEvent): Promise<void> {
    try {
      this.#take(event);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#turn ??= this.#storeLater();
    return this.#unacknowledged < HIGH_WATER_MARK ? ROOM : this.#turn;
  }

  async end(given: Outcome): Promise<Outcome> {
    const ending = toEnding(given);
    this.#order.accept(ending.outcome.terminal);
    return new Promise((resolve, reject) => {
      const patience: Patience = {};
      const cancel = this.#options.clock.timer(PATIENCE_MS, () => {
        const message = "The log did not take the terminal in time.";
        reject(new SluiceError("run/producer-lost", message, { cause: this.#failure }));
        patience.over = true;
        patience.wait?.abort();
      });
      void this.#close(ending, patience).then(resolve, reject).finally(cancel);
    });
  }

  async #close(given: Ending, patience: Patience): Promise<Outcome> {
    // The turn under way is waited for: the terminal must state what it follows.
    while (this.#turn) await this.#turn;
    // Only an error may follow events that were lost: anything else would hide the hole.
    const lost = given.outcome.terminal.type === "error" ? undefined : this.#lost;
    let closing: Closing = { ending: lost ? toEnding(outcomeOf(lost.error)) : given, before: this.#unsure };
    while (true) {
      try {
        closing = { ...closing, expected: closing.expected ?? (await this.#endOfLog()) };
        return await this.#closeAs(closing);
      } catch (error) {
        const corrected = correct(closing, error);
        if (corrected) {
          closing = corrected;
          continue;
        }
        if (isRefusal(error)) throw error;
        this.#failure = error;
        if (patience.over) throw error;
        patience.wait = new AbortController();
        await sleep(this.#options.clock, RETRY_MS, patience.wait.signal);
      }
    }
  }

  async #closeAs({ ending, before, expected = 0 }: Closing): Promise<Outcome> {
    const { store, runId, fence } = this.#options;
    // A log is never without its first event, also when that was lost.
    const first = before.length === 0 && expected === 0 && this.#start !== undefined ? [this.#start] : before;
    const summary = this.#summary(ending.outcome);
    await store.close(runId, [...first, ending.text], { expected, fence, summary });
    return ending.outcome;
  }

  #summary({ terminal }: Outcome): RunSummary {
    return {
      ...summarise(terminal, this.#usage),
      ...(this.#firstTokenAt === undefined ? {} : { firstTokenMs: this.#firstTokenAt - this.#startedAt }),
      durationMs: this.#options.clock.now() - this.#startedAt,
    };
  }

  // After an append that was refused, only the log knows where it ends.
  async #endOfLog(): Promise<number> {
    if (!this.#lost || this.#unsure.length > 0) return this.#stored;
    const state = await this.#options.store.state(this.#options.runId);
    return state?.last ?? this.#stored;
  }

  #take(value: RunEvent): void {
    if (this.#lost) throw this.#lost.error;
    const event = parseRunEvent(value);
    if (isTerminal(event) && !this.ended) {
      throw new SluiceError("chat/order", "A terminal is given to `end`, not to `append`.");
    }
    const text = serialise(event);
    this.#order.accept(event);
    const bytes = Buffer.byteLength(text);
    this.#checkLimits(bytes);
    this.#events += 1;
    this.#bytes += bytes;
    if (isContent(event)) {
      this.#firstTokenAt ??= this.#options.clock.now();
      this.#content += 1;
    }
    this.#usage = usageAfter(event, this.#usage);
    this.#start ??= text;
    this.#waiting.push(text);
    this.#unacknowledged += bytes;
  }

  // The first event is `start`, without which there can be no terminal: no limit holds for it.
  #checkLimits(bytes: number): void {
    const { limits, onRefused } = this.#options;
    let over: SluiceError | undefined;
    if (this.#bytes + bytes > limits.maxBytes) over = limitReached("log/max-bytes", "bytes", limits.maxBytes);
    if (this.#events >= limits.maxEntries) over = limitReached("log/max-entries", "events", limits.maxEntries);
    if (!over || this.#events === 0) return;
    onRefused(over);
    throw over;
  }

  // Everything that is taken before the loop turns goes into one append.
  async #storeLater(): Promise<void> {
    const { onRefused, onContent } = this.#options;
    await this.#nextTurn();
    let entries: readonly string[] = [];
    try {
      while (this.#waiting.length > 0) {
        entries = this.#waiting;
        this.#waiting = [];
        const bytes = this.#unacknowledged;
        const content = this.#content;
        this.#content = 0;
        await this.#store(entries);
        this.#stored += entries.length;
        if (content > 0) onContent?.(content, this.#stored);
        this.#unacknowledged -= bytes;
      }
    } catch (error) {
      this.#lost = { error };
      if (!isRefusal(error)) this.#unsure = entries;
      onRefused(error);
    } finally {
      this.#turn = undefined;
    }
  }

  // A store that is unavailable for a moment (a fail-over) is asked again: what is appended twice is stored once.
  async #store(entries: readonly string[]): Promise<void> {
    const { store, runId, fence, clock } = this.#options;
    const patientUntil = clock.now() + PATIENCE_MS;
    while (true) {
      try {
        await store.append(runId, entries, { expected: this.#stored, fence });
        return;
      } catch (error) {
        if (!isSluiceError(error, "log/unavailable") || clock.now() >= patientUntil) throw error;
        await sleep(clock, RETRY_MS);
      }
    }
  }
}

// Everything else may pass.
function isRefusal(error: unknown): boolean {
  return isSluiceError(error) && error.code !== "log/unavailable";
}

/** A terminal as it goes into the log: the text is of the moment when it was given. */
interface Ending {
  readonly outcome: Outcome;
  readonly text: string;
}

/** How long a terminal is tried. The controller is made where it has to wait: hardly any run does. */
interface Patience {
  over?: boolean;
  wait?: AbortController;
}

/** How a run is to be closed. */
interface Closing {
  readonly ending: Ending;
  /** Entries of an append that failed nobody knows how: they go before the terminal. */
  readonly before: readonly string[];
  /** Unknown until the log was asked. */
  readonly expected?: number;
}

/** What the log's answer makes of it; undefined when it has nothing to teach. */
function correct({ ending, before, expected }: Closing, error: unknown): Closing | undefined {
  if (!isSluiceError(error) || expected === undefined) return undefined;
  const last = Number(error.details["last"]);
  // The store lost what it had acknowledged, and tells its readers: an error follows what is left.
  if (error.code === "log/rewound" && last < expected) {
    return { ending: toEnding(outcomeOf(error)), before: [], expected: last };
  }
  // The append that was given up has arrived: nobody else appends with this fence, and it is stored whole or not.
  if (error.code === "log/conflict" && before.length > 0 && last === expected + before.length) {
    return { ending, before: [], expected: last };
  }
  return undefined;
}

// A terminal that cannot be written (metadata that is no JSON, say) becomes an error that can.
function toEnding(outcome: Outcome): Ending {
  try {
    return { outcome, text: serialise(parseRunEvent(outcome.terminal)) };
  } catch (error) {
    const instead = outcomeOf(error);
    return { outcome: instead, text: JSON.stringify(instead.terminal) };
  }
}

// JSON leaves out what it cannot hold, or throws: both would change the event behind the producer's back.
function serialise(event: RunEvent): string {
  if ("data" in event && NO_JSON.has(typeof event.data)) {
    throw new SluiceError("chat/invalid-event", `\`data\` is ${typeof event.data}, which JSON cannot hold.`);
  }
  try {
    const ordered = "event" in event ? inOrder(event) : event;
    const text = JSON.stringify(ordered);
    return SUSPECT.test(text) ? JSON.stringify(ordered, withoutPrototypes) : text;
  } catch (cause) {
    throw new SluiceError("chat/invalid-event", "The event cannot be written as JSON.", { cause });
  }
}

// Dialects tell an application event by its beginning, and take the data out of its text: it ends the object.
function inOrder(event: RunEvent): object {
  if (!isApplicationEvent(event)) {
    const { type, ...rest } = event;
    return { type, ...rest };
  }
  const { event: name, data, ...rest } = event;
  return { event: name, ...rest, data };
}

const SUSPECT = /"(?:__proto__|constructor)":/;

// A model may write such a key into a tool's input, and the AI SDK's clients break off a stream that has one in any
// object. Left out here, every reader and every fold agrees.
function withoutPrototypes(key: string, value: unknown): unknown {
  if (key === "__proto__") return undefined;
  return key === "constructor" && isObject(value) && Object.hasOwn(value, "prototype") ? undefined : value;
}

const NO_JSON: ReadonlySet<string> = new Set(["undefined", "function", "symbol"]);

// What only frames or describes it.
const NO_CONTENT: ReadonlySet<string> = new Set([
  "start",
  "start-step",
  "finish-step",
  "message-metadata",
  "text-start",
  "text-end",
  "reasoning-start",
  "reasoning-end",
]);

function isContent(event: RunEvent): boolean {
  return !("type" in event) || !NO_CONTENT.has(event.type);
}

function limitReached(code: "log/max-bytes" | "log/max-entries", unit: string, limit: number): SluiceError {
  return new SluiceError(code, `A run may hold ${limit} ${unit}.`, { details: { limit } });
}
