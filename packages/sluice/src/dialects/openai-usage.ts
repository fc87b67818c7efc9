import { isObject } from "../base/json.ts";
import type { Usage } from "../chat/index.ts";

/**
 * Usage as both APIs of OpenAI count it, under either one's names: `prompt_tokens` or `input_tokens`, and so on.
 * Numbers that are no counts are left out; undefined when none is left.
 */
export function openAIUsage(value: unknown): Usage | undefined {
  if (!isObject(value)) return undefined;
  const output = value["completion_tokens_details"] ?? value["output_tokens_details"];
  const input = value["prompt_tokens_details"] ?? value["input_tokens_details"];
  const usage: Usage = {
    ...count("inputTokens", value["prompt_tokens"] ?? value["input_tokens"]),
    ...count("outputTokens", value["completion_tokens"] ?? value["output_tokens"]),
    ...count("totalTokens", value["total_tokens"]),
    ...count("reasoningTokens", isObject(output) ? output["reasoning_tokens"] : undefined),
    ...count("cachedInputTokens", isObject(input) ? input["cached_tokens"] : undefined),
  };
  return Object.keys(usage).length === 0 ? undefined : usage;
}

/** The same the other way, by the names of the chat API. */
export function toOpenAIUsage({ inputTokens, outputTokens, totalTokens }: Usage): Readonly<Record<string, number>> {
  return {
    ...(inputTokens === undefined ? {} : { prompt_tokens: inputTokens }),
    ...(outputTokens === undefined ? {} : { completion_tokens: outputTokens }),
    ...(totalTokens === undefined ? {} : { total_tokens: totalTokens }),
  };
}

function count(name: keyof Usage, value: unknown): Usage {
  return Number.isSafeInteger(value) && Number(value) >= 0 ? { [name]: Number(value) } : {};
}
