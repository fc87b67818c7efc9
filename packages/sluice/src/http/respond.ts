import { readerLeft, refuse } from "./reply.ts";
import type { Service } from "./service.ts";
import type { Call, Reply } from "./types.ts";

export type Handler = (call: Call) => Reply | Promise<Reply>;

/**
 * Sends what a handler returns, or an error in its place: what the handler threw, or why its reply cannot be sent
 * (`authorize` gave a header with a line break, say).
 */
export async function respond<T>(
  service: Pick<Service, "log" | "clock">,
  call: Call,
  handler: Handler,
  send: (reply: Reply) => T | Promise<T>,
): Promise<T> {
  const { log, clock } = service;
  const askedAt = clock.now();
  try {
    return await send(withoutBody(await handler(call), call.method));
  } catch (error) {
    if (!call.signal.aborted) return send(refuse(error, call, log));
    const { method, location } = call;
    const ms = clock.now() - askedAt;
    return send(readerLeft(log, { method, path: location.pathname, chunks: 0, bytes: 0, ms }));
  }
}

// Frameworks answer HEAD by what they have for GET, and drop the body: nobody would read the stream.
function withoutBody(reply: Reply, method: string): Reply {
  if (reply.kind !== "events" || method !== "HEAD") return reply;
  return { kind: "empty", status: reply.status, headers: reply.headers };
}
