import { SluiceError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";

/** The server's no as an error: what it said in Sluice's error shape, or its bare status. */
export function refusal(status: number, body: string): SluiceError {
  const { code, message, traceId } = parseErrorBody(body);
  const named = code === undefined ? String(status) : `${status} (${code})`;
  return new SluiceError("client/refused", `The server answered ${named}${message === undefined ? "." : `: ${message}`}`, {
    details: { status, code, message, traceId },
  });
}

interface ErrorBody {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly traceId?: string | undefined;
}

function parseErrorBody(body: string): ErrorBody {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return {};
  }
  if (!isObject(parsed) || !isObject(parsed["error"])) return {};
  const { code, message, traceId } = parsed["error"];
  return { code: text(code), message: text(message), traceId: text(traceId) };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
