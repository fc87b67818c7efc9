import { SluiceError, isSluiceError } from "sluice/errors";

/** The gateway that has served this page. */
export interface Server {
  readonly fetch: typeof globalThis.fetch;
  /** What the paths of the server are relative to. */
  readonly origin: string;
}

export interface CallOptions {
  readonly method?: "POST" | "PATCH" | "DELETE";
  readonly body?: unknown;
  /** The call outlives the page. */
  readonly keepalive?: boolean;
}

/**
 * The JSON of an answer; undefined for one without.
 * @throws SluiceError `client/refused`, with details `{status, code}` and the server's words as its message; also, with
 * status 0, when the server cannot be reached
 */
export async function call(server: Server, path: string, options: CallOptions = {}): Promise<unknown> {
  const { method, body, keepalive } = options;
  const response = await server
    .fetch(new URL(path, server.origin), {
      ...(method === undefined ? {} : { method }),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      ...(keepalive === undefined ? {} : { keepalive }),
    })
    .catch(() => undefined);
  if (!response) throw refusal(0, undefined, "The server cannot be reached.");
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok) return answer;
  const said = isObject(answer) && isObject(answer["error"]) ? answer["error"] : {};
  throw refusal(response.status, said["code"], said["message"] ?? `The server answered ${response.status}.`);
}

/** The words for a person. */
export function wordsOf(error: unknown): string {
  return isSluiceError(error) ? error.message : "Something went wrong in this page.";
}

/** The HTTP status that the server refused with; undefined for any other failure. */
export function statusOf(error: unknown): number | undefined {
  const status = isSluiceError(error, "client/refused") ? error.details["status"] : undefined;
  return typeof status === "number" ? status : undefined;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function refusal(status: number, code: unknown, message: unknown): SluiceError {
  return new SluiceError("client/refused", String(message), { details: { status, code } });
}
