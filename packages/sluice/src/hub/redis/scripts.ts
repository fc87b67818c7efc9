import { script, type Script } from "../../log/redis/scripts/script.ts";
import { ENTRY_COST } from "../ring.ts";

/**
 * What all of them begin with.
 * KEYS  1 topic  2 events  3 ring (channel) ...
 * ARGV  1 epoch of a topic that is made now  2 its time to live  3 events to keep at least  4 bytes to keep at least ...
 *
 * The number of an event is the time of Redis in microseconds, or one more than the last: a fail-over that loses events
 * does not give their numbers to others. Time to live is counted from the last call of any of these scripts.
 */
const TOPIC = `
local COST = ${ENTRY_COST}
local function text(number) return string.format('%.0f', number) end
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local millis = math.floor(micros / 1000)

local held = redis.call('HMGET', KEYS[1], 'epoch', 'last', 'dropped', 'bytes')
-- The events may go without the topic where the memory of Redis is short.
if not held[1] or (held[2] ~= held[3] and redis.call('EXISTS', KEYS[2]) == 0) then
  held = {ARGV[1], 0, 0, 0}
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'last', 0, 'dropped', 0, 'bytes', 0)
end
local epoch, last, dropped, bytes = held[1], tonumber(held[2]), tonumber(held[3]), tonumber(held[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])

local added = {}
local function add(event)
  last = math.max(last + 1, micros)
  added[#added + 1] = text(last)
  redis.call('XADD', KEYS[2], text(last), 'e', event)
  bytes = bytes + #event + COST
end

-- Drops what need not be kept, and rings.
local function done()
  if #added == 0 then return end
  local over = redis.call('XLEN', KEYS[2]) - ARGV[3]
  while over > 0 and bytes > tonumber(ARGV[4]) do
    local gone = 0
    for _, record in ipairs(redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', math.min(over, 64))) do
      if bytes <= tonumber(ARGV[4]) then break end
      bytes, gone, dropped = bytes - #record[2][2] - COST, gone + 1, tonumber(string.match(record[1], '^%d+'))
    end
    if gone == 0 then break end
    redis.call('XTRIM', KEYS[2], 'MAXLEN', '=', redis.call('XLEN', KEYS[2]) - gone)
    over = over - gone
  end
  redis.call('HSET', KEYS[1], 'last', text(last), 'dropped', text(dropped), 'bytes', text(bytes))
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  redis.call('SPUBLISH', KEYS[3], text(last))
end
`;

/** `stopped(typing, but)`: tells of those who have stopped typing meanwhile, all but one. Needs `TOPIC`. */
const STOPPED = `
local function typist(name, is)
  add('typing\\nj{"isTyping":' .. is .. ',"who":' .. cjson.encode(name) .. '}')
end
local function stopped(typing, but)
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', typing, '-inf', millis)) do
    if name ~= but then
      redis.call('ZREM', typing, name)
      typist(name, 'false')
    end
  end
end
`;

export const PUBLISH: Script = script(
  "topic-publish",
  [],
  `
-- Adds events, in one go. Sent again, it adds nothing, and answers the same.
-- KEYS  4 sent: what this node sent last
-- ARGV  5 number of this call, of this node  6... events
-- Answers ok epoch numbers
local again = redis.call('HMGET', KEYS[4], 'call', 'epoch', 'numbers')
if again[1] == ARGV[5] then return {'ok', again[2], cjson.decode(again[3])} end
${TOPIC}
for index = 6, #ARGV do add(ARGV[index]) end
done()
redis.call('HSET', KEYS[4], 'call', ARGV[5], 'epoch', epoch, 'numbers', cjson.encode(added))
redis.call('PEXPIRE', KEYS[4], 60000)
return {'ok', epoch, added}
`,
);

export const READ: Script = script(
  "topic-read",
  ["allow-oom"],
  `
-- What comes after a number: a page of it.
-- ARGV  5 after: a number; or '' for what is kept  6 most events
-- Answers ok epoch dropped last records
${TOPIC}
local after = ARGV[5] == '' and dropped or tonumber(ARGV[5])
local records = {}
if after < last then records = redis.call('XRANGE', KEYS[2], text(after + 1), '+', 'COUNT', ARGV[6]) end
return {'ok', epoch, text(dropped), text(last), records}
`,
);

