import pino from "pino";
import type { Logger } from "sluice/http";

/** JSON lines on stdout. */
export function createLog(level: string): Logger {
  const log = pino({ level, base: null, serializers: { error: describe } });
  return (severity, message, fields) => log[severity](fields, message);
}

// The enumerable properties of foreign errors hold headers and bodies: only what a reader of the log needs is taken.
function describe(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = "code" in error ? { code: error.code } : {};
  const cause = error.cause === undefined ? {} : { cause: describe(error.cause) };
  return { name: error.name, ...code, message: error.message, stack: error.stack, ...cause };
}
