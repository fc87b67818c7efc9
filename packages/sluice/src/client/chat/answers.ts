import type { StreamState } from "../types.ts";
import { BROKEN_OFF, chatError, waitReason } from "./chat-error.ts";
import {
  CONNECTING,
  answerTo,
  edited,
  ended,
  failed,
  failureOf,
  find,
  isUnheard,
  opened,
  progressed,
  questionOf,
  withdrawn,
  type Turn,
} from "./conversation.ts";
import type { Endpoints } from "./endpoints.ts";
import { readRun, type ReadRunOptions } from "./read-run.ts";
import { shareRun, type SharedRun, type SharedRunOptions } from "./shared-run.ts";
import type { Slots } from "./slots.ts";
import type { Store } from "./store.ts";
import type { RunMessage, TabMessage } from "./tab-messages.ts";
import type { ChatAnswer, ChatConnection, ChatError } from "./types.ts";

export interface AnswersOptions
  extends
    Pick<SharedRunOptions, "locks" | "page" | "soon">,
    Required<Pick<ReadRunOptions, "clock" | "random" | "wake" | "dialect" | "decode" | "onEvent">> {
  readonly store: Store;
  readonly slots: Slots;
  readonly endpoints: Endpoints;
  /** What begins the names of locks: tabs of another server or thread share nothing. */
  readonly scope: string;
  readonly post: (message: TabMessage) => void;
  readonly save: () => void;
  readonly onFinish: ((message: ChatAnswer) => void) | undefined;
  readonly onError: ((error: ChatError) => void) | undefined;
}

/** The runs that this page follows, each until its terminal. What happens to them ends up in the store. */
export interface Answers {
  /** Of a turn that is open. */
  follow(requestId: string): void;
  /** Not any more; the turn stays as it is. */
  drop(requestId: string): void;
  /** Whether it is this tab that reads it. */
  leads(requestId: string): boolean;
  /** Puts what has come into the conversation. */
  refresh(): void;
  /** Somebody wants the answer to end. */
  stop(requestId: string): void;
  /** In another tab somebody does, or could not have it. */
  stopTold(requestId: string, wanted: boolean): void;
  /** Tells other tabs of a turn. */
  announce(requestId: string): void;
  hear(message: RunMessage): void;
  attend(): void;
  close(): void;
}

