import { describe, expect, it } from "vitest";
import { UNPACED_RATE, parsePrompt } from "../../src/llm/demo-hints.ts";
import { createDemoModel } from "../../src/llm/index.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";

describe("hints", () => {
  it("have defaults", () => {
    expect(parsePrompt("Hello, world!")).toEqual({
      question: "Hello, world!",
      topic: "Hello world",
      hints: { words: 120, rate: 40, reasoning: false },
      complaints: [],
    });
  });

  it("are found anywhere, in any case, and taken out of the question", () => {
    const prompt = parsePrompt(
      "RATE=50 Tell me (words=400), ttft=300, fail-after=120. Then\nstall-after=7 `tool=weather` reasoning=on why?",
    );
    expect(prompt.hints).toEqual({
      words: 400,
      rate: 50,
      ttft: 300,
      failAfter: 120,
      stallAfter: 7,
      reasoning: true,
      tool: "weather",
    });
    expect(prompt.question).not.toMatch(/\w=/);
    expect(prompt.complaints).toEqual([]);
  });

  it.each([
    ["words=1,000,000", { words: 1_000_000 }],
    ["words=5 words=6", { words: 6 }],
    ["words=12.9", { words: 12 }],
    ["words=400.", { words: 400 }],
    ["rate=max", { rate: UNPACED_RATE }],
    ["rate=250000", { rate: 250_000 }],
    ["rate=0.5", { rate: 0.5 }],
    ["fail-after=500", { words: 500, failAfter: 500 }],
    ["fail-after=500 words=10", { words: 10, failAfter: 500 }],
    ["keywords=3 x-words=3 words = 3", { words: 120 }],
    ["unreasoning", { reasoning: false }],
    ["reasoning=off", { reasoning: false }],
    ["tool=search sources=0 file=table", { tool: "search", sources: 0, file: "table" }],
    ["datasources=3 filename=x", {}],
  ])("%s is understood", (prompt, hints) => {
    const parsed = parsePrompt(prompt);
    expect(parsed.hints).toMatchObject(hints);
    expect(parsed.complaints).toEqual([]);
  });

  it.each([
    ["words=0", { words: 1 }, "`words` takes a number from 1 to 1000000; I use 1."],
    ["words=2000000", { words: 1_000_000 }, "`words` takes a number from 1 to 1000000; I use 1000000."],
    ["words=many", { words: 120 }, "`words` takes a number from 1 to 1000000; I use the default."],
    ["words=", { words: 120 }, "`words` takes a number from 1 to 1000000; I use the default."],
    ["words=0x10", { words: 120 }, "`words` takes a number from 1 to 1000000; I use the default."],
    ["rate=0", { rate: 0.1 }, "`rate` takes a number from 0.1, or max; I use 0.1."],
    ["rate=Infinity", { rate: 40 }, "`rate` takes a number from 0.1, or max; I use the default."],
    ["ttft=-5", { ttft: 0 }, "`ttft` takes a number from 0 to 600000; I use 0."],
    ["fail-after=-1", { failAfter: 0 }, "`fail-after` takes a number from 0 to 1000000; I use 0."],
    ["reasoning=maybe", { reasoning: false }, "`reasoning` takes on or off; I ignore it."],
    ["tool=hammer", {}, "`tool` takes weather or search or broken or denied; I ignore it."],
    ["sources=21", { sources: 20 }, "`sources` takes a number from 0 to 20; I use 20."],
    ["file=film", {}, "`file` takes picture or table; I ignore it."],
  ])("%s is corrected, with a word about what is allowed", (prompt, hints, complaint) => {
    const parsed = parsePrompt(prompt);
    expect(parsed.hints).toMatchObject(hints);
    expect(parsed.complaints).toEqual([complaint]);
  });

  it("that were corrected are named in the first line of the answer, before anything else but who speaks", async () => {
    const clock = createManualClock();
    let text = "";
    const reading = (async () => {
      const messages = [{ role: "user", content: "words=many rate=fast tool=hammer" }] as const;
      for await (const event of createDemoModel({ clock }).stream({ messages }, new AbortController().signal)) {
        if (event.type === "text-delta") text += event.delta;
      }
    })();
    await clock.advance(60_000);
    await reading;
    expect(text.split("\n")[0]).toBe(
      "This is Sluice's demo model: no language model is behind it. `words` takes a number from 1 to 1000000; " +
        "I use the default. `rate` takes a number from 0.1, or max; I use the default. " +
        "`tool` takes weather or search or broken or denied; I ignore it.",
    );
  });

  it("take linear time, however long the prompt", () => {
    const long = "words=".repeat(200_000) + "reasoning " + "'".repeat(200_000);
    expect(parsePrompt(long).hints.words).toBe(120);
  });
});
