import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Meter } from "../base/meter.ts";
import type { Message } from "../chat/index.ts";
import type { Dialects } from "../dialects/index.ts";
import type { Conversations, Runs } from "../run/index.ts";
import type { Encoding } from "./compress/negotiate.ts";
import type { Compression } from "./compress/wire.ts";
import type { Deadlines } from "./delivery/deadlines.ts";
import type { Feeds } from "./delivery/feeds.ts";
import type { Pacer } from "./delivery/pacer.ts";
import type { Seats } from "./limits.ts";
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
  readonly meter: Meter;
  readonly dialects: Dialects;
  readonly authorize: Authorize;
  readonly readers: Readers;
  readonly seats: Seats;
  readonly turn: Turn;
  readonly entries: Shared<EncodedEntry>;
  readonly messages: Shared<Message>;
  readonly feeds: Feeds;
  readonly pacer: Pacer;
  readonly heartbeats: Deadlines;
  readonly stalls: Deadlines;
  /** From so many entries on that a reader has still to get, deltas that follow each other are joined. */
  readonly mergeBehind: number;
  /** In the order in which they are offered; none when nothing is compressed. */
  readonly encodings: readonly Encoding[];
  readonly compression: Compression;
  readonly heartbeatMs: number;
  readonly retryMs: number;
  /** Where the routes are mounted: empty, or `/api`. */
  readonly basePath: string;
}
