import { statusOf, wordsOf } from "../server/call.ts";
import { createStore, type Store } from "./store.ts";
import type { RunningRun, Thread, ThreadPage } from "../server/threads.ts";

export interface ThreadItem extends Thread {
  /** An answer is being written in it. */
  readonly running: boolean;
  /** An answer has ended there since it was last open. */
  readonly unread: boolean;
}

export interface ThreadListSnapshot {
  /** Newest first, by what was said last. */
  readonly threads: readonly ThreadItem[];
  readonly status: "loading" | "ready" | "error";
  readonly error?: { readonly message: string; readonly needsKey: boolean };
  /** Older ones are there. */
  readonly more: boolean;
  /** Gone from the list, and to be taken back for a moment. */
  readonly removed?: { readonly id: string; readonly title: string };
  /** What a change came to nothing for. */
  readonly failure?: string;
}

export interface ThreadList extends Store<ThreadListSnapshot> {
  /** Asks for the list again. Never rejects. */
  readonly refresh: () => Promise<void>;
  readonly loadMore: () => Promise<void>;
  /** Asks which answers are being written, and how often is the caller's to say. */
  readonly refreshRunning: () => Promise<void>;
  readonly rename: (id: string, title: string) => Promise<void>;
  /** Takes it off the list now, and deletes it when nobody has wanted it back. */
  readonly remove: (id: string) => void;
  readonly undo: () => void;
  /** Deletes what was taken off the list at once: the page goes away, or nobody undoes it any more. */
  readonly flush: (how?: { readonly leaving: boolean }) => Promise<void>;
  /** A question was asked there: it goes to the top, before the server is asked, and is not deleted any more. */
  readonly asked: (id: string, title: string) => void;
  readonly setRunning: (id: string, running: boolean) => void;
  /** The one that is on the screen; nothing in it is unread. */
  readonly setOpen: (id: string | undefined) => void;
  readonly dismissFailure: () => void;
}

export interface ThreadListOptions {
  readonly readThreads: (before?: string) => Promise<ThreadPage>;
  readonly readRunning: () => Promise<readonly RunningRun[]>;
  readonly rename: (id: string, title: string) => Promise<void>;
  readonly delete: (id: string, how: { readonly leaving: boolean }) => Promise<void>;
  readonly now: () => number;
  /** Calls `run` once after `ms`; the function returned cancels it. */
  readonly timer: (ms: number, run: () => void) => () => void;
  readonly undoMs?: number;
}

export const UNDO_MS = 8_000;

interface State {
  readonly known: ReadonlyMap<string, Thread>;
  /** Asked here; the server has not told of them yet. */
  readonly own: ReadonlyMap<string, Thread>;
  readonly running: ReadonlySet<string>;
  readonly unread: ReadonlySet<string>;
  readonly deleted: ReadonlySet<string>;
  readonly open?: string | undefined;
  readonly next?: string | undefined;
  readonly rest: Pick<ThreadListSnapshot, "status" | "error" | "removed" | "failure">;
}

