import { GONE, NOW, SERVER, STATE, script, type Script } from "./script.ts";

export const READ: Script = script(
  "read",
  ["no-writes"],
  `
-- Reads what comes after a place, until there are enough entries or bytes. It may give a few entries more than were
-- asked for, before the place (those of the same record) or at the end: the reader cuts.
-- KEYS  1 log  2 entries
-- ARGV  1 time, or ''  2 after  3 most entries  4 enough bytes
-- Answers not-found | rewound last: what the reader has may have been lost, and another entry be in its place
--       | short last closed (0 or 1) moved (0 or 1): the log ends before the place, and was made on another server or not
--       | ok first last closed (0 or 1) records: a list of {id, {'e', entry, 'e', entry...}}
${NOW}${SERVER}
local after, most, enough = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local held = redis.call('HMGET', KEYS[1], 'ttl', 'closedAt', 'first', 'last', 'rewound')
if not held[1] then return {'not-found'} end
if held[2] and held[2] + held[1] <= now(ARGV[1]) then return {'not-found'} end
local first, last = tonumber(held[3]), tonumber(held[4])
-- The end of such a log has a number that a lost entry may have had: whoever has it is not sure to have the end.
if held[5] and after > tonumber(held[5]) then return {'rewound', held[5]} end
if after > last then
  local made = redis.call('HGET', KEYS[1], 'server')
  return {'short', last, held[2] and 1 or 0, made and made ~= server() and 1 or 0}
end
local answer = {'ok', first, last, held[2] and 1 or 0, {}}
if after == last or after + 1 < first then return answer end

-- Records have no common size, so they are asked for in steps that grow.
local from, step, entries, bytes = after + 1, 8, 0, 0
while from <= last and entries < most and bytes <= enough do
  local records = redis.call('XRANGE', KEYS[2], string.format('%.0f', from), '+', 'COUNT', step)
  if #records == 0 then break end
  for _, record in ipairs(records) do
    if entries >= most or bytes > enough then break end
    local till, fields = tonumber(string.match(record[1], '^%d+')), record[2]
    for index = math.max(1, #fields / 2 - (till - from)), #fields / 2 do
      entries, bytes = entries + 1, bytes + #fields[index * 2]
    end
    answer[5][#answer[5] + 1] = record
    from = till + 1
  end
  step = step * 2
end
return answer
`,
);

export const READ_STATE: Script = script(
  "state",
  ["no-writes"],
  `
-- KEYS  1 log
-- ARGV  1 time, or ''
-- Answers ok and the state's fields | not-found
${NOW}${GONE}${STATE}
if gone(KEYS[1], now(ARGV[1])) then return {'not-found'} end
return {'ok', state(KEYS[1])}
`,
);
