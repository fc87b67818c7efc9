import { systemClock } from "../base/clock.ts";
import type { Clock } from "../base/clock.ts";
import type { ChatEvent } from "../chat/events.ts";
import { extrasOf } from "./demo-extras.ts";
import { describeFiles } from "./demo-files.ts";
import { parsePrompt } from "./demo-hints.ts";
import { createPace } from "./demo-pace.ts";
import type { Pace } from "./demo-pace.ts";
import { seededRandom } from "./demo-random.ts";
import { countWords, writeAnswer, writeReasoning } from "./demo-text.ts";
import { toolCall } from "./demo-tools.ts";
import type { Model, ModelMessage } from "./types.ts";

export interface DemoModelOptions {
  readonly clock?: Clock;
  /** Default `demo`. */
  readonly name?: string;
}

/**
 * A model without a language model behind it, for trying out, tests and load. The same last message of the user gives
 * the same text; hints in it (`DemoHints`) steer length, pace and trouble.
 *
 * A token is a word here, with the whitespace before it. `usage` counts words: input is every message of the request,
 * output is reasoning and answer. The input and output of a tool are not counted.
 */
export function createDemoModel(options: DemoModelOptions = {}): Model {
  const { clock = systemClock, name = "demo" } = options;
  return {
    name,
    async *stream({ messages }, signal) {
      const asked = messages.findLast(({ role }) => role === "user");
      const prompt = parsePrompt(asked?.content ?? "");
      const { question, hints } = prompt;
      const random = seededRandom(question);
      const pace = createPace({ hints, clock, signal, random: seededRandom(`pace ${question}`) });
      await pace.begin();

      const tool = hints.tool && toolCall(hints.tool, prompt.topic, random);
      if (tool?.hasSteps === true) yield { type: "start-step" };
      if (hints.reasoning) {
        const text = writeReasoning({ topic: prompt.topic, random: seededRandom(`reasoning ${question}`) });
        yield* stream("reasoning", text, pace);
      }
      if (tool !== undefined) yield* tool.events(pace);
      const facts = [tool?.fact, describeFiles(asked?.files ?? [])].filter((fact) => fact !== undefined);
      yield* stream("text", writeAnswer({ ...prompt, words: hints.words, random, facts }), pace);
      yield* extrasOf(hints, seededRandom(`extras ${question}`));
      if (tool?.hasSteps === true) yield { type: "finish-step" };

      const inputTokens = countInput(messages);
      const usage = { inputTokens, outputTokens: pace.tokens, totalTokens: inputTokens + pace.tokens };
      yield { type: "finish", finishReason: "stop", messageMetadata: { usage } };
    },
  };
}

async function* stream(kind: "text" | "reasoning", text: Iterable<string>, pace: Pace): AsyncGenerator<ChatEvent> {
  const id = `${kind}-1`;
  yield { type: `${kind}-start`, id };
  for (const piece of text) {
    for (const [delta] of piece.matchAll(TOKEN)) {
      const wait = pace.token();
      if (wait !== undefined) await wait;
      yield { type: `${kind}-delta`, id, delta };
    }
  }
  await pace.end();
  yield { type: `${kind}-end`, id };
}

const TOKEN = /\s*\S+/g;

function countInput(messages: readonly ModelMessage[]): number {
  return messages.reduce((total, { content }) => total + countWords(content), 0);
}
