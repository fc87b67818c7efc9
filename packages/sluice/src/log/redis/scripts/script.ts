import { createHash } from "node:crypto";

/** A Lua script as Redis gets it. Each answers with a list whose first item says how it went. */
export interface Script {
  readonly name: string;
  readonly lua: string;
  /** What EVALSHA calls it. */
  readonly sha: string;
}

/**
 * `allow-oom`: runs also when the memory is full. `no-writes`: runs also while Redis refuses to write.
 * (Redis keeps these in the first line, and without one it would allow keys of several slots.)
 */
export function script(name: string, flags: readonly ("allow-oom" | "no-writes")[], body: string): Script {
  const lua = `#!lua${flags.length === 0 ? "" : ` flags=${flags.join(",")}`}\n${body.trim()}\n`;
  return { name, lua, sha: createHash("sha1").update(lua).digest("hex") };
}

/** `now(given)`: milliseconds since 1970 by the clock of Redis, unless a test gives them. */
export const NOW = `
local function now(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

/**
 * `gone(key, time)`: whether there is no such log at this time. PEXPIRE gives the memory back a minute later than the
 * log ends; until then this is what ends it, in the same millisecond for all its keys and for every node.
 */
export const GONE = `
local function gone(key, time)
  local held = redis.call('HMGET', key, 'ttl', 'closedAt')
  return not held[1] or (held[2] and held[2] + held[1] <= time)
end
`;

/** The fields of a log's hash that make its state, in the order of `parseState`. */
export const STATE = `
local function state(key)
  return redis.call('HMGET', key, 'owner', 'meta', 'claimKey', 'claimHash', 'createdAt', 'first', 'last', 'bytes',
    'stop', 'closedAt', 'summary', 'fence')
end
`;

/**
 * `server()`: a name that is another one after every fail-over and every start of Redis. It may change without either.
 * Empty where the user may not ask.
 */
export const SERVER = `
local function server()
  local info = redis.pcall('INFO', 'replication')
  return type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or ''
end
`;
