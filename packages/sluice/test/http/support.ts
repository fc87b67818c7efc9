import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { ChatEvent } from "../../src/chat/index.ts";
import { createSluice, type Answer, type Sluice, type SluiceOptions } from "../../src/http/index.ts";
import { parseEvents, type ParsedEvent } from "../../src/sse/index.ts";

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Site {
  readonly sluice: Sluice;
  readonly lines: LogLine[];
  /** As the caller sees it, whichever kind of server answers. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

/** Whoever names itself in `X-Owner` is that owner; `nobody` has no credentials. */
export const authorize: SluiceOptions["authorize"] = (request) => {
  const owner = request.headers.get("x-owner") ?? "alice";
  return owner === "nobody" ? undefined : owner;
};

type Options = Partial<SluiceOptions>;

/** The two ways to serve: the same cases run on both. */
export const SITES: Readonly<Record<string, (options?: Options) => Promise<Site>>> = {
  "Web Request and Response": async (options) => {
    const { sluice, lines } = withLog(options);
    return {
      sluice,
      lines,
      fetch: (path, init) => sluice.handle(new Request(`http://site.test${path}`, init)),
      close: async () => {},
    };
  },
  "node:http": async (options) => startNodeSite(options),
  "node:http, compressed": async (options) => startNodeSite({ ...options, compression: true }),
};

export interface NodeSite extends Site {
  readonly port: number;
  readonly url: string;
  readonly server: Server;
}

export async function startNodeSite(options?: Options): Promise<NodeSite> {
  const { sluice, lines } = withLog(options);
  const server = createServer((req, res) => void sluice.handleNode(req, res));
  const { port, close } = await listen(server);
  const url = `http://127.0.0.1:${port}`;
  return { sluice, lines, server, port, url, close, fetch: (path, init) => fetch(url + path, init) };
}

async function listen(server: Server): Promise<{ readonly port: number; close(): Promise<void> }> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function withLog(options: Options = {}): { readonly sluice: Sluice; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const sluice = createSluice({
    authorize,
    answer: repeatWords,
    log: (level, message, fields) => lines.push({ level, message, fields }),
    ...options,
  });
  return { sluice, lines };
}

/** Answers with the words of the question, one delta each. */
const repeatWords: Answer = (ask) => () => wordsOf(ask.messages.at(-1)?.content ?? "");

async function* wordsOf(text: string): AsyncGenerator<string> {
  yield* text.split(/(?<= )/);
}

/** An answer that goes on when it is told to, for each run that it is given to. */
export interface Valve {
  readonly answer: Answer;
  /** How often the source was made: how many model calls there were. */
  readonly calls: number;
  readonly signals: readonly AbortSignal[];
  push(...events: readonly ChatEvent[]): void;
  /** The source ends (its run finishes), or throws. */
  end(error?: unknown): void;
}

export function createValve(): Valve {
  const queue: ChatEvent[] = [];
  const signals: AbortSignal[] = [];
  let ended: { readonly error?: unknown } | undefined;
  const waiting: (() => void)[] = [];
  const wake = (): void => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  async function* source(): AsyncGenerator<ChatEvent> {
    for (let index = 0; ;) {
      while (index < queue.length) yield queue[index++] as ChatEvent;
      if (ended) {
        if (ended.error !== undefined) throw ended.error;
        return;
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  }
  return {
    answer:
      () =>
      ({ signal }) => {
        signals.push(signal);
        return source();
      },
    get calls() {
      return signals.length;
    },
    signals,
    push(...events) {
      queue.push(...events);
      wake();
    },
    end(error) {
      ended = error === undefined ? {} : { error };
      wake();
    },
  };
}

export const say = (text: string): readonly ChatEvent[] => [
  { type: "text-start", id: "t" },
  ...Array.from(text, (delta): ChatEvent => ({ type: "text-delta", id: "t", delta })),
  { type: "text-end", id: "t" },
];

export function ask(
  content: string,
  more: Readonly<Record<string, unknown>> = {},
  headers: HeadersInit = {},
): RequestInit {
  return {
    method: "POST",
    headers: { "content-type": "application/json", ...Object.fromEntries(new Headers(headers)) },
    body: JSON.stringify({ message: { content }, ...more }),
  };
}

/** The events of an answer; for one that breaks off, those before and the error. */
export async function eventsOf(response: Response): Promise<readonly ParsedEvent[]> {
  const events: ParsedEvent[] = [];
  if (response.body === null) return events;
  for await (const event of parseEvents(response.body)) events.push(event);
  return events;
}

/** Reads until an event satisfies `wanted`, then leaves. */
export async function readUntil(
  response: Response,
  wanted: (event: ParsedEvent) => boolean,
): Promise<readonly ParsedEvent[]> {
  const events: ParsedEvent[] = [];
  if (response.body === null) return events;
  for await (const event of parseEvents(response.body)) {
    events.push(event);
    if (wanted(event)) break;
  }
  return events;
}

export function codeOf(body: unknown): string {
  return (body as { readonly error: { readonly code: string } }).error.code;
}

export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Turns of the event loop until something is so; the test's time limit ends one that never is. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn();
}

/** From now on the socket takes nothing, until it is let go of. */
export function hold(socket: Socket): () => void {
  const { _write: write, _writev: writev } = socket;
  const held: (() => void)[] = [];
  socket._write = (...given) => void held.push(() => write.apply(socket, given));
  socket._writev = (...given) => void held.push(() => writev?.apply(socket, given));
  return () => {
    Object.assign(socket, { _write: write, _writev: writev });
    for (const go of held) go();
  };
}
