import { request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { createMemoryLog, type LogStore } from "sluice/log";
import { parseEvents, type ParsedEvent } from "sluice/sse";
import { afterEach } from "vitest";
import { parseConfig } from "../src/config.ts";
import { startGateway, type Gateway } from "../src/gateway.ts";
import { createLog } from "../src/log.ts";

export type Env = Readonly<Record<string, string>>;
export type Line = Readonly<Record<string, unknown>>;

export interface Site extends Pick<Gateway, "url" | "close"> {
  readonly gateway: Gateway;
  readonly port: number;
  /** What was logged, as it would stand on stdout. */
  readonly lines: readonly Line[];
  readonly text: () => string;
  /** The first line with this field, when it has come. */
  line(field: string, value: unknown): Promise<Line>;
  ask(call: Ask): Promise<Answer>;
}

export interface Ask {
  /** `POST /stream`. */
  readonly at?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: string | object;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; `{}` when it is none. */
  readonly json: Readonly<Record<string, unknown>>;
  /** The error's code, when the answer is one. */
  readonly code: unknown;
  /** `sluice_owner=…`, as it is sent back. */
  readonly cookie: string | undefined;
}

const running: Gateway[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((gateway) => gateway.close(AbortSignal.abort())));
});

/** A gateway on a free port, ended after the test. Only `env` configures it. */
export async function site(
  env: Env = {},
  options: { readonly store?: LogStore; readonly pages?: string } = {},
): Promise<Site> {
  const written: string[] = [];
  let wake = (): void => {};
  const write = (line: string): void => {
    written.push(line);
    wake();
  };
  const log = createLog("info", { write });
  const gateway = await startGateway(parseConfig({ PORT: "0", ...env }), { store: createMemoryLog(), log, ...options });
  running.push(gateway);
  const port = Number(new URL(gateway.url).port);
  return {
    gateway,
    port,
    url: gateway.url,
    close: (deadline) => gateway.close(deadline),
    get lines() {
      return written.map((line) => JSON.parse(line) as Line);
    },
    text: () => written.join(""),
    async line(field, value) {
      for (;;) {
        const found = written.map((line) => JSON.parse(line) as Line).find((line) => line[field] === value);
        if (found) return found;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    ask: (call) => ask(gateway.url, call),
  };
}

export const question = (content = "words=3 rate=max", more: object = {}): object => ({
  message: { content },
  ...more,
});

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
export const runIdOf = (answer: Answer): string => String(answer.headers["sluice-run-id"]);

/** Ids of the caller's runs, newest first. */
export async function runsOf(at: Site, headers: Record<string, string>): Promise<readonly string[]> {
  const { json } = await at.ask({ at: "GET /runs", headers });
  return (json["runs"] as readonly { readonly id: string }[]).map(({ id }) => id);
}

/** One request with exactly these headers: `fetch` has a mind of its own about Host, Origin and Sec-Fetch. */
export async function ask(url: string, call: Ask): Promise<Answer> {
  const message = await send(url, call);
  let text = "";
  for await (const piece of message.setEncoding("utf8")) text += String(piece);
  const json = jsonOf(text);
  const error = json["error"];
  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    text,
    json,
    code: typeof error === "object" && error !== null && "code" in error ? error.code : undefined,
    cookie: message.headers["set-cookie"]?.[0]?.split(";")[0],
  };
}

/** The answer's head; its body is still to be read. */
function send(url: string, { at = "POST /stream", headers = {}, body }: Ask): Promise<IncomingMessage> {
  const [method = "", path = ""] = at.split(" ");
  const type = typeof body === "object" ? { "content-type": "application/json" } : {};
  return new Promise((resolve, reject) => {
    const call = request(url, { method, path, agent: false, headers: { ...type, ...headers } }, resolve);
    call.once("error", reject);
    call.end(typeof body === "object" ? JSON.stringify(body) : body);
  });
}

/** A stream that is read event by event. */
export interface OpenStream {
  readonly message: IncomingMessage;
  readonly runId: string;
  /** Reads on, up to and with the event that is wanted. */
  until(wanted: (event: ParsedEvent) => boolean): Promise<ParsedEvent>;
  /** Reads to the end; `broken` when that was no clean one. */
  rest(): Promise<{ readonly events: readonly ParsedEvent[]; readonly broken: boolean }>;
}

export async function openStream(url: string, call: Ask): Promise<OpenStream> {
  const message = await send(url, call);
  const events = parseEvents(message);
  return {
    message,
    runId: String(message.headers["sluice-run-id"]),
    async until(wanted) {
      for (;;) {
        const { value, done } = await events.next();
        if (done === true) throw new Error("The stream ended before the event came.");
        if (wanted(value)) return value;
      }
    },
    async rest() {
      const read: ParsedEvent[] = [];
      try {
        for await (const event of events) read.push(event);
        return { events: read, broken: !message.complete };
      } catch {
        return { events: read, broken: true };
      }
    },
  };
}

/** Sends bytes as they are and gives what comes until the server closes the connection, or `until` matches. */
export function raw(port: number, bytes: string | Buffer, until?: RegExp): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.on("data", (piece) => {
      text += piece.toString("latin1");
      if (until?.test(text) === true) socket.destroy();
    });
    socket.on("error", () => {}); // a reset is a way to close
    socket.on("close", () => resolve(text));
  });
}

function jsonOf(text: string): Answer["json"] {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
