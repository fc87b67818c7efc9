import { systemClock } from "../base/clock.ts";
import type { Clock } from "../base/clock.ts";
import type { ChatEvent } from "../chat/events.ts";
import { parsePrompt } from "./demo-hints.ts";
import { createPace } from "./demo-pace.ts";
import type { Pace } from "./demo-pace.ts";
import { seededRandom } from "./demo-random.ts";
import type { SeededRandom } from "./demo-random.ts";
import { countWords, writeAnswer, writeReasoning } from "./demo-text.ts";
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
      const prompt = parsePrompt(messages.findLast(({ role }) => role === "user")?.content ?? "");
      const { question, hints } = prompt;
      const random = seededRandom(question);
      const pace = createPace({ hints, clock, signal, random: seededRandom(`pace ${question}`) });
      await pace.begin();

      if (hints.reasoning) {
        const text = writeReasoning({ topic: prompt.topic, random: seededRandom(`reasoning ${question}`) });
        yield* stream("reasoning", text, pace);
      }
      const weather = hints.tool === undefined ? undefined : weatherReport(random);
      if (weather !== undefined) yield* callWeather(weather, pace);
      const fact = weather && `The weather tool says: ${weather.celsius} °C and ${weather.sky} in ${weather.city}.`;
      yield* stream("text", writeAnswer({ ...prompt, words: hints.words, random, ...(fact && { fact }) }), pace);

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

interface Weather {
  readonly city: string;
  readonly celsius: number;
  readonly sky: string;
}

async function* callWeather(weather: Weather, pace: Pace): AsyncGenerator<ChatEvent> {
  const call = { toolCallId: "call-1", toolName: "weather" };
  const { city, celsius, sky } = weather;
  yield { type: "tool-input-start", ...call };
  for (const inputTextDelta of ['{"city":', `"${city.slice(0, 3)}`, `${city.slice(3)}"`, "}"]) {
    await pace.pause(40);
    yield { type: "tool-input-delta", toolCallId: call.toolCallId, inputTextDelta };
  }
  yield { type: "tool-input-available", ...call, input: { city } };
  await pace.pause(600);
  yield { type: "tool-output-available", toolCallId: call.toolCallId, output: { city, celsius, sky } };
}

function weatherReport(random: SeededRandom): Weather {
  const city = random.pick(["Lisbon", "Nairobi", "Osaka", "Tromsø", "Montréal"]);
  const sky = random.pick(["sunny", "cloudy", "windy", "rainy"]);
  return { city, celsius: 5 + random.int(25), sky };
}

function countInput(messages: readonly ModelMessage[]): number {
  return messages.reduce((total, { content }) => total + countWords(content), 0);
}
