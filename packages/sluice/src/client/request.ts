import { SluiceError } from "../base/errors.ts";
import { randomId, systemRandom } from "../base/id.ts";
import { isObject } from "../base/json.ts";
import type { EventStreamOptions } from "./types.ts";

export interface StreamRequest {
  readonly url: URL;
  readonly headers: Headers;
  /** Makes it a POST. */
  readonly body?: string;
}

/** What starts a stream. A POST always has a key: asking again attaches to the run that it may have started. */
export function firstRequest(options: EventStreamOptions): StreamRequest {
  const { body, random = systemRandom } = options;
  const url = absoluteUrl(options.url);
  const headers = new Headers(options.headers);
  if (!headers.has("accept")) headers.set("accept", "text/event-stream");
  if (body === undefined) return { url, headers };
  headers.set("content-type", "application/json");
  const hasRequestId = isObject(body) && typeof body["requestId"] === "string";
  if (!hasRequestId && !headers.has("idempotency-key")) headers.set("idempotency-key", randomId("key", random));
  return { url, headers, body: JSON.stringify(body) };
}

/** What reads on at the answer's `Location`; undefined without one. */
export function nextRequest(request: StreamRequest, response: Response): StreamRequest | undefined {
  const url = locationOf(request, response);
  if (url === undefined) return undefined;
  const headers = new Headers(request.headers);
  headers.delete("content-type");
  headers.delete("idempotency-key");
  return { url, headers };
}

export function toRequestInit(request: StreamRequest, lastEventId: string | undefined): RequestInit {
  const headers = new Headers(request.headers);
  if (lastEventId) headers.set("last-event-id", utf8Header(lastEventId));
  const { body } = request;
  return body === undefined ? { headers, cache: "no-store" } : { method: "POST", headers, body, cache: "no-store" };
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
