import { appendCases } from "./log-cases/append.ts";
import { closeCases } from "./log-cases/close.ts";
import type { LogCase } from "./log-cases/context.ts";
import { createCases } from "./log-cases/create.ts";
import { leaseCases } from "./log-cases/lease.ts";
import { lifeCases } from "./log-cases/life.ts";
import { listCases } from "./log-cases/list.ts";
import { readCases } from "./log-cases/read.ts";
import { tailCases } from "./log-cases/tail.ts";

export type { LogCase, LogCaseContext } from "./log-cases/context.ts";

/**
 * The contract of a log store, sentence by sentence (`sluice/log`, LogStore). A store keeps the contract when every
 * case resolves; run each with a context of its own, because some let go of their store.
 */
export const logCases: Readonly<Record<string, LogCase>> = {
  ...createCases,
  ...appendCases,
  ...closeCases,
  ...readCases,
  ...tailCases,
  ...listCases,
  ...leaseCases,
  ...lifeCases,
};
