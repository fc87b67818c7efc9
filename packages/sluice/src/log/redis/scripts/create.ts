import { GONE, NOW, SERVER, STATE, script, type Script } from "./script.ts";

export const CREATE: Script = script(
  "create",
  [],
  `
-- Makes an empty log. The same call again (a client that lost the answer) is answered as the first time. After its
-- deadline nothing is made: by then the claim may be another's, and the indexes may have been swept.
-- KEYS  1 log  2 entries
-- ARGV  1 time, or ''  2 token of this call  3 deadline  4 holder  5 milliseconds of the lease, or '' for no lease
--       6... fields and values
-- Answers ok and the state's fields | exists owner | late
${NOW}${GONE}${SERVER}${STATE}
local log, time = KEYS[1], now(ARGV[1])
if not gone(log, time) then
  local held = redis.call('HMGET', log, 'token', 'owner')
  if held[1] ~= ARGV[2] then return {'exists', held[2]} end
  return {'ok', state(log)}
end
if time > tonumber(ARGV[3]) then return {'late'} end
redis.call('DEL', log, KEYS[2])
redis.call('HSET', log, 'token', ARGV[2], 'createdAt', time, 'first', 1, 'last', 0, 'bytes', 0, 'fence', 1,
  'holder', ARGV[4], unpack(ARGV, 6))
if ARGV[5] ~= '' then redis.call('HSET', log, 'leaseUntil', time + ARGV[5], 'server', server()) end
return {'ok', state(log)}
`,
);

export const LEASE: Script = script(
  "lease",
  [],
  `
-- Takes or renews the right to append. Nobody takes a log that was made without a lease. Where the server is another
-- than the one that the log was made on, a fail-over may have lost entries that only the former holder could repeat:
-- whoever has a number after the last one is told so from then on (rewound).
-- KEYS  1 log
-- ARGV  1 time, or ''  2 holder  3 milliseconds  4 fence that is renewed, or ''
-- Answers ok fence expiresAt | not-found | closed | fenced fence | held
${NOW}${GONE}${SERVER}
local log, time = KEYS[1], now(ARGV[1])
if gone(log, time) then return {'not-found'} end
local held = redis.call('HMGET', log, 'closedAt', 'holder', 'leaseUntil', 'fence', 'server', 'last')
if held[1] then return {'closed'} end
local fence = tonumber(held[4])
if ARGV[4] ~= '' and ARGV[4] ~= held[4] then return {'fenced', fence} end
if held[2] ~= ARGV[2] then
  if not held[3] or tonumber(held[3]) > time then return {'held'} end
  fence = fence + 1
  if held[5] ~= server() then redis.call('HSETNX', log, 'rewound', held[6]) end
end
local till = time + ARGV[3]
redis.call('HSET', log, 'holder', ARGV[2], 'leaseUntil', till, 'fence', fence)
return {'ok', fence, till}
`,
);

export const STOP: Script = script(
  "stop",
  ["allow-oom"],
  `
-- Asks the producer of an open log to stop.
-- KEYS  1 log  2 stop bell
-- ARGV  1 time, or ''
-- Answers ok and the state's fields | not-found
${NOW}${GONE}${STATE}
local log = KEYS[1]
if gone(log, now(ARGV[1])) then return {'not-found'} end
if redis.call('HEXISTS', log, 'closedAt') == 0 and redis.call('HSETNX', log, 'stop', 1) == 1 then
  redis.call('SPUBLISH', KEYS[2], 'stop')
end
return {'ok', state(log)}
`,
);

export const DELETE: Script = script(
  "delete",
  ["allow-oom"],
  `
-- Removes a log.
-- KEYS  1 log  2 entries  3 bell  4 stop bell
-- ARGV  1 time, or ''
-- Answers ok owner [claim key] | not-found
${NOW}${GONE}
local log = KEYS[1]
local held = redis.call('HMGET', log, 'owner', 'claimKey')
local none = gone(log, now(ARGV[1]))
redis.call('DEL', log, KEYS[2])
if none then return {'not-found'} end
redis.call('SPUBLISH', KEYS[3], 'gone')
redis.call('SPUBLISH', KEYS[4], 'gone')
return {'ok', held[1], held[2]}
`,
);
