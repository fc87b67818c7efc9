import { SluiceError, isSluiceError } from "../base/errors.ts";
import type { ErrorCode } from "../base/errors.ts";
import { isObject } from "../base/json.ts";

/**
 * What the provider's client threw, as one of our codes. Only the HTTP status crosses over: the provider's own words
 * may quote the prompt, the key or an address, so they stay in `cause`.
 */
export function toModelError(error: unknown): SluiceError {
  if (isSluiceError(error, "run/source-truncated")) {
    return new SluiceError("llm/truncated", "The model's answer ended before it was complete.", { cause: error });
  }
  if (isSluiceError(error)) return error;
  const status = statusOf(error);
  const [code, message] = verdict(status);
  return new SluiceError(code, message, { cause: error, ...(status !== undefined && { details: { status } }) });
}

function verdict(status: number | undefined): readonly [ErrorCode, string] {
  if (status === undefined)
    return ["llm/failed", "The connection to the model failed, or the model reported an error."];
  if (status === 429) return ["llm/rate-limited", "The model's provider takes no more requests at the moment."];
  // 408 and 409 may succeed when tried again, unlike the rest of the 4xx.
  const refused = status >= 400 && status < 500 && status !== 408 && status !== 409;
  if (refused) return ["llm/refused", `The model's provider refused the request (status ${status}).`];
  return ["llm/failed", `The model's provider failed (status ${status}).`];
}

/** Read by shape: two copies of the SDK may be installed, and servers that speak like OpenAI have clients of their own. */
function statusOf(error: unknown): number | undefined {
  const status = isObject(error) ? error["status"] : undefined;
  return typeof status === "number" ? status : undefined;
}
