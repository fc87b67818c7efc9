import { SluiceError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";

/** The server's no as an error: what it said in Sluice's error shape, or its bare status. */
export function refusal(status: number, body: string): SluiceError {
  const { code, message, traceId } = parseErrorBody(body);
  const named = code === undefined ? String(status) : `${status} (${code})`;
  return new SluiceError(
    "client/refused",
    `The server answered ${named}${message === undefined ? "." : `: ${message}`}`,
    {
      details: { status, code, message, traceId },
    },
  );
}

/** @returns the object that a text holds as JSON, else an empty one */
export function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}

type ErrorBody = { readonly [field in "code" | "message" | "traceId"]: string | undefined };

function parseErrorBody(body: string): ErrorBody {
  const { error } = parseObject(body);
  const { code, message, traceId } = isObject(error) ? error : {};
  return { code: textOf(code), message: textOf(message), traceId: textOf(traceId) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
