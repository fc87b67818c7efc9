import { fold, type RunEvent } from "../../../src/chat/index.ts";

/** What a gateway does for a chat, scripted by a test: every run is open until the test ends it. */
export interface FakeGateway {
  readonly fetch: typeof globalThis.fetch;
  /** `METHOD /path`, in order. */
  readonly calls: readonly string[];
  /** The bodies of the POSTs to `/stream`. */
  readonly asked: readonly Readonly<Record<string, unknown>>[];
  readonly headers: readonly Headers[];
  /** Appends events to the newest run, or to the one with this number from 1, and sends them to its readers. */
  send(...events: readonly RunEvent[]): void;
  sendTo(run: number, ...events: readonly RunEvent[]): void;
  /** Cuts every open connection. */
  cut(): void;
  /** Open streams. */
  readonly readers: number;
  /** Answers the next calls of that path in place of the gateway. */
  answerNext(path: string, ...answers: readonly (() => Response | Promise<Response>)[]): void;
  /** What `GET /threads/<id>` answers with; 404 without. */
  setThread(messages: readonly object[]): void;
}

interface Run {
  readonly id: string;
  readonly requestId: string;
  readonly log: RunEvent[];
  readonly readers: Set<ReadableStreamDefaultController<Uint8Array>>;
}

export function createFakeGateway(): FakeGateway {
  const calls: string[] = [];
  const asked: Record<string, unknown>[] = [];
  const sent: Headers[] = [];
  const runs: Run[] = [];
  const scripted = new Map<string, (() => Response | Promise<Response>)[]>();
  let thread: readonly object[] | undefined;

  const send = (run: Run | undefined, events: readonly RunEvent[]): void => {
    if (run === undefined) throw new Error("There is no such run.");
    for (const event of events) {
      run.log.push(event);
      for (const reader of run.readers) reader.enqueue(frames(event, run.log.length));
      if (!isTerminal(event)) continue;
      for (const reader of run.readers) reader.close();
      run.readers.clear();
    }
  };

  const read = (run: Run, after: number, signal: AbortSignal | null | undefined): Response => {
    if (run.log.some(isTerminal) && after >= run.log.length) return new Response(null, { status: 204 });
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        run.log.forEach((event, index) => {
          if (index >= after) controller.enqueue(frames(event, index + 1));
        });
        if (run.log.some(isTerminal)) return controller.close();
        run.readers.add(controller);
        signal?.addEventListener("abort", () => {
          if (run.readers.delete(controller)) controller.error(signal.reason);
        });
      },
    });
    const location = `/runs/${run.id}/events?dialect=ai-sdk`;
    return new Response(body, { headers: { "content-type": "text/event-stream", "sluice-run-id": run.id, location } });
  };

  const post = (text: string, signal: AbortSignal | null | undefined): Response => {
    const { requestId } = JSON.parse(text) as { requestId: string };
    let run = runs.find((known) => known.requestId === requestId);
    if (run === undefined) {
      run = { id: `run_${runs.length + 1}`, requestId, log: [], readers: new Set() };
      runs.push(run);
    }
    return read(run, 0, signal);
  };

  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    calls.push(`${init?.method ?? "GET"} ${url.pathname}`);
    sent.push(new Headers(init?.headers));
    init?.signal?.throwIfAborted();
    const body = typeof init?.body === "string" ? init.body : "";
    if (url.pathname === "/stream") asked.push(JSON.parse(body) as Record<string, unknown>);
    const answer = scripted.get(url.pathname)?.shift();
    if (answer) return answer();
    if (url.pathname === "/stream") return post(body, init?.signal);
    if (url.pathname.startsWith("/threads/") && thread) return Response.json({ id: "t", messages: thread });
    const [, id, action] = /^\/runs\/(\w+)(?:\/(events|stop))?$/.exec(url.pathname) ?? [];
    const run = runs.find((candidate) => candidate.id === id);
    if (!run) return refusal(404, "run/not-found", "There is no such run.");
    if (action === "stop") {
      if (!run.log.some(isTerminal)) send(run, [{ type: "abort" }]);
      return Response.json({ id, status: "aborted" });
    }
    if (action === "events") {
      return read(run, Number(new Headers(init?.headers).get("last-event-id")?.slice(1) ?? 0), init?.signal);
    }
    const message = fold(run.log);
    const status = message.status === "streaming" ? "running" : message.status;
    return Response.json({ id, requestId: run.requestId, status, message });
  };

  return {
    fetch,
    calls,
    asked,
    headers: sent,
    get readers() {
      return runs.reduce((sum, run) => sum + run.readers.size, 0);
    },
    send: (...events) => send(runs.at(-1), events),
    sendTo: (run, ...events) => send(runs[run - 1], events),
    cut() {
      for (const run of runs) {
        for (const reader of run.readers) reader.error(new TypeError("network error"));
        run.readers.clear();
      }
    },
    answerNext: (path, ...answers) => void scripted.set(path, [...(scripted.get(path) ?? []), ...answers]),
    setThread: (messages) => void (thread = messages),
  };
}

export function refusal(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message, traceId: "trace" } }, { status });
}

function isTerminal(event: RunEvent): boolean {
  return "type" in event && ["finish", "abort", "error"].includes(event.type);
}

// One digit for the length: no run of these tests is longer than 9,999 events.
function frames(event: RunEvent, sequence: number): Uint8Array {
  const id = `${String(sequence).length}${sequence}`;
  const before = `${String(sequence - 1).length}${sequence - 1}`;
  const data = JSON.stringify(event);
  const text = isTerminal(event)
    ? `id: ${before}.1\ndata: ${data}\n\nid: ${id}\ndata: [DONE]\n\n`
    : `id: ${id}\ndata: ${data}\n\n`;
  return new TextEncoder().encode(text);
}
