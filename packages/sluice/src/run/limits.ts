import { checkWhole } from "../base/options.ts";
import { SluiceError } from "../base/errors.ts";
import type { RunLimits } from "./types.ts";

const MAX_DURATION_MS = 1_800_000;

const DEFAULTS: RunLimits = { maxDurationMs: 300_000, maxBytes: 64 << 20, maxEntries: 2_000_000 };

/** Fills in what is not given. @throws SluiceError `option/invalid` naming the limit */
export function checkLimits(given: Partial<RunLimits>, defaults: RunLimits = DEFAULTS): RunLimits {
  const limits: RunLimits = {
    maxDurationMs: given.maxDurationMs ?? defaults.maxDurationMs,
    maxBytes: given.maxBytes ?? defaults.maxBytes,
    maxEntries: given.maxEntries ?? defaults.maxEntries,
  };
  for (const [name, value] of Object.entries(limits)) {
    checkWhole(name, value, { to: name === "maxDurationMs" ? MAX_DURATION_MS : Number.MAX_SAFE_INTEGER });
  }
  return limits;
}

/** What a start is told while this node produces as many runs as it may. */
export function tooManyRuns(): SluiceError {
  return new SluiceError("run/too-many", "This server produces as many answers as it can. Try again soon.", {
    details: { field: "maxRuns", retryAfterMs: 2_000 },
  });
}
