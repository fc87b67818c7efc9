import { auth } from "../../../lib/auth.ts";
import { limited } from "../../../lib/limits.ts";
import { broadcast, createSSEStream, registerConnection, sseResponse } from "../../../lib/sse.ts";

/** Everything that is told to a user, on all of their tabs (line 124 of the document). */
export async function GET(request: Request): Promise<Response> {
  const userId = auth(request);
  if (userId === undefined) return new Response("Unauthorized", { status: 401 });
  const tooMany = await limited(userId, "call");
  if (tooMany) return tooMany;

  const { stream, send } = createSSEStream({ signal: request.signal });
  send({ retry: 3000 }); // Reconnect after 3s on disconnect
  // Unregistered by itself when the stream is over, however it ends.
  registerConnection(`user:${userId}`, send);

  // Prevent connection timeout
  const heartbeat = setInterval(() => {
    send({ event: "heartbeat", data: {} });
  }, 30_000);
  const stop = (): void => clearInterval(heartbeat);
  // A client may have gone before it was answered.
  if (send.ended.aborted) stop();
  else send.ended.addEventListener("abort", stop);

  return sseResponse(stream);
}

/** Sends to all connections of the user. */
export async function POST(request: Request): Promise<Response> {
  const userId = auth(request);
  if (userId === undefined) return new Response("Unauthorized", { status: 401 });
  const tooMany = await limited(userId, "call");
  if (tooMany) return tooMany;
  await broadcast(`user:${userId}`, "notification", { message: await request.text() });
  return new Response(null, { status: 202 });
}
