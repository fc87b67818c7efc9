/**
 * Every code an error of Sluice can carry, with the HTTP status it answers with. Errors do not carry the status
 * themselves: a page that meets some of them would have to load this table.
 * The list is closed: docs/errors.md explains each, and a test compares the two.
 */
export const ERROR_CODES = {
  // A request that cannot be served as it is.
  "request/malformed-json": 400,
  "request/missing-payload": 400,
  "request/missing-key": 400,
  "request/invalid": 422,
  "request/invalid-parameter": 400,
  "request/key-mismatch": 422,
  "request/too-large": 413,
  "request/unsupported-media-type": 415,
  "request/method-not-allowed": 405,
  "request/not-found": 404,
  "request/upgrade-required": 426,
  "request/refused-origin": 403,
  "request/rate-limited": 429,
  "request/too-many-streams": 429,
  "request/too-many-connections": 503,
  "auth/required": 401,
  "auth/forbidden": 403,
  "offset/malformed": 400,
  "offset/beyond-end": 400,
  "dialect/unknown": 422,
  "graph/unknown": 404,
  "callback/not-found": 404,
  "callback/locked": 409,
  "callback/failed": 500,
  "callback/too-many": 503,

  // A run and its life.
  "thread/not-found": 404,
  "run/not-found": 404,
  "run/request-conflict": 409,
  "run/ended": 409,
  "run/running": 409,
  "run/too-many": 503,
  "run/too-many-readers": 503,
  "run/draining": 503,
  "run/shutdown": 503,
  "run/max-duration": 504,
  "run/source-truncated": 502,
  "run/source-unsupported": 500,
  "run/producer-lost": 500,
  PROCESSING_ERROR: 500,

  "reader/stalled": 408,
  "reader/left": 499,

  // The log below it.
  "log/exists": 409,
  "log/not-found": 404,
  "log/gap": 410,
  "log/rewound": 410,
  "log/conflict": 409,
  "log/fenced": 409,
  "log/closed": 409,
  "log/lease-held": 409,
  "log/max-bytes": 507,
  "log/max-entries": 507,
  "log/released": 503,
  "log/unavailable": 503,
  "log/locked": 500,
  "log/corrupt": 500,

  // Topics.
  "hub/queue-full": 503,

  // Agents and their channels.
  "agents/invalid-event": 500,
  "agents/deadlock": 500,
  "agents/limit": 500,

  // What a producer may say, and how it is put on the wire.
  "chat/invalid-event": 500,
  "chat/order": 500,
  "chat/reserved-event": 500,
  "sse/invalid-field": 500,
  "sse/invalid-data": 500,
  "sse/queue-full": 500,
  "sse/event-too-large": 500,

  // The model behind a run.
  "llm/failed": 502,
  "llm/refused": 502,
  "llm/rate-limited": 503,
  "llm/stalled": 504,
  "llm/truncated": 502,

  // The reading side.
  "client/refused": 502,
  "client/gave-up": 504,
  "client/invalid-object": 502,

  // Conversations over a WebSocket, and the audio of a browser.
  "socket/protocol": 400,
  "socket/timeout": 408,
  "socket/lost": 502,
  "audio/refused": 403,
  "audio/no-microphone": 404,
  "audio/unsupported": 501,
  "audio/unplayable": 415,

  // The operators of a flow.
  "flow/timeout": 504,
  "flow/queue-full": 500,

  // Options given by the developer.
  "option/invalid": 500,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Facts beside the message: the field, the allowed values, the limit, the first offset that still exists. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

export interface SluiceErrorOptions {
  readonly cause?: unknown;
  readonly details?: ErrorDetails;
}

/**
 * The only error class. Branch on `code`; `message` is written for the person who reads it and is safe to send to
 * a client; `cause` is what lies below and is never sent.
 */
export class SluiceError extends Error {
  override readonly name = "SluiceError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: SluiceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

export function isSluiceError(value: unknown, code?: ErrorCode): value is SluiceError {
  return value instanceof SluiceError && (code === undefined || value.code === code);
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(ERROR_CODES, value);
}

/**
 * What a stranger may be told. A coded error speaks for itself; any other failure becomes `PROCESSING_ERROR` with
 * a fixed sentence, because messages of foreign errors carry paths, keys and prompts.
 */
export function publicError(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  return new SluiceError("PROCESSING_ERROR", "The answer could not be completed.", { cause: error });
}
