import { createServer } from "node:http";
import { Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { createSSEStream, parseEvents, sseResponse, type ParsedEvent, type SSEMessage } from "../../src/sse/index.ts";

// The code of the document "SSE & Streaming" (seed 003), as it stands there but for what is marked.

interface Completion extends AsyncIterable<{ choices: { delta?: { content?: string } }[] }> {}

function chatRoute(complete: () => Promise<Completion>): (request: Request) => Promise<Response> {
  return async function GET(request) {
    const { stream, send, close } = createSSEStream({ signal: request.signal }); // its getReader() would lock the stream
    void (async () => {
      try {
        const completion = await complete();
        for await (const chunk of completion) {
          const content = chunk.choices[0]?.delta?.content;
          if (content) {
            send({ event: "chunk", data: { content } });
          }
        }
        send({ event: "done", data: {} });
      } catch (error) {
        send({ event: "error", data: { code: "PROCESSING_ERROR", message: (error as Error).message } });
      } finally {
        close();
      }
    })();
    return sseResponse(stream);
  };
}

async function* completion(
  ...contents: readonly string[]
): AsyncGenerator<{ choices: { delta: { content: string } }[] }> {
  for (const content of contents) yield { choices: [{ delta: { content } }] };
}

async function events(response: Response): Promise<ParsedEvent[]> {
  const seen: ParsedEvent[] = [];
  if (response.body) for await (const event of parseEvents(response.body)) seen.push(event);
  return seen;
}

const request = (signal?: AbortSignal): Request =>
  new Request("http://127.0.0.1/api/chat/conversations/123/stream", signal ? { signal } : {});

const unhandled: unknown[] = [];
const remember = (reason: unknown): void => void unhandled.push(reason);

describe("the document's code", () => {
  afterEach(() => {
    process.off("unhandledRejection", remember);
    unhandled.length = 0;
  });

  it("quick start: two events, then the end", async () => {
    async function GET(): Promise<Response> {
      const { stream, send, close } = createSSEStream();

      // Send events
      send({ event: "message", data: { content: "Hello!" } });
      send({ event: "done", data: {} });
      close();

      return sseResponse(stream);
    }
    expect(await (await GET()).text()).toBe('event: message\ndata: {"content":"Hello!"}\n\nevent: done\ndata: {}\n\n');
  });

  it("send messages: every form that it shows", async () => {
    const { stream, send, close } = createSSEStream();
    send({ data: { status: "processing" } });
    send({ event: "progress", data: { percent: 50 } });
    send({ event: "chunk", data: { text: "Hello" }, id: "msg-1" });
    send({ retry: 3000 });
    close();
    expect(await sseResponse(stream).text()).toBe(
      'data: {"status":"processing"}\n\n' +
        'event: progress\ndata: {"percent":50}\n\n' +
        'event: chunk\nid: msg-1\ndata: {"text":"Hello"}\n\n' +
        "retry: 3000\n\n",
    );
  });

  it("chat streaming: chunks, then done", async () => {
    const GET = chatRoute(async () => completion("Hello, ", "", "how can I help?"));
    expect(await events(await GET(request()))).toEqual([
      { event: "chunk", data: '{"content":"Hello, "}' },
      { event: "chunk", data: '{"content":"how can I help?"}' },
      { event: "done", data: "{}" },
    ]);
  });

  it("chat streaming: a failure becomes an error event", async () => {
    const GET = chatRoute(async () => {
      throw new Error("model is down");
    });
    expect(await events(await GET(request()))).toEqual([
      { event: "error", data: '{"code":"PROCESSING_ERROR","message":"model is down"}' },
    ]);
  });

  it("chat streaming: neither a client that leaves nor one that never reads makes an unhandled rejection", async () => {
    // As written, its catch and finally blocks send and close again: were that to throw, the process would end.
    process.on("unhandledRejection", remember);
    const leaving = new AbortController();
    const huge = "x".repeat(700_000);
    let ended = 0;
    async function* slow(): AsyncGenerator<{ choices: { delta: { content: string } }[] }> {
      try {
        yield* completion("Hello", huge, huge, "the end");
      } finally {
        ended += 1;
      }
    }
    const left = await chatRoute(async () => slow())(request(leaving.signal));
    leaving.abort();
    const unread = await chatRoute(async () => slow())(request());
    const cancelled = await chatRoute(async () => slow())(request());
    await cancelled.body?.cancel();
    while (ended < 3) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
    await expect(unread.text()).rejects.toMatchObject({ code: "sse/queue-full" });
    expect((await events(left)).map(({ event }) => event)).not.toContain("done");
  });

  it("its SSEMessage type takes what its interface takes", () => {
    const message: SSEMessage = { event: "chunk", data: { text: "Hello" }, id: "123", retry: 3000 };
    expect(Object.keys(message)).toEqual(["event", "data", "id", "retry"]);
  });

  it("over a socket: events arrive one by one, and a broken reader is a broken response", async () => {
    const { stream, send, close, signal } = createSSEStream();
    const server = createServer((_message, target) => {
      const response = sseResponse(stream);
      target.writeHead(response.status, Object.fromEntries(response.headers));
      if (response.body)
        Readable.fromWeb(response.body as never)
          .on("error", () => target.destroy())
          .pipe(target);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    try {
      send({ retry: 3000 });
      const response = await fetch(`http://127.0.0.1:${port}/`);
      expect(response.headers.get("content-type")).toBe("text/event-stream");
      const reading = parseEvents(response.body ?? new ReadableStream());
      send({ event: "chunk", data: { content: "a" } });
      expect((await reading.next()).value).toEqual({ event: "chunk", data: '{"content":"a"}' });
      send({ event: "done", data: {} });
      close();
      expect((await reading.next()).value).toEqual({ event: "done", data: "{}" });
      expect((await reading.next()).done).toBe(true);
      expect(signal.aborted).toBe(false);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
