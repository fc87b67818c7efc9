export { createMemoryLog } from "./memory.ts";
export type { MemoryLogOptions } from "./memory.ts";
export type {
  AppendAt,
  Appended,
  Claim,
  CloseAt,
  CreateLog,
  Created,
  Lease,
  LeaseRequest,
  ListLogs,
  LogLimits,
  LogPage,
  LogSlice,
  LogState,
  LogStore,
  ReadLog,
  TailLog,
} from "./types.ts";
