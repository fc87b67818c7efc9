import { printParseErrorCode, visit } from "jsonc-parser";
import { SluiceError, isSluiceError } from "../base/errors.ts";
import type { Call } from "./types.ts";

/** Of all bodies that have no limit of their own. */
export const MAX_BODY_BYTES: number = 1 << 20;

/** The body as JSON. @throws SluiceError `request/*` */
export async function readBody(call: Pick<Call, "headers" | "body">, limit: number = MAX_BODY_BYTES): Promise<unknown> {
  const type = call.headers.get("content-type");
  if (type !== null && !isJsonType(type)) {
    throw new SluiceError(
      "request/unsupported-media-type",
      "The body must be JSON, as application/json or text/plain.",
      {
        details: { field: "Content-Type", allowed: ["application/json", "text/plain"] },
      },
    );
  }
  const body = await call.body(limit);
  return "value" in body ? body.value : parseJson(body.text, limit);
}

// `fetch` with a string body says text/plain, and curl -d without a type says a form's.
function isJsonType(type: string): boolean {
  const name = (type.split(";")[0] ?? "").trim().toLowerCase();
  return name === "application/json" || name === "text/plain" || name === "" || /^application\/[^/]+\+json$/.test(name);
}

/** @throws SluiceError `request/too-large`; `request/malformed-json`, with the place where reading stopped */
export function parseJson(text: string, limit: number = MAX_BODY_BYTES): unknown {
  if (text.length > limit) throw tooLarge(limit);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw malformed(text, cause);
  }
}

// JSON.parse does not always say where. A second, slower reading does, up to the first error.
function malformed(text: string, cause: unknown): SluiceError {
  const strict = { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false };
  try {
    visit(text, { onError: (error, ...place) => throwAt(printParseErrorCode(error), place, cause) }, strict);
  } catch (error) {
    if (isSluiceError(error)) return error;
  }
  return new SluiceError("request/malformed-json", "Not JSON, and too deep to say where.", { cause });
}

type Place = readonly [offset: number, length: number, line: number, character: number];

function throwAt(what: string, [position, , line0, character]: Place, cause: unknown): never {
  const [line, column] = [line0 + 1, character + 1];
  throw new SluiceError(
    "request/malformed-json",
    `Not JSON: ${what} at position ${position} (line ${line}, column ${column}).`,
    { cause, details: { position, line, column } },
  );
}

/** @throws SluiceError `request/too-large` */
export function tooLarge(limit: number): SluiceError {
  return new SluiceError("request/too-large", `The body may have ${limit} bytes.`, {
    details: { field: "body", limit },
  });
}

/** For a body that its sender has cut. */
export function incomplete(cause: unknown): SluiceError {
  return new SluiceError("request/malformed-json", "The body ended before it was complete.", { cause });
}
