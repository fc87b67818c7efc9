import { SluiceError } from "../base/errors.ts";
import { systemRandom } from "../base/id.ts";
import { isTerminalFrame } from "../dialects/index.ts";
import { parseEvents } from "../sse/index.ts";
import { MAX_DELAY_MS, createBackoff } from "./backoff.ts";
import { openConnection, type Connection } from "./connection.ts";
import { judge, type Failure } from "./judge.ts";
import { createOrder } from "./order.ts";
import { firstRequest, nextRequest, toRequestInit } from "./request.ts";
import type { EventStreamOptions, EventStreamReader, StreamEvent, StreamState } from "./types.ts";
import { wait, waitingClock } from "./wait.ts";
import { browserWake } from "./wake.ts";

const HEARTBEAT_MS = 15_000;
const HEARTBEATS_PER_STALL = 2.5;
/** Time for the response to end after its terminal event: read to the end, its connection can be used again. */
const LINGER_MS = 1_000;
const MAX_EVENT_LENGTH = 67_108_864;

/**
 * Opens an event stream and reads it to its end, however often the connection breaks. An end without a terminal event
 * is a broken connection, however clean it looks: proxies make clean ends of crashed servers (promise 3).
 * @throws SluiceError `option/invalid`
 */
export function openEventStream(options: EventStreamOptions): EventStreamReader {
  const { signal, onState, maxAttempts = 30, giveUpMs = Infinity, maxEventLength = MAX_EVENT_LENGTH } = options;
  const { fetch = globalThis.fetch, clock = waitingClock, random = systemRandom, wake = browserWake } = options;
  const isNew = createOrder(options.lastEventId);
  const backoff = createBackoff(random);

  let state: StreamState = { status: "connecting", attempt: 1 };
  let request = firstRequest(options);
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
    const connection = openConnection(clock, options.stallMs ?? HEARTBEAT_MS * HEARTBEATS_PER_STALL, signal);
    try {
      const init = { ...toRequestInit(request, lastEventId), signal: connection.signal };
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
    return { error: connection.failure ?? new Error("The response ended before the answer did.") };
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
    const dialect = options.dialect ?? request.url.searchParams.get("dialect") ?? "simple";
    const { isTerminal = (event: StreamEvent) => isTerminalFrame(dialect, event) } = options;
    const onComment = (): void => {
      // A connection that is alive so late was a good one, even if it never brought an event.
      if (clock.now() - openedAt >= MAX_DELAY_MS) progress();
    };
    const parsing = { maxEventLength, onRetry: backoff.setBase, onComment };
    for await (const event of parseEvents(connection.chunks(response.body), parsing)) {
      if (left()) return;
      // Also one that was received before: a server may repeat it.
      if (isTerminal(event)) {
        over = true;
        connection.setLimit(LINGER_MS);
      }
      if (!accept(event)) continue;
      progress();
      yield event;
    }
  }

  /** False for one that was received before. */
  function accept({ id }: StreamEvent): boolean {
    if (id !== undefined && !isNew(id)) return false;
    if (id !== undefined) lastEventId = id === "" ? undefined : id;
    received = true;
    return true;
  }

  async function waitAfter({ error, retryAfterMs }: Failure): Promise<void> {
    failures += 1;
    // The server has begun to answer the POST, and nothing tells where to go on: asked again it might answer anew.
    if (request.body !== undefined && received && lastEventId === options.lastEventId) {
      throw gaveUp("The answer broke off, and its server gave neither a Location nor ids to go on from.", error);
    }
    const retryInMs = (retryAfterMs ?? 0) + backoff.delay(failures);
    const spent = failures >= maxAttempts && wake.online();
    if (spent || clock.now() + retryInMs - progressAt > giveUpMs) {
      throw gaveUp(`The answer could not be read; attempts in a row: ${failures}. Last: ${error.message}`, error);
    }
    setState({ status: "waiting", attempt: failures, retryInMs, error });
    // What the server asked for is not cut short.
    const woken = await wait(retryInMs, { clock, signal, wake: retryAfterMs === undefined ? wake : undefined });
    if (woken) progress();
  }

  function gaveUp(message: string, cause: Error): SluiceError {
    return new SluiceError("client/gave-up", message, { cause, details: { attempts: failures, lastEventId } });
  }

  function progress(): void {
    failures = 0;
    progressAt = clock.now();
  }

  function left(): boolean {
    return signal?.aborted === true;
  }

  function resumeUrl(): string | undefined {
    return request.body === undefined ? request.url.href : undefined;
  }

  function setState(next: StreamState): void {
    state = next;
    onState?.(next);
  }
}
