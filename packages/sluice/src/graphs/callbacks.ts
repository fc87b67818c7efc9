import { wrongOption } from "../base/options.ts";
import { systemClock, sleep, type Clock } from "../base/clock.ts";
import { ERROR_CODES, SluiceError, isErrorCode, publicError } from "../base/errors.ts";
import { randomId, systemRandom, type Random } from "../base/id.ts";
import type { Json, JsonObject } from "../base/json.ts";
import { safely, silent, type Logger } from "../base/log.ts";
import { createMemoryCallbacks } from "./callback-memory.ts";
import type { CallbackStore } from "./callback-store.ts";

/** What a button of an answer does when it is pressed. What it returns is the answer of `POST /callback`. */
export type CallbackHandler = (action: CallbackAction) => Json | undefined | Promise<Json | undefined>;

export interface CallbackAction {
  /** What the token was issued with. */
  readonly params: JsonObject;
  /** The same for every attempt: a key for whatever must not be done twice. */
  readonly token: string;
  /** `name::version` of the graph that issued it. */
  readonly graphType: string;
  readonly handler: string;
  readonly owner: string;
  readonly threadId?: string;
  readonly runId?: string;
  /** From 1. */
  readonly attempt: number;
  /** Fires when the attempt has taken too long: another one may begin. */
  readonly signal: AbortSignal;
}

export interface NewCallback {
  /** A name among the handlers of the graph. */
  readonly handler: string;
  /** Default `{}`. At most 65,536 characters as JSON. */
  readonly params?: JsonObject;
  /** How long the token can be used. Default 600,000 (10 min). */
  readonly ttlMs?: number;
}

/** @throws SluiceError `option/invalid` for a handler that does not exist; `callback/too-many`, `log/unavailable` */
export type IssueCallback = (callback: NewCallback) => Promise<string>;

export interface CallbacksOptions {
  /** Default: this process's memory. */
  readonly store?: CallbackStore;
  /** Default 600,000 (10 min). The outcome of a token that was used is kept as long again. */
  readonly ttlMs?: number;
  /** How often a handler that fails is tried in all. Default 3. */
  readonly maxAttempts?: number;
  /** Before the second attempt; twice as long before each further one. Default 200. */
  readonly backoffMs?: number;
  /** How long an attempt may take. Default 30,000. */
  readonly attemptMs?: number;
  /** How long one who finds the token in use waits for the outcome. Default 10,000. */
  readonly waitMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Logger;
}

export interface IssuedFor {
  readonly graphType: string;
  readonly owner: string;
  readonly threadId?: string | undefined;
  readonly runId?: string | undefined;
}

export interface Callbacks {
  issue(callback: NewCallback, issuedFor: IssuedFor): Promise<string>;
  /**
   * Does what a token stands for, once: whoever comes again gets the same outcome.
   * @throws SluiceError `callback/not-found` for a token that never was, is gone or is another owner's, which stays usable;
   * `callback/locked` when it is in use for longer than `waitMs`; `callback/failed` after the last attempt, and where there
   * is no such handler, which leaves it usable; or the coded error of the handler
   */
  redeem(token: string, owner: string): Promise<Json>;
}

/** Finds a handler. undefined where the graph has none of that name. */
export type FindHandler = (graphType: string, handler: string) => CallbackHandler | undefined;

type Stored = Pick<CallbackAction, "params" | "graphType" | "handler" | "threadId" | "runId">;
type Outcome = { readonly result: Json } | { readonly error: { readonly code: string; readonly message: string } };

const MAX_PARAMS = 65_536;
const POLL_MS = 200;

