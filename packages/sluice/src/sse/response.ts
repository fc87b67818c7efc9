import { sseHeaders } from "./headers.ts";

const VARIES_BY_ENCODING = /(?:^|,)\s*(?:\*|accept-encoding)\s*(?:,|$)/i;

/**
 * A response that streams events. Headers of `init` win over ours, except `Vary`, which is joined.
 *
 * `Connection: keep-alive` is not set, because a Response cannot know its HTTP version; HTTP/1.1 servers write it
 * themselves. Where one does not: `sseResponse(stream, { headers: sseHeaders({ keepAlive: true }) })`.
 */
export function sseResponse(stream: ReadableStream<Uint8Array>, init: ResponseInit = {}): Response {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(sseHeaders())) {
    if (!headers.has(name)) headers.set(name, value);
  }
  if (!VARIES_BY_ENCODING.test(headers.get("Vary") ?? "")) headers.append("Vary", "Accept-Encoding");
  return new Response(stream, { ...init, headers });
}
