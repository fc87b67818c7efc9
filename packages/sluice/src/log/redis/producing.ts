import { sleep } from "../../base/clock.ts";
import { isSluiceError } from "../../base/errors.ts";
import type { AppendAt, CloseAt } from "../types.ts";
import type { Bells } from "./bells.ts";
import type { Context } from "./context.ts";
import { refusal } from "./failure.ts";
import { KEPT_MS } from "./indexes.ts";
import type { KeptTails, Tail } from "./kept.ts";
import type { Reply } from "./reply.ts";
import { APPEND, CLOSE } from "./scripts/append.ts";
import { REWIND } from "./scripts/rewind.ts";

/** A log may be lost again while it is being put back. */
const ATTEMPTS = 8;
const LOOKED_AT_ONCE = 64;
const PAUSE_MS = 500;

/** An append or a close, to be sent with what was lost before it. */
type Send = (missing: readonly string[]) => Promise<Reply>;

/**
 * The appending side. A fail-over may lose what Redis has acknowledged: then the log ends before the number that an
 * append is to follow. What this node has kept is put back, with the same numbers, in the same step as the append;
 * where that is not kept the log is marked as rewound, and nothing but a terminal can follow.
 */
export class Producing {
  readonly #context: Context;
  readonly #bells: Bells;
  readonly #kept: KeptTails;
  /** The last of those that put entries back into a log, by log: one at a time, so that each sees what the other did. */
  readonly #repairs = new Map<string, Promise<unknown>>();
  #verifying: "no" | "yes" | "again" = "no";
  #released = false;

  constructor(context: Context, bells: Bells, kept: KeptTails) {
    this.#context = context;
    this.#bells = bells;
    this.#kept = kept;
  }

  /** @throws as `LogStore.append` */
  append(id: string, entries: readonly string[], at: AppendAt): Promise<Reply> {
    return this.#write(id, entries, at, (missing) => this.#append(id, [...missing, ...entries], at, missing.length));
  }

  /** @throws as `LogStore.close` */
  close(id: string, entries: readonly string[], at: CloseAt): Promise<Reply> {
    const summary = at.summary ? JSON.stringify(at.summary) : "";
    const send: Send = (missing) => this.#close(id, [...missing, ...entries], at, missing.length, summary);
    return this.#write(id, entries, at, send, summary);
  }

  /** The log is no more. */
  forget(id: string): void {
    this.#kept.forget(id);
  }

  /**
   * After Redis was away: looks whether all is there that this node has appended, and puts back what is not. A producer
   * that pauses, and one that has closed its log, would not notice. Never rejects.
   */
  verify(): void {
    if (this.#verifying !== "no") {
      this.#verifying = "again";
      return;
    }
    this.#verifying = "yes";
    void this.#verifyAll();
  }

  release(): void {
    this.#released = true;
    this.#kept.release();
  }

  async #write(id: string, entries: readonly string[], at: AppendAt, send: Send, summary?: string): Promise<Reply> {
    let answer = await send([]);
    if (isLoss(answer, at)) answer = await this.#alone(id, () => this.#putBack(id, at, send));
    if (answer.status !== "ok" && answer.status !== "repeated") {
      if (FINAL.has(answer.status) && this.#kept.get(id)?.fence === at.fence) this.#kept.forget(id);
      throw refusal(id, answer, at);
    }
    const token = answer.maybe(2);
    if (token !== undefined) this.#kept.add(id, token, at, entries, summary);
    return answer;
  }

