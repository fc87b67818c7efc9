import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Message } from "../chat/index.ts";
import type { Dialects } from "../dialects/index.ts";
import type { Conversations, Runs } from "../run/index.ts";
import type { Readers } from "./readers.ts";
import type { Shared } from "./shared.ts";
import type { Turn } from "./turns.ts";
import type { Authorize, EncodedEntry } from "./types.ts";

/** What every handler works with. */
export interface Service {
  readonly runs: Runs;
  readonly conversations: Conversations;
  readonly clock: Clock;
  readonly log: Logger;
  readonly dialects: Dialects;
  readonly authorize: Authorize;
  readonly readers: Readers;
  readonly turn: Turn;
  readonly entries: Shared<EncodedEntry>;
  readonly messages: Shared<Message>;
  readonly heartbeatMs: number;
  readonly retryMs: number;
  /** Where the routes are mounted: empty, or `/api`. */
  readonly basePath: string;
}
