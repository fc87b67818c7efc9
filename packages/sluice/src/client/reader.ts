import { SluiceError } from "../base/errors.ts";
import { systemRandom } from "../base/id.ts";
import { isTerminalFrame } from "../dialects/index.ts";
import { parseEvents } from "../sse/index.ts";
import { createBackoff } from "./backoff.ts";
import { openConnection, type Connection } from "./connection.ts";
import { judge, type Failure } from "./judge.ts";
import { createOrder } from "./order.ts";
import { firstRequest, nextRequest, toRequestInit } from "./request.ts";
import type { EventStreamOptions, EventStreamReader, StreamEvent, StreamState } from "./types.ts";
import { hasSlept, wait, waitingClock } from "./wait.ts";
import { browserWake } from "./wake.ts";

const HEARTBEAT_MS = 15_000;
const HEARTBEATS_PER_STALL = 2.5;
/** Time for the response to end after its terminal event: read to the end, its connection can be used again. */
const LINGER_MS = 1_000;
const MAX_EVENT_LENGTH = 67_108_864;
/** A connection that is alive so late was a good one, even if it never brought an event. */
const GOOD_AFTER_MS = 30_000;

/**
 * Opens an event stream and reads it to its end, however often the connection breaks. An end without a terminal event
 * is a broken connection, however clean it looks: proxies make clean ends of crashed servers (promise 3).
 * @throws SluiceError `option/invalid`
 */
export function openEventStream(url: string | URL, options: EventStreamOptions = {}): EventStreamReader {
  return createReader(url, options);
}

/** What our `EventSource` needs besides. */
export interface Reader extends EventStreamReader {
  /** The event handed out last is the terminal, or was the one before. */
  readonly over: boolean;
  /** The server's `retry:`, else the option. */
  readonly retryMs: number;
}

