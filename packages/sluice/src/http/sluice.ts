import { checkWhole } from "../base/options.ts";
import { systemClock, type Clock } from "../base/clock.ts";
import { safely, silent, type Logger } from "../base/log.ts";
import type { Random } from "../base/id.ts";
import { noMeter, type Meter } from "../base/meter.ts";
import { guarded, type Observer } from "../base/observer.ts";
import { builtInDialects, createDialects, type Dialect } from "../dialects/index.ts";
import { createMemoryLog, type LogStore } from "../log/index.ts";
import {
  createConversations,
  createRuns,
  type RunInput,
  type RunLimits,
  type Runs,
  type StartRun,
} from "../run/index.ts";
import { MAX_BODY_BYTES } from "./body.ts";
import { checkLimit, checkPath } from "./check-options.ts";
import { createDelivery, type DeliveryOptions } from "./delivery/options.ts";
import { createSeats, seated, type ReaderLimits } from "./limits.ts";
import { ConnectionEnds } from "./connection-ends.ts";
import { callOf, type NodeRequest, type NodeResponse } from "./node.ts";
import { sendReply } from "./node-reply.ts";
import { createProgress } from "./progress.ts";
import { createReaders } from "./readers.ts";
import { formOf } from "./form.ts";
import { formFor, readReply } from "./read.ts";
import { runNotFound } from "../run/state.ts";
import { refuse } from "./reply.ts";
import { respond, type Handler } from "./respond.ts";
import { createRoutes, type RoutesOptions } from "./routes.ts";
import { getEvents, stopRun } from "./run-handlers.ts";
import type { Service } from "./service.ts";
import { createShared } from "./shared.ts";
import { createTurns } from "./turns.ts";
import type { Authorize, Call, Reply, RequestLike, ResumeOptions, StreamOptions } from "./types.ts";
import { createUnwatched, type UnwatchedOptions } from "./unwatched.ts";
import * as web from "./web.ts";

