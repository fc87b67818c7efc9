import { SluiceError } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";
import { createOrder, isTerminal, parseRunEvent } from "../chat/index.ts";
import type { RunEvent, TerminalEvent } from "../chat/index.ts";
import type { LogStore } from "../log/types.ts";
import { summarise, type RunSummary } from "./state.ts";
import type { RunLimits } from "./types.ts";

export interface WriterOptions {
  readonly store: LogStore;
  readonly clock: Clock;
  readonly runId: string;
  readonly fence: number;
  readonly limits: Pick<RunLimits, "maxBytes" | "maxEntries">;
  /** Called once, with the reason, when the log refuses an append: the producer has lost the run. */
  readonly onLost: (error: unknown) => void;
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
   * Appends what waits and the terminal, and closes the run. The limits do not hold for the terminal.
   * @throws SluiceError `run/ended` the second time; what the log threw
   */
  end(terminal: TerminalEvent): Promise<void>;
  /** Events taken so far, and their UTF-8 bytes. */
  readonly taken: { readonly events: number; readonly bytes: number };
}

const HIGH_WATER_MARK = 1 << 20;
const ROOM: Promise<void> = Promise.resolve();

export function createWriter(options: WriterOptions): RunWriter {
  return new Writer(options);
}

class Writer implements RunWriter {
  readonly #options: WriterOptions;
  readonly #order = createOrder();
  readonly #startedAt: number;
  #firstTokenAt: number | undefined;
  #events = 0;
  #bytes = 0;
  #waiting: string[] = [];
  #unacknowledged = 0;
  #stored = 0;
  #turn: Promise<void> | undefined;
  #lost: { readonly error: unknown } | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  get taken(): { events: number; bytes: number } {
    return { events: this.#events, bytes: this.#bytes };
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

  async end(terminal: TerminalEvent): Promise<void> {
    const text = serialise(terminal);
    this.#order.accept(terminal);
    // The turn under way is waited for: the terminal must state what it follows.
    while (this.#turn) await this.#turn;
    this.#throwIfLost();
    const { store, runId, fence, clock } = this.#options;
    const summary: RunSummary = {
      ...summarise(terminal),
      ...(this.#firstTokenAt === undefined ? {} : { firstTokenMs: this.#firstTokenAt - this.#startedAt }),
      durationMs: clock.now() - this.#startedAt,
    };
    await store.close(runId, [text], { expected: this.#stored, fence, summary });
  }

  #take(value: RunEvent): void {
    this.#throwIfLost();
    const event = parseRunEvent(value);
    if (isTerminal(event)) throw new SluiceError("chat/order", "A terminal is given to `end`, not to `append`.");
    const text = serialise(event);
    const bytes = Buffer.byteLength(text);
    const { maxBytes, maxEntries } = this.#options.limits;
    if (this.#bytes + bytes > maxBytes) throw limitReached("log/max-bytes", "bytes", maxBytes);
    if (this.#events + 1 > maxEntries) throw limitReached("log/max-entries", "events", maxEntries);
    this.#order.accept(event);
    this.#events += 1;
    this.#bytes += bytes;
    if (this.#firstTokenAt === undefined && isContent(event)) this.#firstTokenAt = this.#options.clock.now();
    this.#waiting.push(text);
    this.#unacknowledged += bytes;
  }

  // Everything that is taken before the loop turns goes into one append.
  async #storeLater(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    const { store, runId, fence, onLost } = this.#options;
    try {
      while (this.#waiting.length > 0) {
        const entries = this.#waiting;
        this.#waiting = [];
        const bytes = this.#unacknowledged;
        await store.append(runId, entries, { expected: this.#stored, fence });
        this.#stored += entries.length;
        this.#unacknowledged -= bytes;
      }
    } catch (error) {
      this.#lost = { error };
      onLost(error);
    } finally {
      this.#turn = undefined;
    }
  }

  #throwIfLost(): void {
    if (this.#lost) throw this.#lost.error;
  }
}

// JSON leaves out what it cannot hold, or throws: both would change the event behind the producer's back.
function serialise(event: RunEvent): string {
  if ("data" in event && event.data === undefined) {
    throw new SluiceError("chat/invalid-event", "`data` is undefined, which JSON cannot hold.");
  }
  try {
    return JSON.stringify(event);
  } catch (cause) {
    throw new SluiceError("chat/invalid-event", "The event cannot be written as JSON.", { cause });
  }
}

function isContent(event: RunEvent): boolean {
  return !("type" in event) || !["start", "start-step", "message-metadata"].includes(event.type);
}

function limitReached(code: "log/max-bytes" | "log/max-entries", unit: string, limit: number): SluiceError {
  return new SluiceError(code, `A run may hold ${limit} ${unit}.`, { details: { limit } });
}
