import { SluiceError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { RedisClient, RedisSubscriber } from "./client.ts";

export interface SubscriberOf {
  readonly subscriber: RedisSubscriber;
  /** The same where it was made here, to be ended by whoever asked for it. */
  readonly own: RedisSubscriber | undefined;
}

/**
 * A connection for subscriptions: the one that is given, or a Cluster's own, or a duplicate of the client.
 * @throws SluiceError `option/invalid`
 */
export function subscriberOf(client: RedisClient, given: RedisSubscriber | undefined, log: Logger): SubscriberOf {
  const shared = given ?? (client.isCluster === true && isSubscriber(client) ? client : undefined);
  if (shared) return { subscriber: shared, own: undefined };
  const own = client.duplicate?.();
  if (!own) {
    throw new SluiceError("option/invalid", "A client that cannot be duplicated needs a `subscriber` beside it.");
  }
  own.on("error", (error) => log("warn", "redis subscriber failed", { error }));
  return { subscriber: own, own };
}

function isSubscriber(client: RedisClient): client is RedisClient & RedisSubscriber {
  return "ssubscribe" in client && "sunsubscribe" in client;
}
