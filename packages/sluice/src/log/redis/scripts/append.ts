import { NOW, script, type Script } from "./script.ts";

/**
 * What append and close share.
 *
 * An entry is one field of a stream record. A record holds the entries of one append, at most 64 of them or 16 KiB,
 * and its id is the sequence number of its **last** entry: XRANGE from n + 1 begins with the record that holds entry
 * n + 1. Logs that keep only their newest entries have one entry a record, so that they can be cut anywhere.
 */
const ADDING = `${NOW}
local RECORD_ENTRIES, RECORD_BYTES = 64, 16384

-- Whether the entries ARGV[from], ARGV[from + 1] and so on are what is stored after the place expected.
local function stored(entries, expected, from)
  local at, wanted = 0, #ARGV - from + 1
  local records = redis.call('XRANGE', entries, expected + 1, expected + wanted + RECORD_ENTRIES)
  for _, record in ipairs(records) do
    local last, fields = tonumber(string.match(record[1], '^%d+')), record[2]
    local count = #fields / 2
    for index = 1, count do
      local place = last - count + index
      if place > expected + at and at < wanted then
        if place ~= expected + at + 1 or fields[index * 2] ~= ARGV[from + at] then return false end
        at = at + 1
      end
    end
  end
  return at == wanted
end

-- Adds ARGV[from] and all after it behind the place last; answers their bytes.
local function add(entries, last, from, alone)
  local total, bytes, fields = 0, 0, {}
  for index = from, #ARGV do
    local entry = ARGV[index]
    total, bytes, last = total + #entry, bytes + #entry, last + 1
    fields[#fields + 1] = 'e'
    fields[#fields + 1] = entry
    if alone or index == #ARGV or #fields == 2 * RECORD_ENTRIES or bytes + #ARGV[index + 1] > RECORD_BYTES then
      redis.call('XADD', entries, string.format('%.0f', last), unpack(fields))
      bytes, fields = 0, {}
    end
  end
  return total
end

-- Drops the oldest records but keep; answers their bytes and how many they were.
local function drop(entries, keep)
  local over, bytes = redis.call('XLEN', entries) - keep, 0
  if over <= 0 then return 0, 0 end
  for _, record in ipairs(redis.call('XRANGE', entries, '-', '+', 'COUNT', over)) do bytes = bytes + #record[2][2] end
  redis.call('XTRIM', entries, 'MAXLEN', '=', keep)
  return bytes, over
end
`;

// A small append is told to the readers that wait, who are at its place: they need not read it.
const MESSAGE = `
local MESSAGE_BYTES = 8192

-- What the bell says: last, and the entries behind it, a line each, unless they are large or have line ends.
local function message(last, from)
  local text, bytes = string.format('%.0f', last), 0
  for index = from, #ARGV do
    bytes = bytes + #ARGV[index]
    if bytes > MESSAGE_BYTES or string.find(ARGV[index], '\\n', 1, true) then return text end
  end
  return text .. '\\n' .. table.concat(ARGV, '\\n', from)
end
`;

export const APPEND: Script = script(
  "append",
  [],
  `
-- Adds entries to the end of a log.
-- KEYS  1 log  2 entries  3 bell
-- ARGV  1 time, or ''  2 expected: the sequence number they follow  3 fence  4... entries, one or more
-- Answers ok last token short (0 or 1) | repeated last token | not-found | fenced fence | closed | conflict last token
--       | rewound last | max-bytes n | max-entries n
-- The token is that of the log's making. It is null for a log without a lease, which has no one producer.
${ADDING}${MESSAGE}
local log, entries, bell = KEYS[1], KEYS[2], KEYS[3]
local expected, count = tonumber(ARGV[2]), #ARGV - 3
local held = redis.call('HMGET', log, 'fence', 'last', 'closedAt', 'ttl', 'bytes', 'first', 'maxBytes', 'maxEntries',
  'keepLast', 'token', 'holder', 'rewound')
if not held[1] then return {'not-found'} end
if held[3] and held[3] + held[4] <= now(ARGV[1]) then return {'not-found'} end
if held[1] ~= ARGV[3] then return {'fenced', held[1]} end

local last, first = tonumber(held[2]), tonumber(held[6])
local token = held[11] ~= '' and held[10]
if expected < last and expected + 1 >= first and stored(entries, expected, 4) then
  return {'repeated', expected + count, token}
end
if held[3] then return {'closed'} end
if held[12] then return {'rewound', last} end
if expected ~= last then return {'conflict', last, token} end

local bytes = tonumber(held[5])
if held[7] then
  local more = 0
  for index = 4, #ARGV do more = more + #ARGV[index] end
  if bytes + more > tonumber(held[7]) then return {'max-bytes', held[7]} end
  if last + count > tonumber(held[8]) then return {'max-entries', held[8]} end
end

bytes = bytes + add(entries, last, 4, held[9])
last = last + count
if held[9] then
  local less, dropped = drop(entries, tonumber(held[9]))
  redis.call('HSET', log, 'last', last, 'bytes', bytes - less, 'first', first + dropped)
  redis.call('SPUBLISH', bell, last)
else
  redis.call('HSET', log, 'last', last, 'bytes', bytes)
  redis.call('SPUBLISH', bell, message(last, 4))
end
return {'ok', last, token, held[9] and 1 or 0}
`,
);

export const CLOSE: Script = script(
  "close",
  ["allow-oom"],
  `
-- Adds the last entries of a log, of which the last is the terminal, and closes it. Runs also when memory is full:
-- every run ends. No limit holds.
-- KEYS  1 log  2 entries  3 bell  4 stop bell
-- ARGV  1 time, or ''  2 expected: the sequence number they follow  3 fence  4 summary as JSON, or ''
--       5 milliseconds that the keys outlive the log  6... entries, one or more
-- Answers ok last token owner ttl [claim key] | repeated last token owner ttl [claim key] | not-found | fenced fence
--       | closed | conflict last token | rewound last
${ADDING}
local log, entries, bell, stop = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time, expected, count = now(ARGV[1]), tonumber(ARGV[2]), #ARGV - 5
local held = redis.call('HMGET', log, 'fence', 'last', 'closedAt', 'ttl', 'bytes', 'first', 'keepLast', 'owner',
  'claimKey', 'token', 'holder', 'rewound')
if not held[1] then return {'not-found'} end
if held[3] and held[3] + held[4] <= time then return {'not-found'} end
if held[1] ~= ARGV[3] then return {'fenced', held[1]} end

local last, first = tonumber(held[2]), tonumber(held[6])
local token = held[11] ~= '' and held[10]
if held[3] then
  local same = expected + count == last and expected + 1 >= first and stored(entries, expected, 6)
  if same then return {'repeated', last, token, held[8], held[4], held[9]} end
  return {'closed'}
end
if expected ~= last then return held[12] and {'rewound', last} or {'conflict', last, token} end

local bytes = tonumber(held[5]) + add(entries, last, 6, held[7])
last = last + count
if held[7] then
  local less, dropped = drop(entries, tonumber(held[7]))
  bytes, first = bytes - less, first + dropped
end
redis.call('HSET', log, 'last', last, 'bytes', bytes, 'first', first, 'closedAt', time)
if ARGV[4] ~= '' then redis.call('HSET', log, 'summary', ARGV[4]) end
local kept = string.format('%.0f', held[4] + ARGV[5])
redis.call('PEXPIRE', log, kept)
redis.call('PEXPIRE', entries, kept)
redis.call('SPUBLISH', bell, 'end')
redis.call('SPUBLISH', stop, 'end')
return {'ok', last, token, held[8], held[4], held[9]}
`,
);