export function createCallbacks(find: FindHandler, options: CallbacksOptions = {}): Callbacks {
  const { clock = systemClock, random = systemRandom, ttlMs = 600_000 } = options;
  const log = safely(options.log ?? silent);
  const { maxAttempts = 3, backoffMs = 200, attemptMs = 30_000, waitMs = 10_000 } = options;
  const { store = createMemoryCallbacks({ clock }) } = options;

  /** @throws what the handler throws; `callback/failed` when it takes too long */
  async function attemptOnce(handler: CallbackHandler, action: Omit<CallbackAction, "signal">): Promise<Json> {
    const late = new AbortController();
    let cancel = (): void => {};
    const lateness = new Promise<never>((_resolve, reject) => {
      cancel = clock.timer(attemptMs, () => {
        late.abort();
        reject(failed("The action took too long."));
      });
    });
    try {
      const result = await Promise.race([handler({ ...action, signal: late.signal }), lateness]);
      // What cannot be kept has failed here, before the token is spent.
      return JSON.parse(JSON.stringify(result ?? null)) as Json;
    } finally {
      cancel();
    }
  }

  /** undefined for a failure that is worth another attempt. */
  async function outcomeOf(
    handle: CallbackHandler,
    action: Omit<CallbackAction, "signal">,
  ): Promise<Outcome | undefined> {
    const { graphType, handler, attempt } = action;
    // One more than there may be: the node that had the last one was killed in it.
    if (attempt > maxAttempts) return { error: failed("The action failed.") };
    try {
      return { result: await attemptOnce(handle, action) };
    } catch (error) {
      const coded = publicError(error);
      log("warn", "action failed", { graphType, handler, attempt, code: coded.code, error });
      if (ERROR_CODES[coded.code] >= 500 && attempt < maxAttempts) return undefined;
      return { error: coded.code === "PROCESSING_ERROR" ? failed("The action failed.") : coded };
    }
  }

  return {
    async issue({ handler, params = {}, ttlMs: ownTtlMs = ttlMs }, { graphType, owner, threadId, runId }) {
      if (find(graphType, handler) === undefined) {
        throw wrongOption("handler", `${graphType} has no callback ${JSON.stringify(handler)}.`);
      }
      if (!(Number.isSafeInteger(ownTtlMs) && ownTtlMs > 0))
        throw wrongOption("ttlMs", "ttlMs is a whole number from 1.");
      const stored: Stored = {
        params,
        graphType,
        handler,
        ...(threadId === undefined ? {} : { threadId }),
        ...(runId === undefined ? {} : { runId }),
      };
      if (JSON.stringify(params).length > MAX_PARAMS)
        throw wrongOption("params", `params may have ${MAX_PARAMS} characters as JSON.`);
      const action = JSON.stringify(stored);
      const token = `cb::${graphType}::${randomId("", random).slice(1)}`;
      await store.issue(token, { owner, action, ttlMs: ownTtlMs });
      return token;
    },

    async redeem(token, owner) {
      const holder = randomId("holder", random);
      const until = clock.now() + waitMs;
      while (true) {
        const taken = await store.take(token, { owner, holder, lockMs: attemptMs });
        if (taken.kind === "missing") throw notFound();
        if (taken.kind === "settled") return valueOf(parseOutcome(taken.outcome));
        if (taken.kind === "locked") {
          if (clock.now() >= until) throw locked(taken.ms);
          await sleep(clock, Math.min(taken.ms, POLL_MS));
          continue;
        }
        // This module wrote it.
        const stored = JSON.parse(taken.action) as Stored;
        const { graphType, handler } = stored;
        const { attempt } = taken;
        const handle = find(graphType, handler);
        if (handle === undefined) {
          // Another node may know it, while a new version is rolled out.
          await store.release(token, holder, { untried: true });
          const error = failed("Nothing here does this action.");
          log("warn", "action failed", { graphType, handler, attempt, code: error.code, error });
          throw error;
        }
        const outcome = await outcomeOf(handle, { ...stored, token, owner, attempt });
        if (outcome === undefined) {
          await store.release(token, holder);
          await sleep(clock, backoffMs * 2 ** (attempt - 1));
          continue;
        }
        const text = formatOutcome(outcome);
        // Lost: it took so long that another has it, whose outcome is the one that counts.
        if (await store.settle(token, { holder, outcome: text, keepMs: ttlMs })) return valueOf(parseOutcome(text));
      }
    },
  };
}

function formatOutcome(outcome: Outcome): string {
  if ("result" in outcome) return JSON.stringify(outcome);
  const { code, message } = outcome.error;
  return JSON.stringify({ error: { code, message } });
}

// This module wrote it.
function parseOutcome(text: string): Outcome {
  return JSON.parse(text) as Outcome;
}

function valueOf(outcome: Outcome): Json {
  if ("result" in outcome) return outcome.result;
  const { code, message } = outcome.error;
  throw new SluiceError(isErrorCode(code) ? code : "callback/failed", message);
}

function notFound(): SluiceError {
  return new SluiceError("callback/not-found", "There is no such action, or it is too late for it.");
}

function locked(ms: number): SluiceError {
  return new SluiceError("callback/locked", "This action is at work already.", { details: { retryAfterMs: ms } });
}

function failed(message: string): SluiceError {
  return new SluiceError("callback/failed", message);
}
