import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/id.ts";
import type { RunEvent } from "../../chat/index.ts";
import { wait } from "../wait.ts";
import type { Soon } from "./frames.ts";
import { createReign, type Reign } from "./reign.ts";
import { createRunCopy, type RunCopy } from "./run-copy.ts";
import type { KnownRun, Place, RunMessage } from "./tab-messages.ts";
import type { ChatConnection, ChatPage, Tabs } from "./types.ts";

export interface SharedRunOptions {
  readonly requestId: string;
  /** Null: this tab reads, and tells nobody. */
  readonly locks: Tabs["locks"] | null;
  readonly lockName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly page: ChatPage;
  readonly soon: Soon;
  readonly post: (message: RunMessage) => void;
  /** Reads the rest of the run from the server into the copy. */
  readonly read: (copy: RunCopy, hooks: ReadingHooks) => Promise<void>;
  /** The copy has grown, or is another one. */
  readonly onProgress: () => void;
  /** This tab reads for one that is looked at. */
  readonly onSeen: () => void;
  /** What this tab knows of where the run is. */
  readonly run: () => KnownRun;
  /** The tab that reads tells how it is connected, and to which run. Before what it tells of the answer. */
  readonly onTold: (connection: ChatConnection, run: KnownRun) => void;
  /** The reading of this tab is over, well or not. */
  readonly onRead: (error: unknown) => void;
}

export interface ReadingHooks {
  readonly signal: AbortSignal;
  readonly onProgress: (event: RunEvent) => void;
  readonly onRestart: () => void;
}

/**
 * A run that one tab reads and tells the others, which all have the whole of it: whoever holds its lock reads. The
 * others queue for the lock, so the next takes over where its own copy ends.
 */
export interface SharedRun {
  readonly copy: RunCopy;
  readonly leads: boolean;
  /** Somebody looks at it, here or in a tab that follows. */
  readonly isSeen: boolean;
  /** Begins to read, or to follow. */
  start(): void;
  hear(message: RunMessage): void;
  /** How the connection of this tab is, for those who follow. */
  tell(connection: ChatConnection): void;
  /** The page is looked at again: who knows what was missed. */
  attend(): void;
  /** Lets another tab read on. */
  close(): void;
  /** The turn is over, and other tabs are told so: no other is to begin. */
  end(): void;
}

/** After so long without a word the leader is asked; after as long again without an answer it is taken for frozen. */
const SILENCE_MS = 5_000;
/** Locks and messages do not keep an order: who is next in the queue is to hear of the end before it has the lock. */
const LINGER_MS = 250;

