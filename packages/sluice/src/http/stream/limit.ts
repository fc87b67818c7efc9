import { checkWhole } from "../../base/options.ts";
import { SluiceError } from "../../base/errors.ts";
import type { Admit } from "../limits.ts";

// Somebody may end a stream at any time, and nobody knows when.
const RETRY_AFTER_MS = 5_000;

/**
 * How many streams one owner may have open in this process: one more is 429 `request/too-many-streams`, with
 * `Retry-After`. For `createSluice({admit})` and `streamResponse(…, {limit})`, which may share one. Over several nodes
 * it takes a count that they share; the gateway has one.
 *
 * @throws SluiceError `option/invalid`
 */
export function createStreamLimit({ maxStreams }: { readonly maxStreams: number }): Admit {
  checkWhole("maxStreams", maxStreams);
  const open = new Map<string, number>();
  return (owner) => {
    const streams = open.get(owner) ?? 0;
    if (streams >= maxStreams) throw tooMany();
    open.set(owner, streams + 1);
    return () => {
      const left = (open.get(owner) ?? 1) - 1;
      if (left > 0) open.set(owner, left);
      else open.delete(owner);
    };
  };
}

function tooMany(): SluiceError {
  return new SluiceError("request/too-many-streams", "You have as many streams open as you can have. Close one.", {
    details: { retryAfterMs: RETRY_AFTER_MS },
  });
}
