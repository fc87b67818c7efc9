import { systemClock, type Clock } from "../base/clock.ts";
import { SluiceError, isSluiceError } from "../base/errors.ts";
import { randomId, systemRandom, type Random } from "../base/id.ts";
import { canonicalJson } from "../base/json.ts";
import { silent, type Logger } from "../base/log.ts";
import type { ListLogs, LogState, LogStore } from "../log/types.ts";
import { hashOf } from "./hash.ts";
import { checkLimits } from "./limits.ts";
import { STOPPED, openRun, type OpenRun } from "./open.ts";
import { discard, produce } from "./produce.ts";
import { toRunState } from "./state.ts";
import type { RunInput, RunLimits, RunState, StartRun } from "./types.ts";
import { createWriter } from "./writer.ts";

export interface RunsOptions {
  readonly store: LogStore;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Logger;
  readonly limits?: Partial<RunLimits>;
  /** How long a run is kept after its end. Default 86,400,000 (24 h). */
  readonly ttlMs?: number;
  /** A producer that has not renewed for this long has lost its run. Default 7,000, renewed about every third of it. */
  readonly leaseMs?: number;
}

export interface Started {
  readonly id: string;
  /** True when the key named a run that exists: nothing was started. */
  readonly attached: boolean;
}

export interface Opened extends Started {
  readonly run: OpenRun | undefined;
}

export interface RunPage {
  readonly runs: readonly RunState[];
  readonly next?: string;
}

/** The runs of one node: started here, known everywhere that shares the store. */
export interface Runs {
  /**
   * Starts a run, or attaches to the one that has the same owner and requestId. The answer comes once the run exists;
   * its source is read in the background, whoever leaves (promise 6), until a terminal is written (promise 4).
   * @throws SluiceError `run/draining`, `run/request-conflict`, `option/invalid`; what the store throws
   */
  start(options: StartRun, input: RunInput): Promise<Started>;
  /**
   * The same for a producer that pushes: events are appended by hand. With a key that is taken, `run` is undefined.
   * @throws as `start`
   */
  open(options: StartRun): Promise<Opened>;
  get(id: string): Promise<RunState | undefined>;
  /** The run that has this idempotency key. */
  find(owner: string, requestId: string): Promise<RunState | undefined>;
  list(options: ListLogs): Promise<RunPage>;
  /** Resolves when a run that this node produces has ended, at once for any other. Never rejects. */
  ended(id: string): Promise<void>;
  /** Asks the producer to stop, on whichever node it is. Idempotent. @throws SluiceError `run/not-found` */
  stop(id: string): Promise<RunState>;
  /** Removes an ended run before its time. @throws SluiceError `run/not-found`, `option/invalid` while it runs */
  delete(id: string): Promise<void>;
  /**
   * No new runs from now on; resolves when those of this node have ended. When the signal fires first, what is still
   * running ends with `error`, code `run/shutdown`.
   */
  drain(deadline: AbortSignal): Promise<void>;
  readonly draining: boolean;
  /** Runs that this node produces now. */
  readonly producing: number;
  readonly store: LogStore;
}

export function createRuns(options: RunsOptions): Runs {
  return new NodeRuns(options);
}

interface Active {
  readonly controller: AbortController;
  readonly ended: Promise<void>;
  readonly fence: number;
}

const DAY_MS = 86_400_000;

class NodeRuns implements Runs {
  readonly store: LogStore;
  readonly #options: RunsOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #holder: string;
  readonly #limits: RunLimits;
  readonly #leaseMs: number;
  readonly #active = new Map<string, Active>();
  #draining = false;
  #stopRenewing: (() => void) | undefined;

  constructor(options: RunsOptions) {
    this.store = options.store;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silent;
    this.#holder = randomId("node", options.random ?? systemRandom);
    this.#limits = checkLimits(options.limits ?? {});
    this.#leaseMs = options.leaseMs ?? 7_000;
  }

  get draining(): boolean {
    return this.#draining;
  }

  get producing(): number {
    return this.#active.size;
  }

  async start(options: StartRun, input: RunInput): Promise<Started> {
    let opened: Opened;
    try {
      opened = await this.open(options);
    } catch (error) {
      void discard(input);
      throw error;
    }
    if (opened.run) void produce(opened.run, input).catch(() => {}); // `ended` tells, and the log line with it
    else void discard(input);
    return { id: opened.id, attached: opened.attached };
  }

