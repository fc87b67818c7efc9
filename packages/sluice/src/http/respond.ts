import { readerLeft, refuse } from "./reply.ts";
import type { Service } from "./service.ts";
import type { Call, Reply } from "./types.ts";

export type Handler = (call: Call) => Reply | Promise<Reply>;

/**
 * Sends what a handler returns, or an error in its place: what the handler threw, or why its reply cannot be sent
 * (`authorize` gave a header with a line break, say).
 */
export async function respond<T>(
  service: Pick<Service, "log" | "meter" | "clock">,
  call: Call,
  handler: Handler,
  send: (reply: Reply) => T | Promise<T>,
): Promise<T> {
  const { log, clock } = service;
  const askedAt = clock.now();
  let reply: Reply | undefined;
  let sent: T | Promise<T>;
  try {
    reply = withoutBody(await handler(call), call.method);
    sent = send(reply);
    if (reply.kind !== "events") return await sent;
  } catch (error) {
    if (reply?.kind === "events") reply.events.seat?.leave(); // its head could not be sent
    if (!call.signal.aborted) return send(refuse(error, call, service));
    const { method, location } = call;
    const ms = clock.now() - askedAt;
    return send(readerLeft(log, { method, path: location.pathname, chunks: 0, bytes: 0, ms }));
  }
  // Not awaited: nothing of the call is to be kept for as long as a stream lasts. What can fail has failed by then.
  return sent;
}

// Frameworks answer HEAD by what they have for GET, and drop the body: nobody would read the stream.
function withoutBody(reply: Reply, method: string): Reply {
  if (reply.kind !== "events" || method !== "HEAD") return reply;
  return { kind: "empty", status: reply.status, headers: reply.headers };
}
