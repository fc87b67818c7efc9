export const SSE_CONTENT_TYPE: string = "text/event-stream";

export interface SSEHeadersOptions {
  /** Adds `Connection: keep-alive`. For HTTP/1.1 only: HTTP/2 forbids the header. */
  readonly keepAlive?: boolean;
}

/** Headers that keep caches, compressing middleware and proxies (nginx) from holding events back. */
export function sseHeaders(options: SSEHeadersOptions = {}): Record<string, string> {
  const headers: Record<string, string> = {
    "Content-Type": SSE_CONTENT_TYPE,
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    Vary: "Accept-Encoding",
  };
  if (options.keepAlive === true) headers["Connection"] = "keep-alive";
  return headers;
}
