import { whenAborted } from "../base/abort.ts";
import { checkWhole } from "../base/options.ts";
import { systemClock, type Clock } from "../base/clock.ts";
import { SluiceError, isSluiceError } from "../base/errors.ts";
import { randomId, systemRandom, type Random } from "../base/id.ts";
import { canonicalJson } from "../base/json.ts";
import { silent, type Logger } from "../base/log.ts";
import { noMeter, type Meter } from "../base/meter.ts";
import { guarded, type Observer } from "../base/observer.ts";
import { parseRunEvent, type RunEvent } from "../chat/index.ts";
import type { Claim, Created, ListLogs, LogState, LogStore } from "../log/types.ts";
import { beginRun, startEventOf, type ActiveRun } from "./active.ts";
import { hashOf } from "./hash.ts";
import { createLeases, type Leases } from "./leases.ts";
import { checkLimits, tooManyRuns } from "./limits.ts";
import type { OpenRun } from "./open.ts";
import { checkOwner } from "./owner.ts";
import { discard, produce } from "./produce.ts";
import { startReaper } from "./reaper.ts";
import { runNotFound, toRunState } from "./state.ts";
import { createTurn } from "./writer.ts";
import type { RunInput, RunLimits, RunState, StartRun } from "./types.ts";

export interface RunsOptions {
  readonly store: LogStore;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Logger;
  /** Told of every run that is produced here. */
  readonly meter?: Meter;
  /** Told what happens to each of them, to be shown. */
  readonly observer?: Observer | undefined;
  readonly limits?: Partial<RunLimits>;
  /** Runs that this node produces at a time; a start beyond is refused with `run/too-many`. Default: no limit. */
  readonly maxRuns?: number | undefined;
  /** How long a run is kept after its end. Default 86,400,000 (24 h). */
  readonly ttlMs?: number;
  /** A producer that has not renewed for this long has lost its run. Default 7,000, renewed about every third of it. */
  readonly leaseMs?: number;
  /**
   * How often this node looks for runs whose producer is gone, to end them. Default 1,000, or a quarter of the lease
   * where that is less: a shared store takes silence of a third of it for an outage, after which nothing lapses for a
   * while. In a store that ends with this process there are none.
   */
  readonly reapMs?: number;
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
   * @throws SluiceError `run/draining`, `run/too-many`, `run/request-conflict`, `request/invalid`, `option/invalid`;
   * what the store throws
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
  /** Removes an ended run before its time. @throws SluiceError `run/not-found`, `run/running` */
  delete(id: string): Promise<void>;
  /**
   * No new runs from now on; resolves when those of this node have ended. When the signal fires first, what is still
   * running ends with `error`, code `run/shutdown`, and that is waited for.
   */
  drain(deadline: AbortSignal): Promise<void>;
  readonly draining: boolean;
  /** As many as `maxRuns` are produced here: until one has ended, only keys that are taken are attached to. */
  readonly full: boolean;
  /** Runs that this node produces now. */
  readonly producing: number;
  readonly store: LogStore;
}

export function createRuns(options: RunsOptions): Runs {
  return new NodeRuns(options);
}

const DAY_MS = 86_400_000;
const MOST_RUNS = 1_000_000_000;

class NodeRuns implements Runs {
  readonly store: LogStore;
  readonly #options: RunsOptions;
  readonly #observer: Observer | undefined;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #meter: Meter;
  readonly #holder: string;
  readonly #limits: RunLimits;
  readonly #ttlMs: number;
  readonly #leaseMs: number;
  readonly #maxRuns: number;
  readonly #leases: Leases;
  readonly #turn = createTurn();
  readonly #active = new Map<string, Pick<ActiveRun, "abort" | "ended">>();
  /** Runs that are being made in the store. */
  readonly #opening = new Set<Promise<Opened>>();
  /** Those of them that may still become active. */
  #starting = 0;
  #draining = false;
  #shutDown: SluiceError | undefined;
  #stopReaping: (() => void) | undefined;

