import { sleep, type Clock } from "../../base/clock.ts";
import type { SluiceError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { RedisClient } from "./client.ts";
import { kindOf, replyCode, unavailable } from "./failure.ts";
import { Reply } from "./reply.ts";
import type { Script } from "./scripts/script.ts";
import { released } from "../refusals.ts";

export interface CommandsOptions {
  readonly client: RedisClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a command is tried before it fails. */
  readonly patienceMs: number;
}

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 500;

/**
 * Sends scripts and commands. All of them may be sent twice without harm, so one that meets a broken connection or a
 * fail-over is sent again, for `patienceMs` in all.
 */
export class Commands {
  readonly #options: CommandsOptions;
  readonly #released = new AbortController();
  /** When each of those began that wait for an answer; the first has waited longest. */
  readonly #waiting = new Set<{ readonly since: number }>();
  #hasAnswered = false;
  #reconnectedAt = Number.NEGATIVE_INFINITY;

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  /** @throws SluiceError `log/unavailable`, `log/released`; what Redis said, when it is a mistake of this store */
  async run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    const rest = [String(keys.length), ...keys, ...args.map(String)];
    return new Reply(await this.#persist(() => this.#evaluate(script, rest)));
  }

  /** @throws as `run` */
  call(command: string, ...args: string[]): Promise<unknown> {
    return this.#persist(() => this.#options.client.call(command, args));
  }

  /** Whether there was ever a connection. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** For how long the command waits that waits longest; 0 when all are answered. */
  get waitingMs(): number {
    const { value: first } = this.#waiting.values().next();
    return first ? this.#options.clock.now() - first.since : 0;
  }

  release(): void {
    this.#released.abort(released());
  }

  async #evaluate(script: Script, rest: string[]): Promise<unknown> {
    const { client } = this.#options;
    try {
      return await client.call("evalsha", [script.sha, ...rest]);
    } catch (error) {
      // A server that was started anew, or another node of a Cluster, has not seen the script yet.
      if (replyCode(error) !== "NOSCRIPT") throw error;
      return client.call("eval", [script.lua, ...rest]);
    }
  }

  async #persist(send: () => Promise<unknown>): Promise<unknown> {
    this.#released.signal.throwIfAborted();
    const waiting = { since: this.#options.clock.now() };
    this.#waiting.add(waiting);
    try {
      const answer = await this.#tryFor(send);
      this.#hasAnswered = true;
      return answer;
    } finally {
      this.#waiting.delete(waiting);
    }
  }

  async #tryFor(send: () => Promise<unknown>): Promise<unknown> {
    const { clock, patienceMs } = this.#options;
    const signal = this.#released.signal;
    const until = clock.now() + patienceMs;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        return await within(send(), until - clock.now(), clock);
      } catch (error) {
        const kind = kindOf(error);
        if (kind === "foreign") throw error;
        if (kind === "lasting" || until - clock.now() <= pause) throw this.#givenUp(error);
        if (replyCode(error) === "READONLY") this.#findMaster();
        await sleep(clock, pause, signal);
      }
    }
  }

  #givenUp(error: unknown): SluiceError {
    const { log } = this.#options;
    log("warn", "redis refused a command", { code: "log/unavailable", reply: replyCode(error), error });
    return unavailable(error);
  }

  // The server became a replica under this connection: a new connection asks the sentinels, or the name service.
  #findMaster(): void {
    const { client, clock } = this.#options;
    if (client.isCluster === true || clock.now() - this.#reconnectedAt < LONGEST_PAUSE_MS) return;
    this.#reconnectedAt = clock.now();
    client.disconnect?.(true);
  }
}

/** @throws an Error when the promise has not settled in time; the command may still be done */
function within<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.timer(ms, () => reject(new Error("Redis did not answer in time.")));
    promise.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}