/** The person's chats. What happens on the server ends up in the snapshot; nothing here knows of React. */
export function createThreadList(options: ThreadListOptions): ThreadList {
  const { readThreads, readRunning, now, timer, undoMs = UNDO_MS } = options;
  let state: State = {
    known: new Map(),
    own: new Map(),
    running: new Set(),
    unread: new Set(),
    deleted: new Set(),
    rest: { status: "loading" },
  };
  const store = createStore(snapshotOf(state));
  let cancelRemoval = (): void => {};
  let latest = 0;

  const change = (some: Partial<State>): void => {
    state = { ...state, ...some };
    store.set(snapshotOf(state));
  };
  const rest = (some: Partial<State["rest"]>): void => change({ rest: { ...state.rest, ...some } });
  const fail = (error: unknown): void => change({ rest: { ...state.rest, failure: wordsOf(error) } });

  const list: ThreadList = {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    async refresh() {
      const turn = (latest += 1);
      try {
        const page = await readThreads();
        if (turn !== latest) return; // a later answer is on its way, or here
        // Older pages that were loaded stay; what the first page would have to hold and does not is gone.
        const oldest = Math.min(...page.threads.map(({ createdAt }) => createdAt));
        const older =
          page.next === undefined ? [] : [...state.known.values()].filter(({ createdAt }) => createdAt < oldest);
        const known = byId([...page.threads, ...older]);
        const own = new Map([...state.own].filter(([id]) => !known.has(id)));
        const next = older.length > 0 ? state.next : page.next;
        const { error: _error, ...others } = state.rest;
        change({ known, own, next, rest: { ...others, status: "ready" } });
      } catch (error) {
        if (turn !== latest) return;
        const told = { message: wordsOf(error), needsKey: statusOf(error) === 401 };
        rest({ status: state.known.size > 0 && !told.needsKey ? "ready" : "error", error: told });
      }
    },
    async loadMore() {
      const { next } = state;
      if (next === undefined) return;
      try {
        const page = await readThreads(next);
        change({ known: new Map([...state.known, ...byId(page.threads)]), next: page.next });
      } catch (error) {
        fail(error);
      }
    },
    async refreshRunning() {
      try {
        const running = new Set((await readRunning()).flatMap(({ threadId }) => threadId ?? []));
        const ended = [...state.running].filter((id) => !running.has(id));
        const unread = new Set([...state.unread, ...ended.filter((id) => id !== state.open)]);
        if (ended.length > 0 || !sameSet(running, state.running)) change({ running, unread });
      } catch {
        // The next look will tell.
      }
    },
    async rename(id, title) {
      const wanted = title.trim();
      const before = state.known.get(id) ?? state.own.get(id);
      if (wanted === "" || before === undefined || before.title === wanted) return;
      change(withThread(state, { ...before, title: wanted }));
      try {
        await options.rename(id, wanted);
      } catch (error) {
        change(withThread(state, before));
        fail(error);
      }
    },
    remove(id) {
      void list.flush();
      const thread = state.known.get(id) ?? state.own.get(id);
      if (thread === undefined) return;
      change({
        deleted: new Set([...state.deleted, id]),
        rest: { ...state.rest, removed: { id, title: thread.title } },
      });
      cancelRemoval = timer(undoMs, () => void list.flush());
    },
    undo() {
      const { removed, ...others } = state.rest;
      if (removed === undefined) return;
      cancelRemoval();
      change({ deleted: without(state.deleted, removed.id), rest: others });
    },
    async flush({ leaving } = { leaving: false }) {
      const { removed, ...others } = state.rest;
      if (removed === undefined) return;
      cancelRemoval();
      change({ rest: others });
      try {
        await options.delete(removed.id, { leaving });
        change({ known: withoutKey(state.known, removed.id), own: withoutKey(state.own, removed.id) });
      } catch (error) {
        if (statusOf(error) === 404) return; // it is gone already, which is what was wanted
        change({ deleted: without(state.deleted, removed.id) });
        fail(error);
      }
    },
    asked(id, title) {
      // Who asks there wants it back.
      if (state.rest.removed?.id === id) list.undo();
      const at = now();
      const before = state.known.get(id) ?? state.own.get(id);
      change({
        ...withThread(state, before ? { ...before, updatedAt: at } : { id, title, createdAt: at, updatedAt: at }),
        deleted: without(state.deleted, id),
      });
    },
    setRunning(id, running) {
      if (state.running.has(id) === running) return;
      change({ running: running ? new Set([...state.running, id]) : without(state.running, id) });
    },
    setOpen(open) {
      change({ open, unread: open === undefined ? state.unread : without(state.unread, open) });
    },
    dismissFailure() {
      const { failure: _failure, ...others } = state.rest;
      change({ rest: others });
    },
  };
  return list;
}

function snapshotOf({ known, own, running, unread, deleted, next, rest }: State): ThreadListSnapshot {
  const threads = [...new Map([...own, ...known]).values()]
    .filter(({ id }) => !deleted.has(id))
    .map((thread) => ({ ...thread, running: running.has(thread.id), unread: unread.has(thread.id) }))
    .toSorted((a, b) => b.updatedAt - a.updatedAt);
  return { ...rest, threads, more: next !== undefined };
}

function withThread({ known, own }: State, thread: Thread): Pick<State, "known"> | Pick<State, "own"> {
  return known.has(thread.id)
    ? { known: new Map([...known, [thread.id, thread]]) }
    : { own: new Map([...own, [thread.id, thread]]) };
}

function byId(threads: readonly Thread[]): Map<string, Thread> {
  return new Map(threads.map((thread) => [thread.id, thread]));
}

function without(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  return new Set([...set].filter((other) => other !== id));
}

function withoutKey(map: ReadonlyMap<string, Thread>, id: string): ReadonlyMap<string, Thread> {
  return new Map([...map].filter(([other]) => other !== id));
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((id) => b.has(id));
}
