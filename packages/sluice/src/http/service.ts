import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Meter } from "../base/meter.ts";
import type { Observer } from "../base/observer.ts";
import type { Message } from "../chat/index.ts";
import type { Dialects } from "../dialects/index.ts";
import type { Conversations, Runs } from "../run/index.ts";
import type { Delivery } from "./delivery/options.ts";
import type { Seats } from "./limits.ts";
import type { Progress } from "./progress.ts";
import type { Readers } from "./readers.ts";
import type { Shared } from "./shared.ts";
import type { Turn } from "./turns.ts";
import type { Authorize, EncodedEntry } from "./types.ts";

/** What every handler works with. */
export interface Service extends Delivery {
  readonly runs: Runs;
  readonly conversations: Conversations;
  readonly clock: Clock;
  readonly log: Logger;
  readonly meter: Meter;
  readonly observer: Observer | undefined;
  readonly dialects: Dialects;
  readonly authorize: Authorize;
  readonly readers: Readers;
  readonly progress: Progress;
  readonly seats: Seats;
  readonly turn: Turn;
  readonly entries: Shared<EncodedEntry>;
  readonly messages: Shared<Message>;
  readonly retryMs: number;
  /** Of a question. */
  readonly maxBodyBytes: number;
  /** Where the routes are mounted: empty, or `/api`. */
  readonly basePath: string;
}
