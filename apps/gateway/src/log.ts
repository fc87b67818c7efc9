import pino from "pino";
import { isSluiceError } from "sluice/errors";
import type { Logger } from "sluice/http";

/** JSON lines on stdout, written before the call returns. */
export function createLog(level: string, destination?: pino.DestinationStream): Logger {
  const options = { level, base: null, serializers: { error: describe } };
  const log = destination ? pino(options, destination) : pino(options);
  return (severity, message, fields) => log[severity](fields, message);
}

/**
 * What a reader of the log needs of an error. What foreign errors say is left out, their properties too: parsers and
 * providers quote prompts, answers and keys. Programming errors and those of the system do not.
 */
function describe(error: unknown): unknown {
  if (!(error instanceof Error)) return typeof error;
  const { name, message, stack = "", cause } = error;
  const frames = stack.split("\n").filter((line) => /^ {4}at /.test(line));
  return {
    name,
    ...("code" in error && { code: error.code }),
    ...("status" in error && typeof error.status === "number" && { status: error.status }),
    ...(quotesNothing(error) && { message }),
    stack: frames.map((line) => line.trim()),
    ...(cause !== undefined && { cause: describe(cause) }),
  };
}

function quotesNothing(error: Error): boolean {
  const kinds = [TypeError, RangeError, ReferenceError];
  return isSluiceError(error) || "syscall" in error || kinds.some((kind) => error instanceof kind);
}
