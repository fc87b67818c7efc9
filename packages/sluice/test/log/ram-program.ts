import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import { systemClock, type Clock } from "../../src/base/clock.ts";
import type { RunEvent } from "../../src/chat/index.ts";
import { createDiskLog } from "../../src/log/disk.ts";
import type { LogStore } from "../../src/log/index.ts";
import { createRedisLog } from "../../src/log/redis.ts";
import { createRuns } from "../../src/run/index.ts";

// A node that produces runs, each read by somebody, and tells what it holds when they are over:
// ram-program.ts disk <path> | redis <url>. Started with --expose-gc.
const [, , kind, where = ""] = process.argv;
const RUNS = 1_000;
const EVENTS = 500;
const AT_ONCE = 10;
const FILLING = "x".repeat(200);

let timers = 0;
const clock: Clock = {
  now: () => systemClock.now(),
  timer(ms, run) {
    let waits = true;
    const over = (): void => {
      if (waits) timers -= 1;
      waits = false;
    };
    timers += 1;
    const cancel = systemClock.timer(ms, () => {
      over();
      run();
    });
    return () => {
      over();
      cancel();
    };
  },
};
const redis = kind === "redis" ? new Redis(where) : undefined;
const store = await open();
const runs = createRuns({ store, clock });
await pause(100); // the first look for runs of others is over
const idle = timers;

for (let made = 0; made < RUNS; made += AT_ONCE) {
  if (made === RUNS / 4) await tell();
  await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => live(made + index)));
}
await tell();
await store[Symbol.asyncDispose]();
process.exit(0);

async function open(): Promise<LogStore> {
  if (!redis) return createDiskLog({ path: where, clock });
  // What was appended is kept for a while, to repeat it after a fail-over: here for less.
  return createRedisLog({ client: redis, clock, keepMs: 500 });
}

async function live(number: number): Promise<void> {
  const { id } = await runs.start({ owner: "owner", requestId: `request ${number}` }, () => answer(number));
  for await (const slice of store.tail(id, { after: 0, signal: new AbortController().signal })) if (slice.end) break;
  await runs.ended(id);
}

async function* answer(number: number): AsyncGenerator<RunEvent> {
  yield { type: "text-start", id: "t" };
  for (let index = 0; index < EVENTS; index += 1) {
    if (index % 100 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    yield { type: "text-delta", id: "t", delta: `${number} ${index} ${FILLING}` };
  }
}

/** In MiB. The file that LMDB maps does not count: it is the system's to keep or not. */
async function tell(): Promise<void> {
  // What waits for a bell, or renews a lease, has a timer: all go but those that an idle node has.
  while (timers > idle || (await subscriptions()) > 0) await pause(50);
  for (let round = 0; round < 3; round += 1) {
    await pause(20);
    globalThis.gc?.();
  }
  const anonymous = /RssAnon:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  console.log(`${process.memoryUsage().heapUsed / 2 ** 20} ${Number(anonymous) / 1_024}`);
}

async function subscriptions(): Promise<number> {
  const channels = await redis?.call("PUBSUB", "SHARDCHANNELS");
  return Array.isArray(channels) ? channels.length : 0;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