  #append(id: string, entries: readonly string[], at: AppendAt, missing: number): Promise<Reply> {
    const { commands, keys, time } = this.#context;
    const names = [keys.log(id), keys.entries(id), keys.bell(id)];
    return commands.run(APPEND, names, [time(), at.expected - missing, at.fence, ...entries]);
  }

  #close(id: string, entries: readonly string[], at: AppendAt, missing: number, summary: string): Promise<Reply> {
    const { commands, keys, time } = this.#context;
    const names = [keys.log(id), keys.entries(id), keys.bell(id), keys.stop(id)];
    return commands.run(CLOSE, names, [time(), at.expected - missing, at.fence, summary, KEPT_MS, ...entries]);
  }

  /** Sends with what is missing before it. Answers `conflict` when the caller is mistaken, not Redis. */
  async #putBack(id: string, at: AppendAt, send: Send): Promise<Reply> {
    let answer = await send([]);
    for (let attempt = 1; attempt <= ATTEMPTS && isLoss(answer, at); attempt += 1) {
      const last = answer.number(1);
      const tail = this.#kept.find(id, answer.text(2), at.fence);
      // It was never told that there is so much: an append before this one is under way, or it counts wrongly.
      if (tail && at.expected > tail.last) return answer;
      const missing = tail?.between(last, at.expected);
      if (missing) {
        answer = await send(missing);
        if (answer.status === "ok") this.#tell("put back", id, last, missing.length);
        continue;
      }
      answer = await this.#rewind(id, at, tail !== undefined);
      if (answer.status === "whole") answer = await send([]);
    }
    return answer;
  }

  async #rewind(id: string, { expected, fence }: AppendAt, isSure: boolean): Promise<Reply> {
    const { commands, keys, time } = this.#context;
    const names = [keys.log(id), keys.bell(id)];
    const answer = await commands.run(REWIND, names, [time(), expected, fence, isSure ? "sure" : ""]);
    if (answer.status === "rewound") this.#tell("rewound", id, answer.number(1), expected - answer.number(1));
    return answer;
  }

  #tell(what: "put back" | "rewound", id: string, last: number, entries: number): void {
    this.#context.log("warn", `redis lost entries: ${what}`, { log: id, last, entries });
    // What this node's readers were told of the log is not what it holds.
    this.#bells.alarm(this.#context.keys.bell(id));
  }

  async #verifyAll(): Promise<void> {
    do {
      this.#verifying = "yes";
      const { ids } = this.#kept;
      for (let from = 0; from < ids.length; from += LOOKED_AT_ONCE) {
        await Promise.all(ids.slice(from, from + LOOKED_AT_ONCE).map((id) => this.#verifyUntilDone(id)));
      }
      // Redis was away again in the meantime.
    } while (this.#isToVerifyAgain());
    this.#verifying = "no";
  }

  #isToVerifyAgain(): boolean {
    return this.#verifying === "again" && !this.#released;
  }

  async #verifyUntilDone(id: string): Promise<void> {
    while (!this.#released) {
      try {
        return await this.#alone(id, () => this.#verifyOne(id));
      } catch (error) {
        if (!isSluiceError(error, "log/unavailable")) return;
        // Redis is away still, or again.
        await sleep(this.#context.clock, PAUSE_MS);
      }
    }
  }

  async #verifyOne(id: string): Promise<void> {
    const tail = this.#kept.get(id);
    if (!tail) return;
    const { commands, keys } = this.#context;
    const fields = await commands.call("hmget", keys.log(id), "token", "fence", "last", "closedAt", "rewound");
    const [token, fence, last, closedAt, rewound] = Array.isArray(fields) ? fields : [];
    const isOurs = token === tail.token && Number(fence) === tail.fence && rewound === null;
    if (!isOurs) return this.#kept.forget(id);
    if (Number(last) >= tail.last || closedAt !== null) return;
    await this.#putBackTail(id, tail, Number(last));
  }

  async #putBackTail(id: string, tail: Tail, last: number): Promise<void> {
    const at = { expected: tail.last, fence: tail.fence };
    const missing = tail.between(last, tail.last);
    if (!missing) {
      const { status } = await this.#rewind(id, at, true);
      if (status === "rewound") this.#kept.forget(id);
      return;
    }
    const answer =
      tail.summary === undefined
        ? await this.#append(id, missing, at, missing.length)
        : await this.#close(id, missing, at, missing.length, tail.summary);
    if (answer.status === "ok") this.#tell("put back", id, last, missing.length);
  }

  async #alone<T>(id: string, act: () => Promise<T>): Promise<T> {
    const before = this.#repairs.get(id) ?? Promise.resolve();
    const mine = before.then(act, act);
    this.#repairs.set(id, mine);
    try {
      return await mine;
    } finally {
      if (this.#repairs.get(id) === mine) this.#repairs.delete(id);
    }
  }
}

// Answers after which nothing of this producer is ever taken again, unless it is the terminal.
const FINAL: ReadonlySet<string> = new Set(["not-found", "fenced", "rewound"]);

function isLoss(answer: Reply, at: AppendAt): boolean {
  // Without a token there is no one producer, so nobody can say who has lost what.
  return answer.status === "conflict" && answer.number(1) < at.expected && answer.maybe(2) !== undefined;
}
