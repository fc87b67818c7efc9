import { Inject, Logger, Module } from "@nestjs/common";
import type { BeforeApplicationShutdown, OnApplicationShutdown } from "@nestjs/common";
import { Redis } from "ioredis";
import { createGraphs } from "sluice/graphs";
import { createRedisCallbacks } from "sluice/graphs/redis";
import { createSluice, type Logger as SluiceLogger, type Sluice } from "sluice/http";
import { createRedisLog } from "sluice/log/redis";
import { StreamingChatBuilder } from "./graph.builder.ts";
import { GraphController } from "./graph.controller.ts";
import { createOwners } from "./owners.ts";
import { REDIS, SLUICE } from "./tokens.ts";

const log: SluiceLogger = (level, message, fields) =>
  Logger[level === "info" ? "log" : level]({ message, ...fields }, "Sluice");

// Behind a load balancer, less than what it waits for before it kills.
const DRAIN_MS = 25_000;

@Module({
  controllers: [GraphController],
  providers: [
    StreamingChatBuilder,
    {
      provide: REDIS,
      useFactory: (): Redis => {
        const redis = new Redis(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379");
        redis.on("error", (error: Error) => Logger.warn(error.message, "Redis"));
        return redis;
      },
    },
    {
      provide: SLUICE,
      inject: [REDIS, StreamingChatBuilder],
      useFactory: (redis: Redis, builder: StreamingChatBuilder): Sluice => {
        const graphs = createGraphs({
          graphs: [{ name: "streaming-chat", builder, isDefault: true, callbacks: { save: builder.save } }],
          callbacks: { store: createRedisCallbacks({ client: redis }), log },
        });
        return createSluice({
          ...graphs,
          store: createRedisLog({ client: redis }),
          authorize: createOwners(process.env["GRAPH_API_KEYS"]).authorize,
          log,
        });
      },
    },
  ],
})
export class AppModule implements BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #sluice: Sluice;
  readonly #redis: Redis;

  constructor(@Inject(SLUICE) sluice: Sluice, @Inject(REDIS) redis: Redis) {
    this.#sluice = sluice;
    this.#redis = redis;
  }

  /** Answers that run are brought to their end, and their readers have it, before the server closes. */
  beforeApplicationShutdown(): Promise<void> {
    return this.#sluice.drain(AbortSignal.timeout(DRAIN_MS));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#sluice.runs.store[Symbol.asyncDispose]();
    this.#redis.disconnect();
  }
}
