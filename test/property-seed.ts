import { createRequire } from "node:module";
import type fastCheck from "fast-check";

// Stands in the place of `fast-check` in the tests (vitest.config.ts). The same cases in every run, so that whether a
// change passes is not a matter of luck; `SLUICE_TEST_SEED=random` looks for new ones, a number repeats a run.
const { default: fc } = createRequire(import.meta.url)("fast-check") as { readonly default: typeof fastCheck };
const seed = process.env["SLUICE_TEST_SEED"] ?? "1";
if (seed !== "random") {
  if (!/^-?\d+$/.test(seed)) throw new Error(`SLUICE_TEST_SEED is a whole number or "random", not ${seed}`);
  fc.configureGlobal({ seed: Number(seed) });
}

export default fc;
