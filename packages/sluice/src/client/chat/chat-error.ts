import { SluiceError, isSluiceError } from "../../base/errors.ts";
import type { ChatConnection, ChatError } from "./types.ts";

/** A failure to read, in the words of the server where it has some, and what is to be done about it. */
export function chatError(error: unknown): ChatError {
  if (!(error instanceof SluiceError)) {
    return { code: "PROCESSING_ERROR", message: "This page could not read the answer.", retry: "same-run" };
  }
  const refused = refusalIn(error);
  const status = refused?.details["status"];
  const said = refused?.details["message"];
  const told = {
    code: error.code as string,
    message: typeof said === "string" && said !== "" ? said : error.message,
    ...(typeof status === "number" ? { status } : {}),
  };
  if (error.code === "client/gave-up") {
    return { ...told, message: refused ? told.message : "The server cannot be reached.", retry: "same-run" };
  }
  const code = refused?.details["code"];
  if (typeof code === "string") told.code = code;
  // Who signs in, or waits, is answered the same question: it was refused before any work.
  return { ...told, retry: status === 401 || status === 429 ? "same-run" : "new-run" };
}

/** The answer ended, as its server says, and no terminal was among its events. */
export const BROKEN_OFF: ChatError = {
  code: "run/source-truncated",
  message: "The answer broke off.",
  retry: "same-run",
};

export type WaitReason = Extract<ChatConnection, { readonly status: "waiting" }>["reason"];

/** Why nothing comes just now. */
export function waitReason(error: Error, online: boolean): WaitReason {
  if (!online) return "offline";
  return isSluiceError(error, "client/refused") ? "unavailable" : "unreachable";
}

/** What was read is not what the log has any more: it is to be read again from its start. */
export function isRewound(error: unknown): boolean {
  const code = isSluiceError(error, "client/refused") ? error.details["code"] : undefined;
  return code === "log/gap" || code === "log/rewound";
}

function refusalIn(error: SluiceError): SluiceError | undefined {
  if (error.code === "client/refused") return error;
  return error.cause instanceof SluiceError ? refusalIn(error.cause) : undefined;
}
