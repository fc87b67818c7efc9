import { SluiceError } from "../base/errors.ts";
import { SSE_CONTENT_TYPE } from "../sse/index.ts";
import { parseRetryAfter } from "./backoff.ts";
import type { Connection } from "./connection.ts";
import { refusal } from "./refusal.ts";

/** Why another attempt is worth it. */
export interface Failure {
  readonly error: Error;
  readonly retryAfterMs?: number | undefined;
  /** It is worth it now. */
  readonly woken?: boolean;
}

const MAX_REFUSAL_LENGTH = 65_536;

/**
 * Nothing to say against an event stream or a 204; a failure where the server may answer better next time.
 * @throws SluiceError `client/refused` for every other answer
 */
export async function judge(response: Response, connection: Connection, now: number): Promise<Failure | undefined> {
  const { status, headers } = response;
  if (status === 204) return undefined;
  const type = headers.get("content-type") ?? "none";
  if (response.ok) {
    if (type.split(";")[0]?.trim().toLowerCase() === SSE_CONTENT_TYPE) return undefined;
    throw new SluiceError("client/refused", `The server's answer is no event stream; its type is ${type}.`, {
      details: { status, contentType: type },
    });
  }
  const error = refusal(status, await readText(response, connection));
  if (status < 500 && status !== 408 && status !== 425 && status !== 429) throw error;
  return { error, retryAfterMs: parseRetryAfter(headers.get("retry-after"), now) };
}

/** As much as came: a refusal is one also when the connection breaks in its middle. */
async function readText(response: Response, connection: Connection): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of connection.chunks(response.body)) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > MAX_REFUSAL_LENGTH) break;
    }
  } catch {}
  return text;
}
