import { createHub, type Hub } from "sluice/hub";
import type { Logger } from "sluice/http";
import type { Config } from "./config.ts";
import { connectRedis } from "./store.ts";

export interface Topics {
  readonly hub: Hub;
  close(): Promise<void>;
}

/**
 * Topics of this process, or of all nodes where the store is a Redis. Each owner has its own: who asks is the only one who
 * can name them.
 */
export async function createTopics({ store }: Pick<Config, "store">, log: Logger): Promise<Topics> {
  if (store.kind === "memory" || store.kind === "disk") {
    const hub = createHub({ log });
    return { hub, close: () => hub[Symbol.asyncDispose]() };
  }
  const { createRedisTopics } = await import("sluice/hub/redis");
  const client = await connectRedis(store, "patient");
  // A command that fails says what there is to say; ioredis connects again by itself.
  client.on("error", () => {});
  const hub = createHub({ store: createRedisTopics({ client, log }), log });
  return {
    hub,
    async close() {
      await hub[Symbol.asyncDispose]();
      client.disconnect();
    },
  };
}
