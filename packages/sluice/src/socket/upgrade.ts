import { STATUS_CODES, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { SluiceError } from "../base/errors.ts";
import { noMeter } from "../base/meter.ts";
import { BEARER_PROTOCOL, SOCKET_PROTOCOL } from "../client/socket-messages.ts";
import { requestOf, type Caller, type NodeRequest, type RequestLike } from "../http/index.ts";
import { refuse } from "../http/reply.ts";
import { breach } from "./refusals.ts";
import type { Settings } from "./settings.ts";

export type SocketRequest = RequestLike & { readonly location: URL };

/** As `requestOf`; the key that a page could only put among the protocols is where a program puts it. */
export function socketRequestOf(req: NodeRequest): SocketRequest {
  const request = requestOf(req);
  const { headers } = request;
  const key = protocolsOf(request).find((name) => name.startsWith(BEARER_PROTOCOL));
  if (key === undefined || headers.get("authorization") !== null) return request;
  const authorization = `Bearer ${Buffer.from(key.slice(BEARER_PROTOCOL.length), "base64url").toString()}`;
  return {
    ...request,
    headers: { get: (name) => (/^authorization$/i.test(name) ? authorization : headers.get(name)) },
  };
}

/** @throws SluiceError `socket/protocol` for a client that speaks another version only */
export function checkProtocols(request: SocketRequest): void {
  const offered = protocolsOf(request);
  if (offered.length > 0 && !offered.includes(SOCKET_PROTOCOL)) {
    throw breach(`This server speaks ${SOCKET_PROTOCOL}, and it is not among the protocols that were offered.`);
  }
}

export function isWebSocket(req: IncomingMessage): boolean {
  return req.headers.upgrade?.toLowerCase() === "websocket";
}

/** @throws SluiceError `auth/required` for nobody; what `authorize` throws */
export async function callerOf(
  { authorize }: Pick<Settings, "authorize">,
  request: SocketRequest,
  req: NodeRequest,
): Promise<{ readonly owner: string; readonly headers: Readonly<Record<string, string>> }> {
  const caller: Caller | undefined = await authorize(request, req);
  if (caller === undefined) throw new SluiceError("auth/required", "Send Authorization: Bearer <key>, or log in.");
  return typeof caller === "string" ? { owner: caller, headers: {} } : caller;
}

/** Answers in place of an upgrade, as HTTP, and ends the connection. */
export function refuseUpgrade(error: unknown, socket: Duplex, { request, log }: Refused): void {
  const reply = refuse(error, request, { log, meter: noMeter });
  const body = JSON.stringify(reply.kind === "json" ? reply.body : {});
  const headers = {
    ...reply.headers,
    connection: "close",
    "content-type": "application/json; charset=utf-8",
    "content-length": String(Buffer.byteLength(body)),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ""}\r\n${lines.join("\r\n")}\r\n\r\n${body}`);
  // A client that sends on and never reads would hold it open.
  socket.once("finish", () => socket.destroy());
}

interface Refused {
  readonly request: RequestLike;
  readonly log: Settings["log"];
}

function protocolsOf({ headers }: RequestLike): readonly string[] {
  const offered = headers.get("sec-websocket-protocol") ?? "";
  return offered.split(",").flatMap((name) => name.trim() || []);
}
