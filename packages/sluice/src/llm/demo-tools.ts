import type { ChatEvent } from "../chat/events.ts";
import type { DemoTool } from "./demo-hints.ts";
import type { Pace } from "./demo-pace.ts";
import type { SeededRandom } from "./demo-random.ts";

/** One call of a tool, as a model and its provider would tell of it. */
export interface ToolCall {
  /** A sentence about what came of it. */
  readonly fact: string;
  /** A step of the run begins before the first event and ends after the answer. The events end one and begin another. */
  readonly hasSteps: boolean;
  events(pace: Pace): AsyncGenerator<ChatEvent>;
}

/** What `tool=…` asks for, with what the tool will say: the same for the same random numbers. */
export function toolCall(tool: DemoTool, topic: string, random: SeededRandom): ToolCall {
  switch (tool) {
    case "weather":
      return weather(random);
    case "search":
      return search(topic, random);
    case "broken":
      return {
        fact: "The tool `read_archive` failed, and I go on without it.",
        hasSteps: false,
        events: readArchive,
      };
    case "denied":
      return {
        fact: "Nobody approved of `delete_notes`, so it did not run.",
        hasSteps: false,
        events: deleteNotes,
      };
  }
}

const CALL = { toolCallId: "call-1" };

function weather(random: SeededRandom): ToolCall {
  const city = random.pick(["Lisbon", "Nairobi", "Osaka", "Tromsø", "Montréal"]);
  const sky = random.pick(["sunny", "cloudy", "windy", "rainy"]);
  const celsius = 5 + random.int(25);
  return {
    fact: `The weather tool says: ${celsius} °C and ${sky} in ${city}.`,
    hasSteps: false,
    async *events(pace) {
      const input = ['{"city":', `"${city.slice(0, 3)}`, `${city.slice(3)}"`, "}"];
      yield* callWith("weather", input, { city }, pace);
      await pace.pause(600);
      yield { type: "tool-output-available", ...CALL, output: { city, celsius, sky } };
    },
  };
}

/** Its output comes in two pieces, the first of them preliminary. */
function search(topic: string, random: SeededRandom): ToolCall {
  // A topic has letters, digits and spaces alone: in JSON it stands as it is.
  const query = topic === "" ? "anything" : topic;
  const pages = Array.from({ length: 3 }, (_, index) => ({
    title: `${query}, page ${index + 1}`,
    score: Math.round((0.95 - index * 0.2 - random.float() * 0.1) * 100) / 100,
  }));
  return {
    fact: "The search tool found three pages. They are made up, like all that it finds.",
    hasSteps: true,
    async *events(pace) {
      const words = query.split(" ").map((word, index) => (index === 0 ? `"${word}` : ` ${word}`));
      yield* callWith("search", ['{"query":', ...words, '","limit":3}'], { query, limit: 3 }, pace);
      await pace.pause(500);
      yield { type: "tool-output-available", ...CALL, output: { pages: pages.slice(0, 1) }, preliminary: true };
      await pace.pause(500);
      yield { type: "tool-output-available", ...CALL, output: { pages } };
      yield { type: "finish-step" };
      yield { type: "start-step" };
    },
  };
}

async function* readArchive(pace: Pace): AsyncGenerator<ChatEvent> {
  yield* callWith("read_archive", ['{"year":', "1789}"], { year: 1789 }, pace);
  await pace.pause(600);
  yield { type: "tool-output-error", ...CALL, errorText: "The archive has nothing before 1901." };
}

async function* deleteNotes(pace: Pace): AsyncGenerator<ChatEvent> {
  yield* callWith("delete_notes", ['{"notes":', '"all"}'], { notes: "all" }, pace);
  yield { type: "tool-approval-request", ...CALL, approvalId: "approval-1" };
  await pace.pause(1_500);
  yield { type: "tool-output-denied", ...CALL };
}

/** The input comes in fragments. */
async function* callWith(
  toolName: string,
  fragments: readonly string[],
  input: unknown,
  pace: Pace,
): AsyncGenerator<ChatEvent> {
  yield { type: "tool-input-start", ...CALL, toolName };
  for (const inputTextDelta of fragments) {
    await pace.pause(40);
    yield { type: "tool-input-delta", ...CALL, inputTextDelta };
  }
  yield { type: "tool-input-available", ...CALL, toolName, input };
}
