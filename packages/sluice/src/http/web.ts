import { isSluiceError } from "../base/errors.ts";
import { incomplete, tooLarge } from "./body.ts";
import type { BodyText, Call, Reply } from "./types.ts";
import { webStream } from "./web-stream.ts";

/** A Web `Request` as the handlers see it. */
export function callOf(request: Request): Call {
  return {
    method: request.method,
    url: request.url,
    headers: request.headers,
    location: new URL(request.url),
    signal: request.signal,
    keepAlive: false, // a Request does not say which version of HTTP it came by
    body: (limit) => readText(request, limit),
  };
}

async function readText({ headers, body, bodyUsed }: Request, limit: number): Promise<BodyText> {
  if (Number(headers.get("content-length") ?? 0) > limit) throw tooLarge(limit);
  if (bodyUsed) throw new TypeError("The body of this Request has been read already.");
  if (body === null) return { text: "" };
  // Cancelling would make some servers close the connection, and its client would not get to read the 413.
  const chunks = body.values({ preventCancel: true });
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.byteLength;
      if (bytes > limit) throw tooLarge(limit);
      text += decoder.decode(chunk, { stream: true });
    }
  } catch (error) {
    throw isSluiceError(error) ? error : incomplete(error);
  }
  return { text: text + decoder.decode() };
}

/** @throws TypeError for headers that cannot be written */
export function toResponse(
  reply: Reply,
  { method, signal = new AbortController().signal }: { readonly method: string; readonly signal?: AbortSignal },
): Response {
  const { status } = reply;
  const headers = new Headers(reply.headers);
  if (reply.kind === "events") return new Response(webStream(reply.events, signal), { status, headers });
  if (reply.kind === "empty") return new Response(null, { status, headers });
  headers.set("content-type", "application/json; charset=utf-8");
  return new Response(method === "HEAD" ? null : JSON.stringify(reply.body), { status, headers });
}
