import { NOW, script, type Script } from "./script.ts";

export const ENLIST: Script = script(
  "enlist",
  [],
  `
-- Gives a log its place among its owner's: microseconds, and later than every place given before.
-- KEYS  1 owner
-- ARGV  1 time, or ''  2 log id  3 'again' when the id was in the list before its log was made: then it moves to the
--       front  4 how many ids to name at random, so that those without a log are found
-- Answers ok time fresh (0 or 1) ids
${NOW}
local owner, time = KEYS[1], now(ARGV[1])
local newest = redis.call('ZRANGE', owner, '+inf', '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, 1, 'WITHSCORES')
local place = time * 1000
if newest[2] and tonumber(newest[2]) >= place then place = tonumber(newest[2]) + 1 end
local text, fresh = string.format('%.0f', place), 0
if ARGV[3] == 'again' then
  redis.call('ZADD', owner, text, ARGV[2])
else
  fresh = redis.call('ZADD', owner, 'NX', text, ARGV[2])
end
return {'ok', time, fresh, redis.call('ZRANDMEMBER', owner, ARGV[4])}
`,
);

export const PAGE: Script = script(
  "page",
  ["no-writes"],
  `
-- An owner's log ids, newest first.
-- KEYS  1 owner
-- ARGV  1 place that all are before, or '+inf'  2 how many
-- Answers ok list: id, place, id, place...
return {'ok', redis.call('ZRANGE', KEYS[1], ARGV[1], '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[2], 'WITHSCORES')}
`,
);

export const SWEEP: Script = script(
  "sweep",
  ["allow-oom"],
  `
-- Takes ids without a log out of their owner's list; not the young ones, whose log may be about to be made.
-- KEYS  1 owner
-- ARGV  1 time, or ''  2 milliseconds that count as young  3... ids
-- Answers ok
${NOW}
local before = (now(ARGV[1]) - ARGV[2]) * 1000
for index = 3, #ARGV do
  local place = redis.call('ZSCORE', KEYS[1], ARGV[index])
  if place and tonumber(place) < before then redis.call('ZREM', KEYS[1], ARGV[index]) end
end
return {'ok'}
`,
);

export const WATCH: Script = script(
  "watch",
  [],
  `
-- Notes a log that is about to be made among those whose lease may lapse.
-- KEYS  1 due
-- ARGV  1 time, or ''  2 log id  3 milliseconds of its lease
-- Answers ok
${NOW}
redis.call('ZADD', KEYS[1], 'NX', string.format('%.0f', now(ARGV[1]) + ARGV[3]), ARGV[2])
return {'ok'}
`,
);

export const DUE: Script = script(
  "due",
  ["allow-oom"],
  `
-- Names logs whose lease may have lapsed, and looks to it that nobody is declared dead who could not have renewed:
-- when no node has asked for a while, Redis was away (or all nodes were), and nothing is due for a whole lease. That
-- is not said twice in a row, so that those who ask seldom are answered too.
-- A score is the earliest time at which a log's lease may lapse. A renewal does not move it: who finds it due does.
-- KEYS  1 due  2 watch
-- ARGV  1 time, or ''  2 from which place in the list on  3 how many  4 grace in milliseconds
-- Answers ok time list: id, score, id, score... | wait
${NOW}
local time, grace = now(ARGV[1]), tonumber(ARGV[4])
local seen = redis.call('HMGET', KEYS[2], 'looked', 'grace')
local till = tonumber(seen[2] or 0)
if seen[1] and time - seen[1] > grace / 3 and time > till + grace then till = time + grace end
redis.call('HSET', KEYS[2], 'looked', time, 'grace', till)
if time < till then return {'wait'} end
return {'ok', time, redis.call('ZRANGE', KEYS[1], '-inf', time, 'BYSCORE', 'LIMIT', ARGV[2], ARGV[3], 'WITHSCORES')}
`,
);

export const HELD: Script = script(
  "held",
  ["no-writes"],
  `
-- How long the lease of a log lasts.
-- KEYS  1 log
-- ARGV  1 time, or ''
-- Answers lapsed | leased till | closed left (milliseconds to live) owner [claim key] | unleased | not-found
${NOW}
local time = now(ARGV[1])
local held = redis.call('HMGET', KEYS[1], 'ttl', 'closedAt', 'leaseUntil', 'owner', 'claimKey')
if not held[1] then return {'not-found'} end
if held[2] then return {'closed', held[2] + held[1] - time, held[4], held[5]} end
if not held[3] then return {'unleased'} end
if tonumber(held[3]) <= time then return {'lapsed'} end
return {'leased', held[3]}
`,
);
