import { isObject } from "../base/json.ts";

/** A whole chat completion, worded as the one chunk of a stream. What is none is passed on, for its reader to refuse. */
export function asChunk(completion: unknown): unknown {
  if (!isObject(completion) || !Array.isArray(completion["choices"])) return completion;
  return { ...completion, object: "chat.completion.chunk", choices: completion["choices"].map(asDelta) };
}

function asDelta(choice: unknown): unknown {
  if (!isObject(choice) || !isObject(choice["message"])) return choice;
  const { message, ...rest } = choice;
  const calls = message["tool_calls"];
  if (!Array.isArray(calls)) return { ...rest, delta: message };
  const numbered = calls.map((call: unknown, index) => (isObject(call) ? { index, ...call } : call));
  return { ...rest, delta: { ...message, tool_calls: numbered } };
}
