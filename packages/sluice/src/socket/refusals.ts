import { SluiceError, type ErrorCode } from "../base/errors.ts";

/** For a client that does not keep to the protocol: it is told, and its connection closed. */
export function breach(message: string): SluiceError {
  return new SluiceError("socket/protocol", message);
}

export function tooLong(what: string, limitMs: number): SluiceError {
  return new SluiceError("socket/timeout", `${what} took longer than ${limitMs / 1000} s.`, { details: { limitMs } });
}

export function shuttingDown(): SluiceError {
  return new SluiceError("run/shutdown", "The server is shutting down, and had no time left for the answer.");
}

/** Status codes of RFC 6455 with which a server ends a connection. */
export const CLOSE = { policy: 1008, tooLarge: 1009, failed: 1011, restart: 1012 } as const;

export function closeStatusOf(code: ErrorCode): number {
  switch (code) {
    case "request/too-large":
      return CLOSE.tooLarge;
    case "run/draining":
    case "run/shutdown":
      return CLOSE.restart;
    case "PROCESSING_ERROR":
      return CLOSE.failed;
    default:
      return CLOSE.policy;
  }
}
