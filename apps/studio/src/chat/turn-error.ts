import { SluiceError } from "sluice/errors";
import type { TurnError } from "./chat.ts";

export const KEY_REQUIRED = "auth/required";

/** A failure to read, in the words of the server where it has some. */
export function turnError(error: unknown): TurnError {
  if (!(error instanceof SluiceError)) {
    return { code: "PROCESSING_ERROR", message: "This page could not read the answer.", retry: "same-key" };
  }
  const refusal = refusalIn(error);
  if (refusal?.details["status"] === 401) {
    return { code: KEY_REQUIRED, message: "This server answers with an API key only.", retry: "same-key" };
  }
  if (error.code === "client/gave-up") {
    const message = (refusal && said(refusal)) ?? "The server cannot be reached.";
    return { code: error.code, message, retry: "same-key" };
  }
  const code = refusal?.details["code"];
  return {
    code: typeof code === "string" ? code : error.code,
    message: (refusal && said(refusal)) ?? error.message,
    retry: "new-key",
  };
}

function refusalIn(error: SluiceError): SluiceError | undefined {
  if (error.code === "client/refused") return error;
  return error.cause instanceof SluiceError ? refusalIn(error.cause) : undefined;
}

function said(refusal: SluiceError): string | undefined {
  const { message } = refusal.details;
  return typeof message === "string" && message !== "" ? message : undefined;
}