  async open(options: StartRun): Promise<Opened> {
    const limits = checkLimits(options.limits ?? {}, this.#limits);
    const claim =
      options.requestId === undefined
        ? undefined
        : { key: options.requestId, hash: await hashOf(canonicalJson(options.request ?? null)) };
    // A key that is taken attaches also during a drain: nothing new begins.
    const taken = claim && (await this.store.find(options.owner, claim.key));
    if (taken) return attach(taken, claim.hash);
    if (this.#draining) throw new SluiceError("run/draining", "This server is shutting down. Try again.");

    const id = randomId("run", this.#options.random ?? systemRandom);
    const created = await this.store.create(id, {
      owner: options.owner,
      meta: options.meta ?? {},
      ttlMs: this.#options.ttlMs ?? DAY_MS,
      lease: { holder: this.#holder, ttlMs: this.#leaseMs },
      ...(claim ? { claim } : {}),
    });
    if (!created.created && claim) return attach(created.state, claim.hash);
    return { id, attached: false, run: this.#begin(id, created.fence, options, limits) };
  }

  async get(id: string): Promise<RunState | undefined> {
    const log = await this.store.state(id);
    return log && toRunState(log);
  }

  async find(owner: string, requestId: string): Promise<RunState | undefined> {
    const log = await this.store.find(owner, requestId);
    return log && toRunState(log);
  }

  async list(options: ListLogs): Promise<RunPage> {
    const page = await this.store.list(options);
    return { runs: page.logs.map(toRunState), ...(page.next === undefined ? {} : { next: page.next }) };
  }

  async ended(id: string): Promise<void> {
    await this.#active.get(id)?.ended;
  }

  async stop(id: string): Promise<RunState> {
    try {
      return toRunState(await this.store.requestStop(id));
    } catch (cause) {
      throw isSluiceError(cause, "log/not-found") ? runNotFound(cause) : cause;
    }
  }

  async delete(id: string): Promise<void> {
    const log = await this.store.state(id);
    if (!log) throw runNotFound();
    if (log.closedAt === undefined) throw new SluiceError("option/invalid", "A run is stopped before it is deleted.");
    await this.store.delete(id);
  }

  async drain(deadline: AbortSignal): Promise<void> {
    this.#draining = true;
    const shutDown = (): void => {
      const reason = new SluiceError("run/shutdown", "The server shut down before the answer was complete.");
      for (const { controller } of this.#active.values()) controller.abort(reason);
    };
    if (deadline.aborted) shutDown();
    else deadline.addEventListener("abort", shutDown, { once: true });
    while (this.#active.size > 0) await Promise.all(Array.from(this.#active.values(), ({ ended }) => ended));
    deadline.removeEventListener("abort", shutDown);
    this.#stopRenewing?.();
  }

  #begin(id: string, fence: number, options: StartRun, limits: RunLimits): OpenRun {
    const controller = new AbortController();
    const startedAt = this.#clock.now();
    const onLost = (error: unknown): void => controller.abort(error);
    const writer = createWriter({ store: this.store, clock: this.#clock, runId: id, fence, limits, onLost });
    // Stored before the source is asked: every reader has a first frame with an id at once.
    void writer.append({ type: "start", messageId: options.messageId ?? id.replace(/^run_/, "msg_") });
    const cancelDeadline = this.#clock.timer(limits.maxDurationMs, () => {
      const seconds = Math.round(limits.maxDurationMs / 1000);
      controller.abort(new SluiceError("run/max-duration", `The answer took longer than ${seconds} s.`));
    });
    const watch = new AbortController();
    void this.store.stopRequested(id, watch.signal).then(
      () => watch.signal.aborted || controller.abort(STOPPED),
      (error: unknown) => controller.abort(error),
    );
    const run = openRun(id, writer, controller.signal);
    const ended = run.ended
      .then(
        ({ terminal, error }) => {
          if (terminal.type === "finish") return;
          // Whoever still works for this run (a source that hangs) learns that it is over.
          controller.abort(STOPPED);
          const code = terminal.type === "abort" ? "stopped" : (terminal.code ?? "PROCESSING_ERROR");
          this.#tell("info", "run interrupted", id, code, writer.taken, startedAt, error);
        },
        (error: unknown) => this.#tell("error", "run lost", id, codeOf(error), writer.taken, startedAt, error),
      )
      .then(() => {
        cancelDeadline();
        watch.abort();
        this.#active.delete(id);
      });
    this.#active.set(id, { controller, ended, fence });
    this.#renewLater();
    return run;
  }

  // One timer for all runs of this node. A lease that was lost aborts its producer.
  #renewLater(): void {
    this.#stopRenewing ??= this.#clock.timer(this.#leaseMs / 3.5, () => {
      this.#stopRenewing = undefined;
      const request = { holder: this.#holder, ttlMs: this.#leaseMs };
      for (const [id, { controller, fence }] of this.#active) {
        this.store.lease(id, request).then(
          (lease) => lease.fence === fence || controller.abort(new SluiceError("log/fenced", "The lease was lost.")),
          (error: unknown) => {
            if (this.#active.has(id) && !isSluiceError(error, "log/closed")) controller.abort(error);
          },
        );
      }
      if (this.#active.size > 0) this.#renewLater();
    });
  }

  #tell(
    level: "info" | "error",
    message: string,
    run: string,
    code: string,
    taken: { readonly events: number; readonly bytes: number },
    startedAt: number,
    error: unknown,
  ): void {
    const ms = this.#clock.now() - startedAt;
    this.#log(level, message, { run, code, chunks: taken.events, bytes: taken.bytes, ms, error });
  }
}

function attach(log: LogState, hash: string): Opened {
  if (log.claim?.hash !== hash) {
    throw new SluiceError("run/request-conflict", "This requestId was used for a different request.", {
      details: { field: "requestId" },
    });
  }
  return { id: log.id, attached: true, run: undefined };
}

function codeOf(error: unknown): string {
  return isSluiceError(error) ? error.code : "PROCESSING_ERROR";
}

function runNotFound(cause?: unknown): SluiceError {
  return new SluiceError("run/not-found", "There is no such run.", { cause });
}