export const BEFORE: Script = script(
  "topic-before",
  ["allow-oom"],
  `
-- Where one begins who wants the newest events.
-- ARGV  5 how many
-- Answers ok epoch number
${TOPIC}
if ARGV[5] == '0' then return {'ok', epoch, text(last)} end
local records = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', ARGV[5] + 1)
if #records <= tonumber(ARGV[5]) then return {'ok', epoch, text(dropped)} end
return {'ok', epoch, string.match(records[#records][1], '^%d+')}
`,
);

export const PRESENT: Script = script(
  "topic-present",
  ["allow-oom"],
  `
-- Renews the lease of a node, sets how many connections it has by name, and takes out nodes whose lease is over. The
-- first and the last of a name become events. So does the end of typing, where the node is gone that was to tell it.
-- KEYS  4 nodes: until when each counts  5 here: connections by node and name  6 typing
-- ARGV  5 node  6 lease  7 connections of the node in all  8... name, connections, name, connections...
-- Answers ok known (1 when its lease was not over: else all names are to be told again)
${TOPIC}${STOPPED}
local nodes, here, node = KEYS[4], KEYS[5], ARGV[5]
local known = redis.call('ZSCORE', nodes, node)
local names, before = {}, {}

local function isThere(name)
  for _, one in ipairs(redis.call('ZRANGE', nodes, 0, -1)) do
    if redis.call('HEXISTS', here, one .. ' ' .. name) == 1 then return true end
  end
  return false
end
local function look(name)
  if before[name] ~= nil then return end
  before[name] = isThere(name)
  names[#names + 1] = name
end

local gone, lost = {}, {}
for _, one in ipairs(redis.call('ZRANGEBYSCORE', nodes, '-inf', millis)) do gone[one] = true end
if next(gone) then
  for index, field in ipairs(redis.call('HKEYS', here)) do
    local one, name = string.match(field, '^(%S+) (.*)$')
    if gone[one] then
      look(name)
      lost[#lost + 1] = field
    end
  end
end
for index = 8, #ARGV, 2 do look(ARGV[index]) end

for _, field in ipairs(lost) do redis.call('HDEL', here, field) end
for one in pairs(gone) do redis.call('ZREM', nodes, one) end
if gone[node] then known = false end
for index = 8, #ARGV, 2 do
  local field = node .. ' ' .. ARGV[index]
  if ARGV[index + 1] == '0' then redis.call('HDEL', here, field)
  else redis.call('HSET', here, field, ARGV[index + 1]) end
end
if ARGV[7] == '0' then redis.call('ZREM', nodes, node)
else redis.call('ZADD', nodes, text(millis + ARGV[6]), node) end
redis.call('PEXPIRE', nodes, ARGV[2])
redis.call('PEXPIRE', here, ARGV[2])

for _, name in ipairs(names) do
  local is = isThere(name)
  if name ~= '' and before[name] ~= is then
    add('presence\\nj{"' .. (is and 'joined' or 'left') .. '":' .. cjson.encode(name) .. '}')
  end
end
stopped(KEYS[6])
done()
return {'ok', known and 1 or 0}
`,
);

export const MEMBERS: Script = script(
  "topic-members",
  ["no-writes"],
  `
-- KEYS  1 nodes  2 here
-- Answers ok names-and-connections
local time = redis.call('TIME')
local alive, found = {}, {}
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000) + 1, '+inf')) do
  alive[node] = true
end
local fields = redis.call('HGETALL', KEYS[2])
for index = 1, #fields, 2 do
  local node, name = string.match(fields[index], '^(%S+) (.*)$')
  if alive[node] then
    found[#found + 1] = name
    found[#found + 1] = fields[index + 1]
  end
end
return {'ok', found}
`,
);

export const TYPING: Script = script(
  "topic-typing",
  ["allow-oom"],
  `
-- Who types, and who has stopped meanwhile.
-- KEYS  4 typing: until when each does
-- ARGV  5 for how long from now on; 0: no more  6 name; absent: only who has stopped
${TOPIC}${STOPPED}
stopped(KEYS[4], ARGV[5] ~= '0' and ARGV[6])
if ARGV[6] and ARGV[5] == '0' then
  if redis.call('ZREM', KEYS[4], ARGV[6]) == 1 then typist(ARGV[6], 'false') end
elseif ARGV[6] then
  if redis.call('ZADD', KEYS[4], text(millis + ARGV[5]), ARGV[6]) == 1 then typist(ARGV[6], 'true') end
end
redis.call('PEXPIRE', KEYS[4], ARGV[2])
done()
return {'ok'}
`,
);