  constructor(options: RunsOptions) {
    this.store = options.store;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silent;
    this.#observer = options.observer && guarded(options.observer, this.#log);
    this.#meter = options.meter ?? noMeter;
    this.#holder = randomId("node", options.random ?? systemRandom);
    this.#limits = checkLimits(options.limits ?? {});
    this.#ttlMs = checkWhole("ttlMs", options.ttlMs ?? DAY_MS, { to: Number.MAX_SAFE_INTEGER });
    this.#leaseMs = checkWhole("leaseMs", options.leaseMs ?? 7_000, { to: DAY_MS });
    this.#maxRuns =
      options.maxRuns === undefined
        ? Number.POSITIVE_INFINITY
        : checkWhole("maxRuns", options.maxRuns, { to: MOST_RUNS });
    this.#leases = createLeases({
      store: this.store,
      clock: this.#clock,
      holder: this.#holder,
      leaseMs: this.#leaseMs,
    });
    const scanMs = checkWhole("reapMs", options.reapMs ?? Math.min(1_000, Math.ceil(this.#leaseMs / 4)), {
      to: DAY_MS,
    });
    if (this.store.reach === "process") return;
    this.#stopReaping = startReaper({
      store: this.store,
      clock: this.#clock,
      log: this.#log,
      observer: this.#observer,
      holder: this.#holder,
      leaseMs: this.#leaseMs,
      scanMs,
      isMine: (id) => this.#active.has(id),
    });
  }

  get draining(): boolean {
    return this.#draining;
  }

  get full(): boolean {
    return this.#active.size + this.#starting >= this.#maxRuns;
  }

  get producing(): number {
    return this.#active.size;
  }

  async start(options: StartRun, input: RunInput): Promise<Started> {
    // A promise that fails before anybody reads it is no reason to end the process.
    if (input instanceof Promise) input.catch(() => {});
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
    checkOwner(options.owner);
    const limits = checkLimits(options.limits ?? {}, this.#limits);
    const claim = await claimOf(options);
    // A key that is taken attaches also during a drain: nothing new begins.
    const taken = claim && (await this.store.find(options.owner, claim.key));
    if (taken) return attach(taken, claim.hash);
    if (this.#draining) throw new SluiceError("run/draining", "This server is shutting down. Try again.");
    if (this.full) throw tooManyRuns();

    const opening = this.#create(options, limits, claim);
    this.#opening.add(opening);
    return opening.finally(() => this.#opening.delete(opening));
  }

  async #create(options: StartRun, limits: RunLimits, claim: Claim | undefined): Promise<Opened> {
    const id = randomId("run", this.#options.random ?? systemRandom);
    const start = parseRunEvent(startEventOf(id, options.messageId));
    this.#starting += 1;
    const created = await this.#make(id, options, claim).finally(() => (this.#starting -= 1));
    if (!created.created && claim) return attach(created.state, claim.hash);
    return { id, attached: false, run: this.#begin(id, created.fence, limits, start, options) };
  }

  async #make(id: string, options: StartRun, claim: Claim | undefined): Promise<Created> {
    await options.announce?.(id);
    return this.store.create(id, {
      owner: options.owner,
      meta: options.meta ?? {},
      ttlMs: this.#ttlMs,
      lease: { holder: this.#holder, ttlMs: this.#leaseMs },
      ...(claim ? { claim } : {}),
    });
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
      const log = await this.store.requestStop(id);
      this.#meter.stopRequested();
      this.#observer?.stopRequested(id);
      return toRunState(log);
    } catch (cause) {
      throw isSluiceError(cause, "log/not-found") ? runNotFound(cause) : cause;
    }
  }

  async delete(id: string): Promise<void> {
    const log = await this.store.state(id);
    if (!log) throw runNotFound();
    if (log.closedAt === undefined) throw new SluiceError("run/running", "A run is stopped before it is deleted.");
    await this.store.delete(id);
  }

  async drain(deadline: AbortSignal): Promise<void> {
    this.#draining = true;
    const late = whenAborted(deadline);
    await Promise.race([this.#idle(), late.promise]);
    late.dispose();
    this.#stopReaping?.();
    if (!deadline.aborted) return;
    this.#shutDown = new SluiceError("run/shutdown", "The server shut down before the answer was complete.");
    for (const { abort } of this.#active.values()) abort(this.#shutDown);
    await Promise.all(Array.from(this.#active.values(), ({ ended }) => ended));
  }

  async #idle(): Promise<void> {
    while (this.#opening.size + this.#active.size > 0) {
      await Promise.allSettled([...this.#opening, ...Array.from(this.#active.values(), ({ ended }) => ended)]);
    }
  }

  #begin(id: string, fence: number, limits: RunLimits, start: RunEvent, asked: StartRun): OpenRun {
    const active = beginRun({
      id,
      fence,
      limits,
      start,
      store: this.store,
      clock: this.#clock,
      log: this.#log,
      meter: this.#meter,
      observer: this.#observer,
      seen: { owner: asked.owner, meta: asked.meta ?? {}, requestId: asked.requestId },
      turn: this.#turn,
    });
    const { run, abort } = active;
    const ended = active.ended.then(() => {
      this.#active.delete(id);
      this.#leases.letGo(id);
    });
    this.#active.set(id, { abort, ended });
    this.#leases.hold(id, active);
    if (this.#shutDown) abort(this.#shutDown);
    return run;
  }
}

async function claimOf({ requestId, request = null }: StartRun): Promise<Claim | undefined> {
  if (requestId === undefined) return undefined;
  let text: string;
  try {
    text = canonicalJson(request);
  } catch (cause) {
    throw new SluiceError("request/invalid", "The request cannot be written as JSON: circular, or too deep.", {
      cause,
    });
  }
  return { key: requestId, hash: await hashOf(text) };
}

function attach(log: LogState, hash: string): Opened {
  if (log.claim?.hash !== hash) {
    throw new SluiceError("run/request-conflict", "This requestId was used for a different request.", {
      details: { field: "requestId" },
    });
  }
  return { id: log.id, attached: true, run: undefined };
}
