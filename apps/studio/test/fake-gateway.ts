/** What the gateway does for the page, scripted by a test: every run is open until the test ends it. */
export interface FakeGateway {
  readonly fetch: typeof globalThis.fetch;
  /** `METHOD /path`, in order. */
  readonly calls: readonly string[];
  /** The bodies of the POSTs to `/stream`. */
  readonly asked: readonly { readonly requestId: string; readonly messages: readonly unknown[] }[];
  /** Appends events to the newest run and sends them to its readers. */
  send(...events: readonly object[]): void;
  /** Cuts every open connection. */
  cut(): void;
  /** Answers the next calls of that path in place of the gateway. */
  answerNext(path: string, ...answers: readonly (() => Response | Promise<Response>)[]): void;
}

interface Run {
  readonly id: string;
  readonly log: object[];
  readonly readers: Set<ReadableStreamDefaultController<Uint8Array>>;
}

export function createFakeGateway(): FakeGateway {
  const calls: string[] = [];
  const asked: { requestId: string; messages: readonly unknown[] }[] = [];
  const runs: Run[] = [];
  const byKey = new Map<string, Run>();
  const scripted = new Map<string, (() => Response | Promise<Response>)[]>();

  const send = (run: Run, events: readonly object[]): void => {
    for (const event of events) {
      run.log.push(event);
      for (const reader of run.readers) reader.enqueue(frame(event, run.log.length));
      if (!isTerminal(event)) continue;
      for (const reader of run.readers) reader.close();
      run.readers.clear();
    }
  };

  const read = (run: Run, after: number): Response => {
    let own: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        own = controller;
        run.log.forEach((event, index) => {
          if (index >= after) controller.enqueue(frame(event, index + 1));
        });
        if (run.log.some(isTerminal)) controller.close();
        else run.readers.add(controller);
      },
      cancel() {
        if (own) run.readers.delete(own);
      },
    });
    const location = `/runs/${run.id}/events?dialect=ai-sdk`;
    return new Response(body, { headers: { "content-type": "text/event-stream", "sluice-run-id": run.id, location } });
  };

  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input, "http://studio.test");
    calls.push(`${init?.method ?? "GET"} ${url.pathname}`);
    init?.signal?.throwIfAborted();
    const answer = scripted.get(url.pathname)?.shift();
    if (url.pathname === "/stream") asked.push(JSON.parse(typeof init?.body === "string" ? init.body : ""));
    if (answer) return answer();
    if (url.pathname === "/stream") {
      const { requestId = "" } = asked.at(-1) ?? {};
      const run = byKey.get(requestId) ?? { id: `run${runs.length + 1}`, log: [], readers: new Set() };
      if (!byKey.has(requestId)) runs.push(run);
      byKey.set(requestId, run);
      return read(run, 0);
    }
    const [, id, action] = /^\/runs\/(\w+)\/(events|stop)$/.exec(url.pathname) ?? [];
    const run = runs.find((candidate) => candidate.id === id);
    if (!run) return refusal(404, "run/not-found", "There is no such run.");
    if (action === "stop") {
      send(run, [{ type: "abort" }]);
      return Response.json({ id, status: "aborted" });
    }
    return read(run, Number(new Headers(init?.headers).get("last-event-id")?.slice(1) ?? 0));
  };

  return {
    fetch,
    calls,
    asked,
    send(...events) {
      const run = runs.at(-1);
      if (run) send(run, events);
    },
    cut() {
      for (const run of runs) {
        for (const reader of run.readers) reader.error(new TypeError("network error"));
        run.readers.clear();
      }
    },
    answerNext: (path, ...answers) => void scripted.set(path, [...(scripted.get(path) ?? []), ...answers]),
  };
}

export function refusal(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message, traceId: "trace" } }, { status });
}

function isTerminal(event: object): boolean {
  return "type" in event && ["finish", "abort", "error"].includes(String(event.type));
}

function frame(event: object, sequence: number): Uint8Array {
  const done = isTerminal(event) ? "data: [DONE]\n\n" : "";
  const id = `${String(sequence).length}${sequence}`;
  return new TextEncoder().encode(`id: ${id}\ndata: ${JSON.stringify(event)}\n\n${done}`);
}