export function createAnswers(options: AnswersOptions): Answers {
  const { store, endpoints, save, post } = options;
  const runs = new Map<string, SharedRun>();
  /** Those of which something is not in the conversation yet. */
  const grown = new Set<string>();

  return {
    follow,
    drop,
    leads,
    refresh,
    stop(requestId) {
      if (turnOf(requestId)?.stopping !== false) return;
      edit(requestId, (turn) => ({ ...turn, stopping: true }));
      post({ kind: "stop", requestId, wanted: true });
      if (!takeBackUnheard(requestId)) void sendStop(requestId);
    },
    announce,
    stopTold(requestId, wanted) {
      edit(requestId, (turn) => ({ ...turn, stopping: wanted }));
      // The other tab may not know the run yet.
      if (wanted && leads(requestId) && !takeBackUnheard(requestId)) void sendStop(requestId);
    },
    hear: (message) => runs.get(message.requestId)?.hear(message),
    attend() {
      for (const run of runs.values()) run.attend();
    },
    close() {
      for (const requestId of runs.keys()) drop(requestId);
    },
  };

  function follow(requestId: string): void {
    drop(requestId);
    const isCurrent = (): boolean => runs.get(requestId) === run;
    const { page, soon, locks, slots, scope, clock, random, wake, dialect, decode, onEvent } = options;
    const onState = createOnState(requestId, (connection) => run.tell(connection));
    const run: SharedRun = shareRun({
      requestId,
      page,
      soon,
      locks,
      clock,
      random,
      post,
      lockName: `${scope}:${requestId}`,
      read: (copy, hooks) =>
        slots.hold({ signal: hooks.signal, isSeen: () => run.isSeen }, (signal) =>
          readRun(copy, {
            ...hooks,
            signal,
            clock,
            random,
            wake,
            dialect,
            decode,
            onEvent,
            fetch: endpoints.fetch,
            headers: endpoints.headers,
            source: () => {
              const { body, runUrl } = turnOf(requestId) ?? {};
              const worded = runUrl === undefined ? undefined : endpoints.worded(runUrl);
              return { postUrl: endpoints.postUrl.href, body, runUrl: worded };
            },
            onState(state) {
              if (isCurrent() && !hooks.signal.aborted) onState(state);
            },
          }),
        ),
      onSeen: slots.attend,
      run: () => {
        const { runId, runUrl } = turnOf(requestId) ?? {};
        return { runId, runUrl };
      },
      onTold(connection, told) {
        if (!isCurrent()) return;
        if (told.runUrl !== undefined && turnOf(requestId)?.runUrl === undefined) {
          store.change(opened, requestId, told);
          save();
        }
        connected(requestId, connection.status === "open" ? { ...connection, shared: true } : connection);
      },
      onProgress() {
        if (!isCurrent()) return;
        grown.add(requestId);
        if (run.copy.over) finish(requestId, run);
        else store.publishSoon();
      },
      onRead(error) {
        if (isCurrent()) fail(requestId, error === undefined ? BROKEN_OFF : chatError(error));
      },
    });
    runs.set(requestId, run);
    run.start();
  }

  function createOnState(requestId: string, tell: (connection: ChatConnection) => void): (state: StreamState) => void {
    let resumed = -1;
    const now = (connection: ChatConnection): void => {
      connected(requestId, connection);
      tell(connection);
    };
    return (state) => {
      switch (state.status) {
        case "connecting":
          return now({ status: "connecting", attempt: state.attempt });
        case "open":
          resumed += 1;
          onOpen(requestId, state);
          return now({ status: "open", shared: false, resumed });
        case "waiting": {
          const { attempt, error, retryInMs } = state;
          const reason = waitReason(error, options.wake.online());
          now({ status: "waiting", attempt, reason, retryAt: options.clock.now() + retryInMs });
          return void takeBackUnheard(requestId);
        }
        case "left":
          return now(CONNECTING); // its slot was given away
        case "done":
        case "failed":
      }
    };
  }

  function onOpen(requestId: string, { url, runId }: Extract<StreamState, { readonly status: "open" }>): void {
    const before = turnOf(requestId);
    const runUrl = url ?? (runId === undefined ? undefined : endpoints.eventsUrl(runId).href);
    store.change(opened, requestId, { runId, runUrl });
    if (before?.runUrl === undefined) {
      save();
      announce(requestId);
    }
    if (before?.stopping === true) void sendStop(requestId);
  }

  function announce(requestId: string): void {
    const turn = turnOf(requestId);
    const question = questionOf(store.conversation, requestId);
    if (turn && question) post({ kind: "turn", turn, question });
  }

  function finish(requestId: string, { copy }: SharedRun): void {
    runs.delete(requestId);
    grown.delete(requestId);
    store.change(ended, requestId, copy.message);
    save();
    store.publish();
    const error = failureOf(copy.message);
    const answer = answerTo(store.conversation, requestId);
    if (error !== undefined) tellError(error);
    else if (answer !== undefined) queueMicrotask(() => options.onFinish?.(answer));
  }

  function fail(requestId: string, error: ChatError): void {
    end(requestId);
    store.change(failed, requestId, error);
    save();
    announce(requestId);
    store.publish();
    tellError(error);
  }

  // By itself: what it throws is the page's, and nothing of the reading.
  function tellError(error: ChatError): void {
    queueMicrotask(() => options.onError?.(error));
  }

  /** Where no server is known to have it and this tab would be the one to ask: then nobody answers it. */
  function takeBackUnheard(requestId: string): boolean {
    const turn = turnOf(requestId);
    if (turn?.stopping !== true || !isUnheard(turn) || !leads(requestId)) return false;
    end(requestId);
    // The server is told as far as it hears.
    void endpoints.cancel(requestId);
    store.change(withdrawn, requestId);
    post({ kind: "withdrawn", requestId });
    save();
    store.publish();
    return true;
  }

  async function sendStop(requestId: string): Promise<void> {
    const runUrl = turnOf(requestId)?.runUrl;
    if (runUrl === undefined) return;
    try {
      await endpoints.stop(runUrl);
    } catch {
      // While there is no connection it stays wanted, and is sent when there is one; else the person may try again.
      const turn = turnOf(requestId);
      if (turn === undefined || turn.connection.status !== "open") return;
      edit(requestId, (before) => ({ ...before, stopping: false }));
      post({ kind: "stop", requestId, wanted: false });
    }
  }

  function connected(requestId: string, connection: ChatConnection): void {
    edit(requestId, (turn) => ({ ...turn, connection }));
  }

  function edit(requestId: string, change: (turn: Turn) => Turn): void {
    store.change(edited, requestId, change);
  }

  function refresh(): void {
    for (const requestId of grown) {
      const run = runs.get(requestId);
      if (run !== undefined && run.copy.events.length > 0) store.change(progressed, requestId, run.copy.message);
    }
    grown.clear();
  }

  function drop(requestId: string): void {
    taken(requestId)?.close();
  }

  function end(requestId: string): void {
    taken(requestId)?.end();
  }

  function taken(requestId: string): SharedRun | undefined {
    refresh();
    const run = runs.get(requestId);
    runs.delete(requestId);
    return run;
  }

  function leads(requestId: string): boolean {
    return runs.get(requestId)?.leads === true;
  }

  function turnOf(requestId: string): Turn | undefined {
    return find(store.conversation, requestId);
  }
}
