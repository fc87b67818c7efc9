import { NOW, script, type Script } from "./script.ts";

export const CLAIM: Script = script(
  "claim",
  [],
  `
-- Claims an owner's key for a log that is about to be made. A claim is this caller's for a while (until); after that
-- whoever finds no log behind it takes it over, by naming what it found: of many, one succeeds.
-- KEYS  1 claim
-- ARGV  1 time, or ''  2 token of this call  3 log id  4 milliseconds  5 token found in a claim without a log, or ''
-- Answers mine time | taken id token left (milliseconds that it is still its maker's, 0 or less when not)
${NOW}
local claim, time = KEYS[1], now(ARGV[1])
local held = redis.call('HMGET', claim, 'token', 'id', 'until')
local left = held[1] and held[3] - time
if held[1] and held[1] ~= ARGV[2] and not (held[1] == ARGV[5] and left <= 0) then
  return {'taken', held[2], held[1], left}
end
redis.call('HSET', claim, 'token', ARGV[2], 'id', ARGV[3], 'until', time + ARGV[4])
redis.call('PERSIST', claim)
return {'mine', time}
`,
);

export const SETTLE: Script = script(
  "settle",
  ["allow-oom"],
  `
-- Ends a claim: with its log after so many milliseconds, or at once. Another log's claim is left alone.
-- KEYS  1 claim
-- ARGV  1 log id  2 milliseconds, or '' for at once
-- Answers ok
local claim = KEYS[1]
if redis.call('HGET', claim, 'id') ~= ARGV[1] then return {'ok'} end
if ARGV[2] == '' then
  redis.call('DEL', claim)
else
  redis.call('HSET', claim, 'until', 0)
  redis.call('PEXPIRE', claim, ARGV[2])
end
return {'ok'}
`,
);
