import { NOW, SERVER, script, type Script } from "./script.ts";

export const REWIND: Script = script(
  "rewind",
  ["allow-oom"],
  `
-- Notes that the end of an open log is lost, and that its producer cannot append it again: only the terminal may
-- follow, and whoever reads after a number that is gone is told so. Nothing is noted when nothing is missing any more.
-- KEYS  1 log  2 bell
-- ARGV  1 time, or ''  2 expected: the number that was acknowledged  3 fence
--       4 'sure', or '' when the caller may be mistaken: then only a server that is another one is believed
-- Answers rewound last | whole | conflict last | not-found | fenced fence | closed
${NOW}${SERVER}
local log = KEYS[1]
local held = redis.call('HMGET', log, 'fence', 'last', 'closedAt', 'ttl', 'rewound', 'server')
if not held[1] then return {'not-found'} end
if held[3] and held[3] + held[4] <= now(ARGV[1]) then return {'not-found'} end
if held[1] ~= ARGV[3] then return {'fenced', held[1]} end
local last = tonumber(held[2])
if last >= tonumber(ARGV[2]) then return {'whole'} end
if held[3] then return {'closed'} end
if held[5] then return {'rewound', last} end
if ARGV[4] == '' and held[6] == server() then return {'conflict', last} end
redis.call('HSET', log, 'rewound', last)
redis.call('SPUBLISH', KEYS[2], 'rewound')
return {'rewound', last}
`,
);
