import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Commands } from "./commands.ts";
import type { Grace } from "./grace.ts";
import type { Keys } from "./keys.ts";
import { parseState, type Stored } from "./reply.ts";
import { READ_STATE } from "./scripts/read.ts";

/** What all parts of the store work with. */
export interface Context {
  readonly commands: Commands;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Logger;
  readonly grace: Grace;
  /** For scripts: milliseconds, or empty for the time of Redis. */
  readonly time: () => string;
}

export async function findLog({ commands, keys, time }: Context, id: string): Promise<Stored | undefined> {
  const answer = await commands.run(READ_STATE, [keys.log(id)], [time()]);
  return answer.status === "ok" ? parseState(id, answer.list(1)) : undefined;
}
