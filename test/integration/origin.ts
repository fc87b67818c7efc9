import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { fold, type Message, type RunEvent } from "sluice/chat";
import { createSluice, type Sluice } from "sluice/http";
import { createMemoryLog } from "sluice/log";
import { createManualClock, type ManualClock } from "sluice/testing";
import { createHeldSource, wordsOf, type HeldModel, type HeldSource } from "./held-model.ts";

/** A Sluice server on a free port, whose model says what the test tells it to. */
export interface Origin {
  readonly port: number;
  readonly url: string;
  readonly runs: Sluice["runs"];
  /** The server at `/quiet` has this clock: heartbeats come when the test says so. */
  readonly quietClock: ManualClock;
  /** What came, as `GET /stream HTTP/1.1`. */
  readonly requests: readonly string[];
  /** The model of all runs that answer this question. Without it the question is repeated, word for word. */
  hold(question: string): HeldModel;
  /** The message of a run, folded from the log itself. */
  messageOf(runId: string): Promise<Message>;
  /** Ends all tails of the store, as its release does; readers that come back find it whole. */
  letGo(): void;
  destroySockets(): void;
  resetSockets(): void;
  close(): Promise<void>;
}

export type OwnPages = (req: IncomingMessage, res: ServerResponse) => boolean;

export interface OriginOptions {
  /** Answers what is no matter of Sluice's, and says whether it did. */
  readonly pages?: OwnPages;
  readonly compression?: boolean;
}

export async function startOrigin({ pages = () => false, compression = false }: OriginOptions = {}): Promise<Origin> {
  const store = createMemoryLog();
  let released = new AbortController();
  const tail = store.tail.bind(store);
  store.tail = (id, options) => tail(id, { ...options, signal: AbortSignal.any([options.signal, released.signal]) });

  const held = new Map<string, HeldSource>();
  const options = {
    store,
    authorize: () => "alice",
    answer: ({ messages }: { readonly messages: readonly { readonly content: string }[] }) => {
      const question = messages.at(-1)?.content ?? "";
      return () => held.get(question)?.open() ?? repeat(question);
    },
    retryMs: 10,
    compression,
  };
  const sluice = createSluice(options);
  const quietClock = createManualClock();
  const quiet = createSluice({ ...options, basePath: "/quiet", clock: quietClock });

  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((req, res) => {
    const path = req.url ?? "/";
    requests.push(`${req.method} ${path.split("?")[0]} HTTP/${req.httpVersion}`);
    if (!pages(req, res)) void (path.startsWith("/quiet/") ? quiet : sluice).handleNode(req, res);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    port,
    url: `http://127.0.0.1:${port}`,
    runs: sluice.runs,
    quietClock,
    requests,
    hold(question) {
      const source = createHeldSource();
      held.set(question, source);
      return source;
    },
    async messageOf(runId) {
      const { entries } = await store.read(runId, { after: 0, maxEntries: Infinity, maxLength: Infinity });
      return fold(entries.map((entry) => JSON.parse(entry) as RunEvent));
    },
    letGo() {
      const before = released;
      released = new AbortController();
      before.abort();
    },
    destroySockets: () => sockets.forEach((socket) => socket.destroy()),
    resetSockets: () => sockets.forEach((socket) => socket.resetAndDestroy()),
    async close() {
      for (const source of held.values()) source.end();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await store[Symbol.asyncDispose]();
    },
  };
}

async function* repeat(question: string): AsyncGenerator<string> {
  yield* wordsOf(question);
}