export function createReader(url: string | URL, options: EventStreamOptions): Reader {
  const { signal, onState, server, maxEventLength = MAX_EVENT_LENGTH } = options;
  const { maxAttempts = 30, giveUpMs = Infinity } = options.backoff ?? {};
  const { fetch = globalThis.fetch, clock = waitingClock, random = systemRandom, wake = browserWake } = options;
  const isNew = createOrder(options.lastEventId);
  const backoff = createBackoff(random, options.backoff ?? {});

  let state: StreamState = { status: "connecting", attempt: 1 };
  let request = firstRequest(url, options);
  let located = false;
  let runId: string | undefined;
  let lastEventId = options.lastEventId;
  let over = false;
  let received = false;
  let failures = 0;
  let progressAt = 0;

  const events = read();
  return {
    [Symbol.asyncIterator]: () => events,
    get state() {
      return state;
    },
    get url() {
      return resumeUrl();
    },
    get lastEventId() {
      return lastEventId;
    },
    get runId() {
      return runId;
    },
    get over() {
      return over;
    },
    get retryMs() {
      return backoff.baseMs;
    },
  };

  async function* read(): AsyncGenerator<StreamEvent, void> {
    try {
      progress();
      while (!left()) {
        setState({ status: "connecting", attempt: failures + 1 });
        const failure = yield* connect();
        if (left()) return;
        if (failure === undefined) return setState({ status: "done" });
        await waitAfter(failure);
      }
    } catch (error) {
      if (left()) return;
      setState({ status: "failed", error });
      throw error;
    } finally {
      if (state.status !== "done" && state.status !== "failed") setState({ status: "left" });
    }
  }

  /** One connection. Returns why it failed; undefined when there is nothing more to read. */
  async function* connect(): AsyncGenerator<StreamEvent, Failure | undefined> {
    const limitMs = options.stallMs ?? (isSluice() ? HEARTBEAT_MS * HEARTBEATS_PER_STALL : Infinity);
    const connection = openConnection({ clock, wake, limitMs, left: signal });
    try {
      const { credentials = "same-origin" } = options;
      const init = { ...toRequestInit(request, lastEventId), credentials, signal: connection.signal };
      const response = await connection.watch(fetch(request.url, init));
      const failure = await judge(response, connection, clock.now());
      if (failure !== undefined || response.status === 204) return failure;
      opened(response, connection);
      yield* receive(response, connection);
    } catch (error) {
      if (error !== connection.failure) throw error;
    } finally {
      connection.close();
    }
    if (over) return undefined;
    const error = connection.failure ?? new Error("The response ended before the answer did.");
    return { error, woken: connection.woken };
  }

  function opened(response: Response, connection: Connection): void {
    runId = response.headers.get("sluice-run-id") ?? runId;
    const next = located ? undefined : nextRequest(request, response);
    if (next !== undefined) {
      request = next;
      located = true;
    }
    const heartbeatMs = Number(response.headers.get("sluice-heartbeat-ms"));
    if (options.stallMs === undefined && heartbeatMs > 0) connection.setLimit(heartbeatMs * HEARTBEATS_PER_STALL);
    setState({ status: "open", url: resumeUrl(), runId });
  }

  async function* receive(response: Response, connection: Connection): AsyncGenerator<StreamEvent> {
    const openedAt = clock.now();
    const dialect = options.dialect ?? (isSluice() ? (request.url.searchParams.get("dialect") ?? "simple") : "");
    const { isTerminal = (event: StreamEvent) => isTerminalFrame(dialect, event) } = options;
    const onComment = (): void => {
      if (clock.now() - openedAt >= GOOD_AFTER_MS) progress();
    };
    const onRetry = (ms: number): void => void (backoff.baseMs = ms);
    const parsing = { maxEventLength, onRetry, onComment };
    for await (const event of parseEvents(connection.chunks(response.body), parsing)) {
      if (left()) return;
      // Also one that was received before: a server may repeat it.
      if (isTerminal(event)) {
        over = true;
        connection.setLimit(LINGER_MS);
      }
      if (!accept(event)) continue;
      yield event;
      // Patience begins when the next one is asked for: whoever reads may be as slow as he likes.
      progress();
    }
  }

  /** False for one that was received before. */
  function accept({ id }: StreamEvent): boolean {
    if (id !== undefined && isSluice() && !isNew(id)) return false;
    if (id !== undefined) lastEventId = id === "" ? undefined : id;
    received = true;
    return true;
  }

  async function waitAfter({ error, retryAfterMs, woken: atOnce = false }: Failure): Promise<void> {
    if (atOnce) progress();
    failures += 1;
    // The server has begun to answer the POST, and nothing tells where to go on: asked again it might answer anew.
    if (request.method === "POST" && received && lastEventId === options.lastEventId) {
      throw gaveUp("The answer broke off, and its server gave neither a Location nor ids to go on from.", error);
    }
    const retryInMs = atOnce ? 0 : (retryAfterMs ?? 0) + backoff.delay(failures);
    const spent = !atOnce && failures >= maxAttempts && wake.online();
    if (spent || clock.now() + retryInMs - progressAt > giveUpMs) {
      throw gaveUp(`The answer could not be read; attempts in a row: ${failures}. Last: ${error.message}`, error);
    }
    setState({ status: "waiting", attempt: failures, retryInMs, error });
    // What the server asked for is not cut short.
    const since = clock.now();
    const woken = await wait(retryInMs, { clock, signal, wake: retryAfterMs === undefined ? wake : undefined });
    if (woken || hasSlept(clock, since, retryInMs)) progress();
  }

  function gaveUp(message: string, cause: Error): SluiceError {
    return new SluiceError("client/gave-up", message, { cause, details: { attempts: failures, lastEventId } });
  }

  function progress(): void {
    failures = 0;
    progressAt = clock.now();
  }

  /** As far as is known by now. */
  function isSluice(): boolean {
    return server !== "any" || runId !== undefined;
  }

  function left(): boolean {
    return signal?.aborted === true;
  }

  function resumeUrl(): string | undefined {
    return request.method === "GET" ? request.url.href : undefined;
  }

  function setState(next: StreamState): void {
    state = next;
    onState?.(next);
  }
}
