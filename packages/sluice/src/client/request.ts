import { SluiceError } from "../base/errors.ts";
import { randomId, systemRandom } from "../base/id.ts";
import { isObject } from "../base/json.ts";
import { parseObject } from "./refusal.ts";
import type { EventStreamOptions } from "./types.ts";

export interface StreamRequest {
  readonly url: URL;
  readonly method: "GET" | "POST";
  readonly headers: Headers;
  readonly body?: string;
}

/**
 * What starts a stream. A POST always has a key: asking again attaches to the run that it may have started.
 * @throws SluiceError `option/invalid`
 */
export function firstRequest(target: string | URL, options: EventStreamOptions): StreamRequest {
  const { body, random = systemRandom, method = body === undefined ? "GET" : "POST" } = options;
  const url = absoluteUrl(target);
  const headers = new Headers(options.headers);
  if (!headers.has("accept")) headers.set("accept", "text/event-stream");
  if (method === "GET") {
    if (body === undefined) return { url, method, headers };
    throw new SluiceError("option/invalid", "A GET has no body.", { details: { field: "body" } });
  }
  const text = typeof body === "string" ? body : JSON.stringify(body);
  if (!hasRequestId(body) && !headers.has("idempotency-key")) headers.set("idempotency-key", randomId("key", random));
  if (text === undefined) return { url, method, headers };
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  return { url, method, headers, body: text };
}

/** What reads on at the answer's `Location`; undefined without one. */
export function nextRequest(request: StreamRequest, response: Response): StreamRequest | undefined {
  const url = locationOf(request, response);
  if (url === undefined) return undefined;
  const headers = new Headers(request.headers);
  headers.delete("content-type");
  headers.delete("idempotency-key");
  return { url, method: "GET", headers };
}

export function toRequestInit(request: StreamRequest, lastEventId: string | undefined): RequestInit {
  const headers = new Headers(request.headers);
  if (lastEventId) headers.set("last-event-id", utf8Header(lastEventId));
  const { method, body } = request;
  return { method, headers, cache: "no-store", ...(body === undefined ? {} : { body }) };
}

function hasRequestId(body: unknown): boolean {
  const fields = typeof body === "string" ? parseObject(body) : body;
  return isObject(fields) && typeof fields["requestId"] === "string";
}

/** @throws SluiceError `option/invalid` when there is no page that a relative URL could belong to */
export function absoluteUrl(url: string | URL): URL {
  const page = typeof document === "object" ? document.baseURI : globalThis.location?.href;
  try {
    return new URL(url, page);
  } catch (cause) {
    throw new SluiceError("option/invalid", `${JSON.stringify(String(url))} is not an absolute URL.`, {
      cause,
      details: { field: "url" },
    });
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
