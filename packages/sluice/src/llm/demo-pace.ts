import { whenAborted } from "../base/abort.ts";
import { sleep } from "../base/clock.ts";
import type { Clock } from "../base/clock.ts";
import { SluiceError } from "../base/errors.ts";
import { UNPACED_RATE } from "./demo-hints.ts";
import type { DemoHints } from "./demo-hints.ts";
import type { SeededRandom } from "./demo-random.ts";

/** Decides when the next token comes, and whether it comes at all. */
export interface Pace {
  /** Tokens given so far. */
  readonly tokens: number;
  /** The time to the first token. */
  begin(): Promise<void>;
  /** Before each token. Undefined means at once: a promise per token would cost more than the token. */
  token(): Promise<void> | undefined;
  /** A wait outside the token rate, for a tool at work. */
  pause(ms: number): Promise<void>;
  /** After the last token of a part: `fail-after` and `stall-after` may name exactly this place. */
  end(): Promise<void>;
}

export interface PaceOptions {
  readonly hints: DemoHints;
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly signal: AbortSignal;
}

/** Timers resolve to about a millisecond, so shorter gaps are gathered: several tokens per timer. */
const SHORTEST_WAIT_MS = 5;

/** Without a timer the event loop gets its turn after this many tokens. */
const TOKENS_PER_TURN = 1_000;

export function createPace(options: PaceOptions): Pace {
  const { hints, clock, random, signal } = options;
  const paced = hints.rate < UNPACED_RATE;
  const gapMs = 1_000 / hints.rate;
  const failAt = hints.failAfter ?? Infinity;
  const stallAt = hints.stallAfter ?? Infinity;
  let tokens = 0;
  let sinceTurn = 0;
  /** When the next token is to come. Waits are measured against it, so lateness of timers does not add up. */
  let due = clock.now();

  /** The place where a hint wants trouble; undefined elsewhere. */
  const trouble = (): Promise<void> | undefined => {
    if (tokens >= failAt) {
      throw new SluiceError("llm/failed", `The demo model failed after ${tokens} words, as \`fail-after\` asked.`);
    }
    return tokens >= stallAt ? hang(signal) : undefined;
  };

  return {
    get tokens() {
      return tokens;
    },
    async begin() {
      signal.throwIfAborted();
      const ms = hints.ttft ?? (paced ? 250 + random.float() * 200 : 0);
      if (ms > 0) await sleep(clock, ms, signal);
      due = clock.now();
      await trouble();
    },
    token() {
      signal.throwIfAborted();
      const stuck = trouble();
      if (stuck !== undefined) return stuck;
      tokens += 1;
      sinceTurn += 1;
      const waitMs = paced ? due - clock.now() : 0;
      if (paced) due += gapMs * (0.3 + random.float() * 1.4);
      if (waitMs < SHORTEST_WAIT_MS && sinceTurn < TOKENS_PER_TURN) return undefined;
      sinceTurn = 0;
      return waitMs < SHORTEST_WAIT_MS ? nextTurn() : sleep(clock, waitMs, signal);
    },
    async pause(ms) {
      if (paced) await sleep(clock, ms * (0.75 + random.float() / 2), signal);
      due = clock.now();
    },
    async end() {
      signal.throwIfAborted();
      await trouble();
    },
  };
}

async function hang(signal: AbortSignal): Promise<void> {
  await whenAborted(signal).promise;
  signal.throwIfAborted();
}

/** Lets I/O and timers run. Browsers have no `setImmediate`. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}
