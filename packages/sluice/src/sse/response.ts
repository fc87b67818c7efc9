import { sseHeaders } from "./headers.ts";

/**
 * A response that streams events. Headers of `init` win over ours, except `Vary`, which is joined.
 *
 * It carries `Connection: keep-alive`, though it cannot know its HTTP version: servers of HTTP/2 drop the header.
 */
export function sseResponse(stream: ReadableStream<Uint8Array>, init: ResponseInit = {}): Response {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(sseHeaders({ keepAlive: true }))) {
    if (name === "Vary" || !headers.has(name)) headers.append(name, value);
  }
  return new Response(stream, { ...init, headers });
}
