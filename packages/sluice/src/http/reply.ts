import { runNotFound } from "../run/state.ts";
import { ERROR_CODES, isSluiceError, publicError } from "../base/errors.ts";
import { randomId } from "../base/id.ts";
import type { Logger } from "../base/log.ts";
import type { Service } from "./service.ts";
import type { Reply, RequestLike } from "./types.ts";

export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return { kind: "json", status, body, headers: { "cache-control": "no-store", ...headers } };
}

export function empty(status: number, headers: Readonly<Record<string, string>> = {}): Reply {
  return { kind: "empty", status, headers };
}

// A drained server is replaced in about this time.
const RETRY_AFTER_MS = 2_000;

/** An error as its JSON answer, and one log line with the same trace id. Foreign messages stay in the log. */
export function refuse(error: unknown, request: RequestLike, to: Pick<Service, "log" | "meter">): Reply {
  const coded = publicError(isSluiceError(error, "log/not-found") ? runNotFound(error) : error);
  const { code, message, details } = coded;
  const status = ERROR_CODES[code];
  const traceId = randomId("trace");
  const path = new URL(request.url).pathname;
  // Whoever knows when to come back was refused on purpose: of that there may be thousands a second.
  const retryAfterMs = typeof details["retryAfterMs"] === "number" ? details["retryAfterMs"] : undefined;
  const fault = status >= 500 && retryAfterMs === undefined;
  const level = fault ? "error" : status >= 500 ? "warn" : "info";
  // Of a refusal the sentence is enough; where the fault is ours, the stack is needed.
  const why = fault ? { error } : { reason: message };
  to.log(level, "request refused", { code, status, method: request.method, path, traceId, ...why });
  const headers: Record<string, string> = {};
  if (status === 503 || status === 429) {
    headers["retry-after"] = String(Math.max(1, Math.ceil((retryAfterMs ?? RETRY_AFTER_MS) / 1000)));
    to.meter.refused(code);
  }
  if (status === 401) headers["www-authenticate"] = "Bearer";
  if (code === "request/method-not-allowed") headers["allow"] = String(details["allow"]);
  const shown = Object.keys(details).length > 0 ? { details } : {};
  return json(status, { error: { code, message, traceId, ...shown } }, headers);
}

/** One log line for a caller who did not wait for the end. Nobody reads the reply. */
export function readerLeft(log: Logger, fields: Readonly<Record<string, unknown>>): Reply {
  log("info", "reader interrupted", { code: "reader-left", ...fields });
  return empty(CLIENT_CLOSED_REQUEST);
}

// nginx's number.
const CLIENT_CLOSED_REQUEST = 499;
