import { SluiceError } from "../base/errors.ts";
import { randomId } from "../base/id.ts";
import { isObject } from "../base/json.ts";
import type { OpenOptions } from "./types.ts";

export interface StreamRequest {
  readonly url: URL;
  readonly method: "GET" | "POST";
  readonly headers: Headers;
  readonly body?: string;
}

/** What starts a stream. A POST always has an idempotency key: asking again attaches to the run it may have started. */
export function firstRequest(url: string | URL, options: OpenOptions): StreamRequest {
  const { method = "GET", body } = options;
  if (method === "GET" && body !== undefined) {
    throw new SluiceError("option/invalid", "A GET has no body.", { details: { option: "body" } });
  }
  const headers = new Headers(options.headers);
  if (!headers.has("accept")) headers.set("accept", "text/event-stream");
  if (method === "POST" && !headers.has("idempotency-key") && !hasRequestId(body)) {
    headers.set("idempotency-key", randomId("key"));
  }
  return { url: absoluteUrl(url), method, headers, ...(body === undefined ? {} : { body }) };
}

/**
 * What reads on once `response` has opened: the run's own URL, by GET. Without one a GET is asked again and a POST
 * cannot be (undefined).
 */
export function nextRequest(request: StreamRequest, response: Response): StreamRequest | undefined {
  const url = locationOf(request, response);
  if (url === undefined) return request.method === "GET" ? request : undefined;
  const headers = new Headers(request.headers);
  for (const name of ["content-type", "content-encoding", "idempotency-key"]) headers.delete(name);
  return { url, method: "GET", headers };
}

export function toRequestInit(request: StreamRequest, lastEventId: string | undefined): RequestInit {
  const { method, body } = request;
  const headers = new Headers(request.headers);
  if (lastEventId) headers.set("last-event-id", utf8Header(lastEventId));
  return { method, headers, cache: "no-store", ...(body === undefined ? {} : { body }) };
}

/** @throws SluiceError `option/invalid` when there is no page that a relative URL could belong to */
export function absoluteUrl(url: string | URL): URL {
  const base = typeof document === "object" ? document.baseURI : globalThis.location?.href;
  try {
    return new URL(url, base);
  } catch (cause) {
    throw new SluiceError("option/invalid", `${JSON.stringify(String(url))} is not an absolute URL.`, {
      cause,
      details: { option: "url" },
    });
  }
}

function hasRequestId(body: string | undefined): boolean {
  try {
    const parsed: unknown = JSON.parse(body ?? "");
    return isObject(parsed) && typeof parsed["requestId"] === "string";
  } catch {
    return false;
  }
}

/** Of the same origin only: the request's headers, with their keys, go nowhere else. */
function locationOf(request: StreamRequest, response: Response): URL | undefined {
  const location = response.headers.get("location");
  if (location === null) return undefined;
  try {
    const url = new URL(location, response.url || request.url);
    return url.origin === request.url.origin ? url : undefined;
  } catch {
    return undefined;
  }
}

/** Header values are Latin-1 to `fetch`; the standard sends the id as UTF-8. */
function utf8Header(value: string): string {
  return Array.from(new TextEncoder().encode(value), (byte) => String.fromCharCode(byte)).join("");
}
