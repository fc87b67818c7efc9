import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { parsePosition } from "../../src/base/offset.ts";
import { encodeFrames, type TestFrame } from "./support.ts";

export interface LogServer {
  readonly port: number;
  readonly url: string;
  readonly asked: readonly {
    readonly method: string;
    readonly lastEventId: string | undefined;
    readonly key: string;
  }[];
  /** Runs that were started since the log was set. */
  readonly runs: number;
  setLog(log: TestLog): void;
  /** Resolves when the next response has lost its connection. */
  nextLoss(): Promise<void>;
  close(): Promise<void>;
}

export interface TestLog {
  readonly frames: readonly TestFrame[];
  /** An HTTP/1.0-like body ends with its connection: a FIN in its middle is a clean end. */
  readonly endsWithConnection?: boolean;
  /** How many frames each response has before it ends; undefined, or none left: all of them. */
  readonly endsAfter?: readonly (number | undefined)[];
  /** The response stays open after its frames. */
  readonly staysOpen?: boolean;
}

/** A run in memory behind the routes of Sluice: one for each key, read after `Last-Event-ID`. Every answer has a connection of its own. */
export async function startLogServer(): Promise<LogServer> {
  let log: TestLog = { frames: [] };
  let keys = new Set<string>();
  let asked: { method: string; lastEventId: string | undefined; key: string }[] = [];
  let lost = (): void => {};

  const server = createServer((req, res) => {
    const lastEventId = req.headers["last-event-id"]?.toString();
    const key = req.headers["idempotency-key"]?.toString() ?? "";
    asked.push({ method: req.method ?? "", lastEventId, key });
    if (req.method === "POST") keys.add(key);
    req.resume();
    send(log, asked.length - 1, lastEventId, res, req);
    res.once("close", () => {
      if (!res.writableFinished) lost();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get asked() {
      return asked;
    },
    get runs() {
      return keys.size;
    },
    setLog(next) {
      log = next;
      keys = new Set();
      asked = [];
    },
    nextLoss: () => new Promise((resolve) => (lost = resolve)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(
  log: TestLog,
  index: number,
  lastEventId: string | undefined,
  res: ServerResponse,
  req: IncomingMessage,
): void {
  const rest = log.frames.filter(({ id }) => lastEventId === undefined || isAfter(id, lastEventId));
  res.setHeader("connection", "close");
  if (rest.length === 0) {
    res.writeHead(204).end();
    return;
  }
  if (log.endsWithConnection) res.useChunkedEncodingByDefault = false;
  res.writeHead(200, {
    "content-type": "text/event-stream",
    location: "/runs/run_1/events?dialect=simple",
    "sluice-run-id": "run_1",
  });
  res.write(": hello\n\n");
  req.socket.setNoDelay(true);
  for (const frame of rest.slice(0, log.endsAfter?.[index])) res.write(encodeFrames([frame]));
  if (!log.staysOpen) res.end();
}

function isAfter(id: string, lastEventId: string): boolean {
  const a = parsePosition(id);
  const b = parsePosition(lastEventId);
  return a.sequence > b.sequence || (a.sequence === b.sequence && a.skip > b.skip);
}