export function shareRun(options: SharedRunOptions): SharedRun {
  const { requestId, locks, clock, random, page } = options;
  const copy = createRunCopy();
  const closed = new AbortController();
  let connection: ChatConnection = { status: "connecting", attempt: 1 };
  let reign: Reign | undefined;
  let endReign = (): void => {};
  /** How far this tab was told, by whom. */
  let place: Place = { requestId, epoch: 0, sequence: 0 };
  /** The epoch of the leader that was asked and has not answered. */
  let asked: number | undefined;
  let cancelSilence = (): void => {};
  let queued = new AbortController();
  let stealing = false;
  let alone = locks === null;
  let lingers = false;

  return {
    copy,
    get leads() {
      return reign !== undefined;
    },
    get isSeen() {
      return page.visible() || reign?.isSeen === true;
    },
    start() {
      if (locks === null) return void lead();
      void queue(locks);
      ask();
    },
    hear(message) {
      if (isDone() || alone) return;
      if (message.kind === "ask") answer(message);
      else if (reign === undefined) follow(message);
      else if (message.epoch > reign.place.epoch) endReign(); // it was taken over, and the lock has not told yet
    },
    tell(now) {
      connection = now;
      reign?.tell();
    },
    attend() {
      if (reign === undefined && !alone) ask();
    },
    close: leave,
    end() {
      lingers = true;
      leave();
    },
  };

  /** Leads whenever the lock is had, and follows in between. */
  async function queue(manager: Tabs["locks"]): Promise<void> {
    while (!isDone() && !alone) {
      queued = new AbortController();
      const wanted = stealing ? { steal: true } : { signal: queued.signal };
      stealing = false;
      let work: Promise<void> | undefined;
      try {
        await manager.request(options.lockName, wanted, () => (work = lead()));
      } catch {
        if (work !== undefined) {
          endReign(); // the lock was stolen
          await work;
        } else if (!queued.signal.aborted) readAlone(); // no lock is to be had here
      }
      if (!isDone() && !alone) ask();
    }
  }

  async function lead(): Promise<void> {
    if (isDone()) return;
    cancelSilence();
    asked = undefined;
    const ended = new AbortController();
    const signal = AbortSignal.any([closed.signal, ended.signal]);
    endReign = () => ended.abort();
    const begin = (): Reign => {
      // Higher than those before, and never that of another tab.
      const epoch = Math.max(clock.now(), Math.floor(place.epoch) + 1) + fraction(random);
      const { soon, run } = options;
      const mine = createReign({ requestId, epoch, copy, connection: () => connection, run, soon, post });
      ({ place } = mine);
      return mine;
    };
    reign = begin();
    let failure: unknown;
    try {
      await options.read(copy, {
        signal,
        onRestart: () => void (reign = begin()),
        onProgress(event) {
          reign?.add(event);
          options.onProgress();
        },
      });
    } catch (error) {
      failure = error;
    }
    if (!signal.aborted) reign.flush();
    ({ place } = reign);
    reign = undefined;
    if (!signal.aborted) {
      lingers = true;
      leave();
      options.onRead(failure);
    }
    if (lingers && !alone) await wait(LINGER_MS, { clock, signal: undefined, wake: undefined });
  }

  function answer(ask: Extract<RunMessage, { readonly kind: "ask" }>): void {
    reign?.answer(ask);
    if (reign?.isSeen === true) options.onSeen();
  }

  function follow(message: Exclude<RunMessage, { readonly kind: "ask" }>): void {
    const { kind, epoch, sequence } = message;
    if (epoch < place.epoch) return;
    const isKnown = epoch === place.epoch && sequence <= place.sequence;
    const isNext = epoch === place.epoch && sequence === place.sequence + 1;
    if (!isKnown && !isNext && kind === "batch") {
      if (asked !== epoch) ask(epoch); // there is a hole
      return;
    }
    asked = undefined;
    listen();
    options.onTold(message.connection, message.run);
    if (!isKnown) take(message);
  }

  function take({ kind, epoch, sequence, events, lastEventId }: Exclude<RunMessage, { readonly kind: "ask" }>): void {
    place = { requestId, epoch, sequence };
    try {
      if (kind === "whole") copy.replace(events);
      else for (const event of events) copy.add(event);
      copy.lastEventId = lastEventId;
    } catch {
      readAlone(); // it was told by another version of this page
    }
    if (copy.over) leave();
    options.onProgress();
  }

  /** @param epoch of the leader, where one was heard of */
  function ask(epoch: number = NOBODY): void {
    asked = epoch;
    post({ kind: "ask", seen: page.visible(), ...place });
    listen();
  }

  /** Waits for a word of the leader, for so long. A page that nobody looks at may wait on. */
  function listen(): void {
    cancelSilence();
    if (isDone() || reign !== undefined) return;
    cancelSilence = clock.timer(SILENCE_MS, () => {
      if (!page.visible()) return listen();
      if (asked === undefined) return ask();
      stealing = true;
      queued.abort();
    });
  }

  function readAlone(): void {
    alone = true;
    queued.abort();
    cancelSilence();
    copy.lastEventId = undefined;
    void lead();
  }

  function leave(): void {
    closed.abort();
    queued.abort();
    cancelSilence();
  }

  function post(message: RunMessage): void {
    if (!alone) options.post(message);
  }

  function isDone(): boolean {
    return closed.signal.aborted || copy.over;
  }
}

const NOBODY = -1;

function fraction(random: Random): number {
  const [high = 0, low = 0] = random(new Uint8Array(2));
  return (high * 256 + low) / 65_536;
}
