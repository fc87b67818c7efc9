import { NOW, script, type Script } from "../log/redis/scripts/script.ts";

/** `gone(key, time)`: whether there is no such token at this time. PEXPIRE gives the memory back a minute later. */
const GONE = `
local function gone(key, time)
  local ends = redis.call('HGET', key, 'until')
  return not ends or tonumber(ends) <= time
end
local function live(key, time, ms)
  redis.call('HSET', key, 'until', time + ms)
  redis.call('PEXPIRE', key, ms + 60000)
end
`;

export const ISSUE: Script = script(
  "callback-issue",
  [],
  `
-- Puts a token down. Said twice, it is the same token.
-- KEYS  1 token
-- ARGV  1 time, or ''  2 owner  3 action  4 milliseconds
-- Answers ok
${NOW}${GONE}
local key, time = KEYS[1], now(ARGV[1])
redis.call('HSET', key, 'owner', ARGV[2], 'action', ARGV[3])
live(key, time, tonumber(ARGV[4]))
return {'ok'}
`,
);

export const TAKE: Script = script(
  "callback-take",
  [],
  `
-- Gets a token and locks it. Another owner finds nothing. The holder of the lock gets the same answer again.
-- KEYS  1 token
-- ARGV  1 time, or ''  2 owner  3 holder  4 milliseconds of the lock
-- Answers missing | locked milliseconds | settled outcome | taken action attempt
${NOW}${GONE}
local key, time = KEYS[1], now(ARGV[1])
if gone(key, time) then return {'missing'} end
local held = redis.call('HMGET', key, 'owner', 'action', 'outcome', 'holder', 'lockUntil', 'until')
if held[1] ~= ARGV[2] then return {'missing'} end
if held[3] then return {'settled', held[3]} end
local left = held[4] and held[5] - time or 0
if left > 0 and held[4] ~= ARGV[3] then return {'locked', math.ceil(left)} end
local attempt
if left > 0 then
  attempt = tonumber(redis.call('HGET', key, 'attempts'))
else
  attempt = redis.call('HINCRBY', key, 'attempts', 1)
  redis.call('HSET', key, 'holder', ARGV[3], 'lockUntil', time + ARGV[4])
  -- What is at work is not forgotten before it can say how it went.
  if held[6] - time < 2 * ARGV[4] then live(key, time, 2 * ARGV[4]) end
end
return {'taken', held[2], attempt}
`,
);

export const SETTLE: Script = script(
  "callback-settle",
  ["allow-oom"],
  `
-- Spends a token: it has an outcome. Only for who holds it; said twice, it is the same.
-- KEYS  1 token
-- ARGV  1 time, or ''  2 holder  3 outcome  4 milliseconds
-- Answers ok | lost
${NOW}${GONE}
local key, time = KEYS[1], now(ARGV[1])
if gone(key, time) then return {'lost'} end
if redis.call('HGET', key, 'holder') ~= ARGV[2] then return {'lost'} end
redis.call('HSET', key, 'outcome', ARGV[3])
redis.call('HDEL', key, 'lockUntil')
live(key, time, tonumber(ARGV[4]))
return {'ok'}
`,
);

export const RELEASE: Script = script(
  "callback-release",
  ["allow-oom"],
  `
-- Gives the lock back, if it is this holder's.
-- KEYS  1 token
-- ARGV  1 time, or ''  2 holder  3 what is added to the attempts: 0, or -1
-- Answers ok
if redis.call('HGET', KEYS[1], 'holder') == ARGV[2] then
  redis.call('HDEL', KEYS[1], 'holder', 'lockUntil')
  redis.call('HINCRBY', KEYS[1], 'attempts', ARGV[3])
end
return {'ok'}
`,
);
