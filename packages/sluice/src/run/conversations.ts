import { systemClock, type Clock } from "../base/clock.ts";
import { SluiceError, isSluiceError } from "../base/errors.ts";
import { randomId, systemRandom, type Random } from "../base/id.ts";
import { fold, textOf, type RunEvent } from "../chat/index.ts";
import type { LogState, LogStore } from "../log/types.ts";
import { ownerOfThreads } from "./owner.ts";
import {
  holds,
  inTurns,
  isBegun,
  questionOf,
  titleOf,
  type Answer,
  type Entry,
  type KeptFile,
  type Turn,
} from "./transcript.ts";

export interface ConversationsOptions {
  readonly store: LogStore;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface ConversationMessage {
  readonly role: "user" | "assistant";
  readonly content: string;
  /** What the user sent along. What was in it is not kept. */
  readonly files?: readonly KeptFile[];
  readonly runId: string;
  /** Of an answer that did not come to its end: what there is of it is no whole one (promise 3). */
  readonly status?: "aborted" | "failed";
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface Conversation {
  /** The caller's own name for it; scoped to the owner. */
  readonly id: string;
  readonly title: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface ConversationPage {
  readonly threads: readonly Conversation[];
  readonly next?: string;
}

/** What was said in turns: logs of messages that never close, and stay until they are deleted. */
export interface Conversations {
  /** Oldest first; nothing for a conversation that does not exist yet. */
  messages(owner: string, threadId: string): Promise<readonly ConversationMessage[]>;
  /**
   * Adds what the user said, before its run exists: it belongs to the conversation from the moment when there is such a
   * run, whatever happens to this process in between. The first turn makes the conversation, and its title.
   */
  announceQuestion(owner: string, threadId: string, turn: Turn): Promise<void>;
  /** Adds what the user said to a run that exists, once, whether it was announced or not. */
  addQuestion(owner: string, threadId: string, turn: Turn): Promise<void>;
  /** Adds what a run has answered, once, as far as it went. Nothing while it runs, or when it said nothing. */
  addAnswer(owner: string, threadId: string, runId: string): Promise<void>;
  get(owner: string, threadId: string): Promise<Conversation | undefined>;
  /** Newest first. `before` is a `next` of an earlier page. */
  list(owner: string, page: { readonly limit: number; readonly before?: string }): Promise<ConversationPage>;
  /** @throws SluiceError `thread/not-found` */
  rename(owner: string, threadId: string, title: string): Promise<Conversation>;
  /** Removes it with its ended runs. @throws SluiceError `thread/not-found` */
  delete(owner: string, threadId: string): Promise<void>;
}

export function createConversations(options: ConversationsOptions): Conversations {
  return new StoredConversations(options);
}

const CENTURY_MS = 3_155_760_000_000;
const LIMITS = { maxBytes: 64 << 20, maxEntries: 100_000 };
const ATTEMPTS = 20;
// The first one: nobody holds a lease on a conversation.
const FENCE = 1;

class StoredConversations implements Conversations {
  readonly #store: LogStore;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(options: ConversationsOptions) {
    this.#store = options.store;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
  }

  async messages(owner: string, threadId: string): Promise<readonly ConversationMessage[]> {
    return inTurns(await this.#healed(owner, threadId)).map(({ type: role, content, runId, at, ...more }) => ({
      role,
      content,
      ...("files" in more ? { files: more.files } : {}),
      runId,
      ...("status" in more ? { status: more.status } : {}),
      at,
    }));
  }

