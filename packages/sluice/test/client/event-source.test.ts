import { EventSource as PackageSource } from "eventsource";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { EventSource } from "../../src/client/index.ts";

type Handler = (res: ServerResponse, req: IncomingMessage) => void;

let server: Server;
let other: Server;
let origin = "";
let otherOrigin = "";
let handlers: readonly Handler[] = [];
let asked: IncomingMessage[] = [];
/** Of this case: a request of the one before may come late. */
let path = "";
let cases = 0;

beforeAll(async () => {
  const answer: Handler = (res, req) => {
    if (req.url === path) asked.push(req);
    const handle = handlers[Math.min(asked.length, handlers.length) - 1];
    handle?.(res, req);
  };
  [server, other] = [createServer((req, res) => answer(res, req)), createServer((req, res) => answer(res, req))];
  [origin, otherOrigin] = await Promise.all([listen(server), listen(other)]);
});
afterAll(() => {
  for (const one of [server, other]) {
    one.close();
    one.closeAllConnections();
  }
});

async function listen(one: Server): Promise<string> {
  await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(one.address() as AddressInfo).port}`;
}

/** A stream of events; it ends after the text unless it is to stay. */
function stream(text: string, { stays = false, headers = {} } = {}): Handler {
  return (res) => {
    res.writeHead(200, { "content-type": "text/event-stream", ...headers });
    res.write(text);
    if (!stays) res.end();
  };
}

const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  (res) =>
    void res.writeHead(code, headers).end("no");

/** What both have. */
type Source = Pick<
  globalThis.EventSource,
  "readyState" | "url" | "withCredentials" | "close" | "CONNECTING" | "OPEN" | "CLOSED"
> &
  EventTarget;

interface SourceClass {
  new (url: string | URL, init?: { readonly withCredentials?: boolean }): Source;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSED: 2;
}

const open: Source[] = [];
afterEach(() => {
  for (const source of open.splice(0)) source.close();
});

type Told = readonly [type: string, readyState: number, ...message: readonly string[]];

/** What listeners are told, up to the closing. */
async function follow(source: Source): Promise<Told[]> {
  open.push(source);
  const told: Told[] = [];
  await new Promise<void>((resolve) => {
    for (const type of ["open", "message", "named", "error"]) {
      source.addEventListener(type, (event) => {
        const { readyState } = source;
        if (event instanceof MessageEvent) {
          told.push([type, readyState, String(event.data), event.lastEventId, event.origin]);
        } else {
          told.push([type, readyState]);
        }
        if (source.readyState === source.CLOSED) resolve();
      });
    }
  });
  return told;
}

const RETRY = "retry: 1\n\n";

interface Case {
  readonly title: string;
  readonly handlers: () => readonly Handler[];
  readonly told: () => readonly Told[];
  readonly lastIds?: readonly (string | undefined)[];
}

const CASES: readonly Case[] = [
  {
    title: "messages, named events, several lines, comments and fields it does not know",
    handlers: () => [
      stream(`: hi\n${RETRY}data: a\ndata:  b\n\nevent: named\r\nid: 7\r\ndata: c\r\n\r\nx: y\ndata\nid: 8\n\n`),
      status(204),
    ],
    told: () => [
      ["open", 1],
      ["message", 1, "a\n b", "", origin],
      ["named", 1, "c", "7", origin],
      ["message", 1, "", "8", origin],
      ["error", 0],
      ["error", 2],
    ],
    lastIds: [undefined, "8"],
  },
  {
    title: "an end, after which it comes back with the last id",
    handlers: () => [
      stream(`${RETRY}id: 1\ndata: a\n\n`),
      stream("id: 2\ndata: b\n\ndata: never finished"),
      status(204),
    ],
    told: () => [
      ["open", 1],
      ["message", 1, "a", "1", origin],
      ["error", 0],
      ["open", 1],
      ["message", 1, "b", "2", origin],
      ["error", 0],
      ["error", 2],
    ],
    lastIds: [undefined, "1", "2"],
  },
  {
    title: "an empty id, after which there is none",
    handlers: () => [stream(`${RETRY}id: 1\ndata: a\n\nid\ndata: b\n\n`), status(204)],
    told: () => [
      ["open", 1],
      ["message", 1, "a", "1", origin],
      ["message", 1, "b", "", origin],
      ["error", 0],
      ["error", 2],
    ],
    lastIds: [undefined, undefined],
  },
  {
    title: "events of which it has the ids already: they are the server's affair",
    handlers: () => [
      stream(`${RETRY}id: 12\ndata: a\n\nid: 11\ndata: b\n\n`),
      stream("id: 11\ndata: c\n\n"),
      status(204),
    ],
    told: () => [
      ["open", 1],
      ["message", 1, "a", "12", origin],
      ["message", 1, "b", "11", origin],
      ["error", 0],
      ["open", 1],
      ["message", 1, "c", "11", origin],
      ["error", 0],
      ["error", 2],
    ],
  },
  {
    title: "a connection that breaks",
    handlers: () => [
      (res) => {
        stream(`${RETRY}data: a\n\n`, { stays: true })(res, res.req);
        setImmediate(() => res.destroy());
      },
      status(204),
    ],
    told: () => [
      ["open", 1],
      ["message", 1, "a", "", origin],
      ["error", 0],
      ["error", 2],
    ],
  },
  {
    title: "a server's own error, which is a message",
    handlers: () => [stream(`${RETRY}event: error\ndata: mine\n\nevent: done\ndata: {}\n\n`), status(204)],
    told: () => [
      ["open", 1],
      ["error", 1, "mine", "", origin],
      ["error", 0],
      ["error", 2],
    ],
  },
  {
    title: "a server that it is sent on to",
    handlers: () => [status(307, { location: otherOrigin + path }), stream(`${RETRY}data: a\n\n`), status(204)],
    told: () => [
      ["open", 1],
      ["message", 1, "a", "", otherOrigin],
      ["error", 0],
      ["error", 2],
    ],
  },
  ...[400, 401, 403, 404, 410].map((code) => ({
    title: `status ${code}, which is the end`,
    handlers: () => [status(code)],
    told: () => [["error", 2]] as const,
  })),
  {
    title: "an answer that is no event stream, which is the end",
    handlers: () => [
      (res: ServerResponse) => void res.writeHead(200, { "content-type": "text/plain" }).end("data: a\n\n"),
    ],
    told: () => [["error", 2]],
  },
];

describe.each([
  ["ours", EventSource],
  ["that of the package eventsource", PackageSource],
] as [string, SourceClass][])("an EventSource, %s,", (_, Source) => {
  it.each(CASES)("tells of $title", async (one) => {
    path = `/${(cases += 1)}`;
    [handlers, asked] = [one.handlers(), []];
    expect(await follow(new Source(origin + path))).toEqual(one.told());
    if (one.lastIds) expect(asked.map(({ headers }) => headers["last-event-id"])).toEqual(one.lastIds);
    for (const { method, headers } of asked) expect([method, headers.accept]).toEqual(["GET", "text/event-stream"]);
  });

  it("has the standard's constants, url and flags, and begins by connecting", () => {
    handlers = [stream("", { stays: true })];
    const source = new Source(new URL("/events?a=b c#d", origin), { withCredentials: true });
    open.push(source);
    expect([Source.CONNECTING, Source.OPEN, Source.CLOSED]).toEqual([0, 1, 2]);
    expect([source.CONNECTING, source.OPEN, source.CLOSED, source.readyState]).toEqual([0, 1, 2, 0]);
    expect([source.url, source.withCredentials]).toEqual([`${origin}/events?a=b%20c#d`, true]);
    expect(source).toBeInstanceOf(EventTarget);
    source.close();
    expect(source.readyState).toBe(2);
  });

  it("throws a SyntaxError for what is no URL", () => {
    expect(() => new Source("http://[")).toThrow(expect.objectContaining({ name: "SyntaxError" }));
  });
});