export interface SluiceOptions extends RoutesOptions, DeliveryOptions, ReaderLimits, UnwatchedOptions {
  /** Asked before anything is read, stopped, listed or started over HTTP. */
  readonly authorize: Authorize;
  /** Where answers are kept. Default: this process's memory. */
  readonly store?: LogStore;
  /** Default: `builtInDialects`. */
  readonly dialects?: readonly Dialect[];
  /** Where `handle` is mounted, and what `Location` begins with: empty (default) or `/api/chat`, say. */
  readonly basePath?: string;
  readonly limits?: Partial<RunLimits>;
  /** Runs that this node produces at a time. A start beyond is 503 `run/too-many`, before any work. Default: no limit. */
  readonly maxRuns?: number | undefined;
  /** How long an answer is kept after its end. Default 86,400,000 (24 h). */
  readonly ttlMs?: number;
  /** A producer that has not renewed for this long has lost its run. Default 7,000. */
  readonly leaseMs?: number;
  /** Bytes of a question's body, its files included. Default 1,048,576. More is 413, and is not kept. */
  readonly maxBodyBytes?: number;
  /** How long a reader that was cut is told to wait before it comes back. Default 1,000. */
  readonly retryMs?: number;
  /** Told of every interruption and every refusal, one call each. Default: nothing is told. */
  readonly log?: Logger;
  /** Told of what happens on this node, to be counted. Default: nobody is. */
  readonly meter?: Meter;
  /** Told what happens to each run and its readers on this node, to be shown. Default: nobody is. */
  readonly observer?: Observer | undefined;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** A run to start, and what this server makes of it. */
export interface StartHere extends StartRun {
  /** `stopWhenUnwatchedMs` for this run, when it is started here. */
  readonly stopWhenUnwatchedMs?: number;
  /** Called each time its last reader on this node has left before its end. For a run that is started here. */
  readonly onUnwatched?: () => void;
}

/** A run that was started here, or attached to. */
export interface StartedRun {
  readonly id: string;
  /** True when the key named a run that exists: nothing was started. */
  readonly attached: boolean;
  /** Streams the run as SSE, after the request's `Last-Event-ID` when it has one. Errors are answers too. */
  toResponse(request: Request, options?: StreamOptions): Promise<Response>;
  /** The same for `node:http`, `node:http2` and Express. Resolves when the answer is over. */
  pipeToNode(req: NodeRequest, res: NodeResponse, options?: StreamOptions): Promise<void>;
  /** Asks the producer to stop. What was produced stays readable. */
  stop(): Promise<void>;
}

export interface Sluice {
  /**
   * Starts a run, or attaches to the one of the same owner and requestId. The source is read in the background to its
   * end, whoever leaves.
   * @throws SluiceError `run/request-conflict`, `run/draining`, `run/too-many`, `option/invalid`; `toErrorResponse`
   * answers with it
   */
  startRun(options: StartHere, source: RunInput): Promise<StartedRun>;
  /** Streams an earlier run of the caller, in a handler of your own. */
  resume(request: Request, runId: string, options?: ResumeOptions): Promise<Response>;
  resumeToNode(req: NodeRequest, res: NodeResponse, runId: string, options?: ResumeOptions): Promise<void>;
  /** Stops a run of the caller: 202 until the producer has acknowledged, then 200. */
  stop(request: Request, runId: string, options?: Pick<ResumeOptions, "owner">): Promise<Response>;
  stopFromNode(
    req: NodeRequest,
    res: NodeResponse,
    runId: string,
    options?: Pick<ResumeOptions, "owner">,
  ): Promise<void>;
  /**
   * Resolves when a reader on this node has taken the event of this number (the first, `start`, is 1) of a run that is
   * produced here, or the run is over. A reader in a dialect that words no entry alone does not count.
   */
  whenTaken(runId: string, sequence: number): Promise<void>;
  /**
   * Finds before there is a run what its stream would be refused for.
   * @param fallback the dialect of a request that names none
   * @throws SluiceError `dialect/unknown`, `request/invalid-parameter`
   */
  checkDialect(request: RequestLike, fallback: string): void;
  /** All routes of the HTTP contract under `basePath` (PROTOCOL.md section 5). */
  handle(request: Request): Promise<Response>;
  handleNode(req: NodeRequest, res: NodeResponse): Promise<void>;
  /** An error as the JSON answer of the contract, with its status and one log line. */
  toErrorResponse(error: unknown, request: RequestLike): Response;
  /**
   * No new runs from now on. On a store that other nodes share, readers whose clients come back by themselves are sent
   * there. Resolves when those of this process have ended, by themselves or at the deadline, and
   * their readers have everything; a reader that takes nothing is broken off 2 s later.
   */
  drain(deadline: AbortSignal): Promise<void>;
  readonly runs: Runs;
}

const LAST_FRAMES_MS = 2_000;

export function createSluice(options: SluiceOptions): Sluice {
  const { clock = systemClock, meter = noMeter, store = createMemoryLog({ clock }) } = options;
  const log = safely(options.log ?? silent);
  const runs = createRuns({ ...options, store, clock, log, meter });
  const readers = createReaders();
  const progress = createProgress(runs);
  const unwatched = createUnwatched(options, { runs, clock, log });
  const service: Service = {
    runs,
    conversations: createConversations({ store, clock }),
    readers,
    progress,
    seats: createSeats({
      clock,
      maxReaders: checkLimit("maxReaders", options.maxReaders),
      maxReadersPerRun: checkLimit("maxReadersPerRun", options.maxReadersPerRun),
      admit: options.admit,
      unwatched,
    }),
    clock,
    log,
    meter,
    observer: options.observer && guarded(options.observer, log),
    dialects: createDialects(options.dialects ?? builtInDialects),
    authorize: options.authorize,
    turn: createTurns(),
    entries: createShared(),
    messages: createShared(),
    basePath: checkPath(options.basePath ?? ""),
    ...createDelivery(options, clock),
    maxBodyBytes: checkWhole("maxBodyBytes", options.maxBodyBytes ?? MAX_BODY_BYTES),
    retryMs: checkWhole("retryMs", options.retryMs ?? 1_000, { from: 0 }),
  };
  const routes = createRoutes(service, options);

  const answerWeb = (request: Request, handler: Handler): Promise<Response> =>
    respond(service, web.callOf(request), handler, (reply) => web.toResponse(reply, request));

  const ends = new ConnectionEnds();
  function answerNode(req: NodeRequest, res: NodeResponse, handler: Handler): Promise<void> {
    const call = callOf(req, res, ends);
    return respond(service, call, handler, (reply) =>
      sendReply(reply, { req, res, ends, clock, stalls: service.stalls }),
    );
  }

  return {
    runs,
    async startRun({ stopWhenUnwatchedMs, onUnwatched, ...start }, source) {
      if (stopWhenUnwatchedMs !== undefined) unwatched.check(stopWhenUnwatchedMs);
      const { id, attached } = await runs.start(start, source);
      if (stopWhenUnwatchedMs !== undefined && !attached) unwatched.override(id, stopWhenUnwatchedMs);
      if (onUnwatched !== undefined && !attached) unwatched.tell(id, onUnwatched);
      const stream =
        (as: StreamOptions = {}): Handler =>
        (call) =>
          streamRun(service, call, id, as);
      return {
        id,
        attached,
        toResponse: (request, as) => answerWeb(request, stream(as)),
        pipeToNode: (req, res, as) => answerNode(req, res, stream(as)),
        stop: async () => void (await runs.stop(id)),
      };
    },
    resume: (request, runId, as) => answerWeb(request, (call) => getEvents(service, call, runId, as)),
    resumeToNode: (req, res, runId, as) => answerNode(req, res, (call) => getEvents(service, call, runId, as)),
    stop: (request, runId, as) => answerWeb(request, (call) => stopRun(service, call, runId, as?.owner)),
    stopFromNode: (req, res, runId, as) => answerNode(req, res, (call) => stopRun(service, call, runId, as?.owner)),
    whenTaken: progress.whenTaken,
    checkDialect({ method, url, headers }, fallback) {
      formOf(service, { method, url, headers, location: new URL(url) }, fallback);
    },
    handle: (request) => answerWeb(request, routes),
    handleNode: (req, res) => answerNode(req, res, routes),
    toErrorResponse: (error, request) => web.toResponse(refuse(error, request, { log, meter }), request),
    async drain(deadline) {
      const drained = runs.drain(deadline);
      // Another node has the same logs: whoever comes back by himself goes on there.
      if (store.reach === "cluster") readers.move();
      await drained;
      await readers.finish(clock, LAST_FRAMES_MS);
    },
  };
}

// Whoever started the run in this handler has authorised the request already.
async function streamRun(service: Service, call: Call, runId: string, options: StreamOptions): Promise<Reply> {
  const run = await service.runs.get(runId);
  if (!run) throw runNotFound();
  return seated(service, { owner: run.owner, action: "read", method: call.method }, (seat) => {
    seat.at(runId);
    const { dialect, ...as } = options;
    return readReply(service, call, run, { ...as, form: formFor(service, call, run, dialect) });
  });
}
