import type { Cluster, Redis } from "ioredis";
import type { AskRedis } from "./redis-away.ts";

/** Streams that an owner has open at a time, on all nodes. */
export interface OwnerStreams {
  /** What gives it back, once; undefined when the owner has as many as allowed. */
  take(owner: string): Promise<(() => void) | undefined>;
  /** Resolves when what was given back is known everywhere, or nobody is there to be told. */
  close(): Promise<void>;
}

/** Of one process that nobody shares a store with. */
export function countStreams(limit: number): OwnerStreams {
  const open = new Map<string, number>();
  return {
    async take(owner) {
      const count = open.get(owner) ?? 0;
      if (count >= limit) return undefined;
      open.set(owner, count + 1);
      return once(() => {
        const left = (open.get(owner) ?? 1) - 1;
        if (left > 0) open.set(owner, left);
        else open.delete(owner);
      });
    },
    async close() {},
  };
}

export interface LeasedStreamsOptions {
  readonly client: Redis | Cluster;
  /** Asks Redis; undefined while it is away: then each node counts for itself. */
  readonly ask: AskRedis;
  readonly limit: number;
  readonly prefix: string;
  /** This process, unlike any other. */
  readonly node: string;
  /** The streams of a node that has not renewed for so long do not count any more. Renewed every third of it. */
  readonly leaseMs: number;
  /** For tests: what a timer calls, and milliseconds in place of the time of Redis. */
  readonly every?: (ms: number, run: () => void) => () => void;
  readonly time?: () => number;
}

interface Held {
  /** Open here, and those that are being asked for. */
  count: number;
  asking: number;
  telling: Promise<void> | undefined;
  changed: boolean;
}

/**
 * A hash per owner, `<prefix>:limit:streams:<owner>`, has a field per node: how many it holds, and until when that
 * counts. A node only ever writes its own whole count, so whatever is lost is put right by the next renewal, or
 * ends with the lease: that of a node that is killed, and of an owner whose last stream ended while Redis was away.
 */
export function leaseStreams(options: LeasedStreamsOptions): OwnerStreams {
  const { client, ask, limit, prefix, node, leaseMs, time, every = repeat } = options;
  const owners = new Map<string, Held>();
  const stop = every(leaseMs / 3, () => {
    for (const [owner, held] of owners) tell(owner, held);
  });

  // Commands go out in the order of calls: the count that arrives last is the newest.
  const write = (owner: string, count: number, most: number): Promise<boolean | undefined> =>
    ask(async () => {
      const key = `${prefix}:limit:streams:${owner}`;
      const now = time ? String(time()) : "";
      return (await client.eval(HOLD, 1, key, node, count, most, leaseMs, now)) === 1;
    });

  /** Brings the count to Redis, once more when it has changed meanwhile. Never rejects. */
  function tell(owner: string, held: Held): void {
    held.changed = true;
    held.telling ??= tellAll(owner, held);
  }

  async function tellAll(owner: string, held: Held): Promise<void> {
    while (held.changed) {
      held.changed = false;
      await write(owner, held.count, -1);
    }
    held.telling = undefined;
    if (held.count === 0 && owners.get(owner) === held) owners.delete(owner);
  }

  return {
    async take(owner) {
      const held = owners.get(owner) ?? { count: 0, asking: 0, telling: undefined, changed: false };
      if (held.count - held.asking >= limit) return undefined;
      owners.set(owner, held);
      held.count += 1;
      held.asking += 1;
      const granted = await write(owner, held.count, limit);
      held.asking -= 1;
      const giveBack = (): void => {
        held.count -= 1;
        tell(owner, held);
      };
      // Redis may be away: then what this node holds decides alone.
      if (granted ?? held.count - held.asking <= limit) return once(giveBack);
      held.count -= 1;
      // While others are being asked for, a count was told that had this one in it.
      if (held.asking === 0) tell(owner, held);
      return undefined;
    },
    async close() {
      stop();
      await Promise.all([...owners.values()].flatMap(({ telling }) => telling ?? []));
    },
  };
}

const HOLD = `
local key, node, count, most = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(ARGV[5])
if now == nil then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local others = 0
local fields = redis.call('HGETALL', key)
for index = 1, #fields, 2 do
  local held, till = string.match(fields[index + 1], '^(%d+) (%d+)$')
  if till == nil or tonumber(till) <= now then redis.call('HDEL', key, fields[index])
  elseif fields[index] ~= node then others = others + tonumber(held) end
end
if most >= 0 and others + count > most then return 0 end
if count == 0 then redis.call('HDEL', key, node)
else
  redis.call('HSET', key, node, string.format('%d %.0f', count, now + tonumber(ARGV[4])))
  redis.call('PEXPIRE', key, ARGV[4])
end
return 1`;

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    run();
  };
}

function repeat(ms: number, run: () => void): () => void {
  const timer = setInterval(run, ms).unref();
  return () => clearInterval(timer);
}