  async announceQuestion(owner: string, threadId: string, turn: Turn): Promise<void> {
    if (turn.said) await this.#healed(owner, threadId); // what is there is compared with what was said
    await this.#append(
      () => this.#made(owner, threadId),
      (entries) => (holds(entries, "user", turn.runId) ? undefined : { ...questionOf(entries, turn), announced: true }),
    );
  }

  async addQuestion(owner: string, threadId: string, turn: Turn): Promise<void> {
    await this.#begin(() => this.#made(owner, threadId), turn);
  }

  async #begin(open: () => Promise<LogState | undefined>, turn: Turn): Promise<void> {
    const { runId } = turn;
    await this.#append(open, (entries) => {
      if (!holds(entries, "user", runId)) return questionOf(entries, turn);
      return isBegun(entries, runId) ? undefined : { type: "begun", runId, title: titleOf(entries, "") };
    });
  }

  async addAnswer(owner: string, threadId: string, runId: string): Promise<void> {
    await this.#keepAnswer(owner, threadId, await this.#answerOf(runId));
  }

  async #keepAnswer(owner: string, threadId: string, answer: Answer | undefined): Promise<void> {
    if (answer === undefined) return;
    await this.#append(
      () => this.#find(owner, threadId),
      (entries) => (holds(entries, "assistant", answer.runId) ? undefined : { ...answer, title: titleOf(entries, "") }),
    );
  }

  async get(owner: string, threadId: string): Promise<Conversation | undefined> {
    const log = await this.#find(owner, threadId);
    return log && ifThere(this.#describe(log));
  }

  async list(owner: string, page: { readonly limit: number; readonly before?: string }): Promise<ConversationPage> {
    const { logs, next } = await this.#store.list({ ...page, owner: ownerOfThreads(owner) });
    const found = await Promise.all(logs.map((log) => ifThere(this.#describe(log))));
    const threads = found.filter((thread) => thread !== undefined);
    return { threads, ...(next === undefined ? {} : { next }) };
  }

  async rename(owner: string, threadId: string, title: string): Promise<Conversation> {
    await this.#append(
      () => this.#find(owner, threadId),
      () => ({ type: "title", title }),
    );
    const renamed = await this.get(owner, threadId);
    if (!renamed) throw threadNotFound();
    return renamed;
  }

  async delete(owner: string, threadId: string): Promise<void> {
    const log = await this.#find(owner, threadId);
    if (!log) throw threadNotFound();
    const entries = await ifThere(this.#entries(log));
    if (!entries) throw threadNotFound();
    await this.#store.delete(log.id);
    const runs = new Set(entries.flatMap((entry) => ("runId" in entry ? [entry.runId] : [])));
    for (const runId of runs) {
      const run = await this.#store.state(runId);
      if (run?.owner === owner && run.closedAt !== undefined) await this.#store.delete(runId);
    }
  }

  // What a process could not add before it died is added by the next one who reads.
  async #healed(owner: string, threadId: string): Promise<readonly Entry[]> {
    const log = await this.#find(owner, threadId);
    const entries = (log && (await ifThere(this.#entries(log)))) ?? [];
    const answered = new Set(entries.flatMap((entry) => (entry.type === "assistant" ? [entry.runId] : [])));
    let added = false;
    for (const entry of entries) {
      if (entry.type !== "user" || answered.has(entry.runId)) continue;
      if (!isBegun(entries, entry.runId)) {
        if ((await this.#store.state(entry.runId))?.owner !== owner) continue;
        await this.#begin(() => this.#find(owner, threadId), entry);
        added = true;
      }
      const answer = await this.#answerOf(entry.runId);
      await this.#keepAnswer(owner, threadId, answer);
      added ||= answer !== undefined;
    }
    const grown = added ? await this.#find(owner, threadId) : undefined;
    return (grown && (await ifThere(this.#entries(grown)))) ?? (added ? [] : entries);
  }

  /** Nothing while it runs, or when it said nothing. */
  async #answerOf(runId: string): Promise<Answer | undefined> {
    const run = await this.#store.state(runId);
    if (run?.closedAt === undefined) return undefined;
    const events = await ifThere(readAll<RunEvent>(this.#store, run));
    if (!events) return undefined;
    const message = fold(events);
    const content = textOf(message);
    if (content === "") return undefined;
    const { status } = message;
    return { type: "assistant", content, runId, ...(status === "aborted" || status === "failed" ? { status } : {}) };
  }

  async #describe(log: LogState): Promise<Conversation> {
    const { entries } = await this.#store.read(log.id, { after: Math.max(log.last - 1, 0) });
    const last = entries[0] === undefined ? undefined : (JSON.parse(entries[0]) as Entry);
    return {
      id: log.claim?.key ?? "",
      title: last?.title ?? "",
      createdAt: log.createdAt,
      updatedAt: last?.at ?? log.createdAt,
    };
  }

  #find(owner: string, threadId: string): Promise<LogState | undefined> {
    return this.#store.find(ownerOfThreads(owner), threadId);
  }

  async #entries(log: LogState): Promise<readonly Entry[]> {
    return readAll<Entry>(this.#store, log);
  }

  /**
   * Everybody may append; who is late looks again.
   * @param open makes it, for a question: nothing else makes a conversation that was deleted in the meantime again
   */
  async #append(
    open: () => Promise<LogState | undefined>,
    next: (entries: readonly Entry[]) => DistributiveOmit<Entry, "at"> | undefined,
  ): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const log = await open();
      if (!log) return;
      try {
        const entry = next(await this.#entries(log));
        if (!entry) return;
        const text = JSON.stringify({ ...entry, at: this.#clock.now() });
        await this.#store.append(log.id, [text], { expected: log.last, fence: FENCE });
        return;
      } catch (error) {
        const late = isSluiceError(error, "log/conflict") || isSluiceError(error, "log/not-found");
        if (!late || attempt === ATTEMPTS) throw error;
      }
    }
  }

  async #made(owner: string, threadId: string): Promise<LogState> {
    const { state } = await this.#store.create(randomId("thread", this.#random), {
      owner: ownerOfThreads(owner),
      meta: {},
      ttlMs: CENTURY_MS,
      claim: { key: threadId, hash: "" },
      limits: LIMITS,
    });
    return state;
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** undefined when the log was deleted, or has expired, since it was found. */
async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isSluiceError(error, "log/not-found")) return undefined;
    throw error;
  }
}

/** Up to where the log went when it was looked at. */
async function readAll<T>(store: LogStore, { id, last, first }: LogState): Promise<readonly T[]> {
  const items: T[] = [];
  for (let after = first - 1; after < last;) {
    const { entries } = await store.read(id, { after });
    if (entries.length === 0) break;
    for (const entry of entries.slice(0, last - after)) items.push(JSON.parse(entry) as T);
    after += entries.length;
  }
  return items;
}

export function threadNotFound(): SluiceError {
  return new SluiceError("thread/not-found", "There is no such conversation.");
}
