import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { createOrder, fold } from "../../src/chat/index.ts";
import type { ChatEvent } from "../../src/chat/index.ts";
import { createDemoModel } from "../../src/llm/index.ts";
import type { ModelMessage } from "../../src/llm/index.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";

const never = new AbortController().signal;

/** Without pace, unless the prompt asks for one: then `clock` has to be moved. */
async function ask(content: string, earlier: readonly ModelMessage[] = []): Promise<ChatEvent[]> {
  const messages: ModelMessage[] = [...earlier, { role: "user", content }];
  const events: ChatEvent[] = [];
  for await (const event of createDemoModel().stream({ messages }, never)) events.push(event);
  return events;
}

interface Timed {
  readonly at: number;
  readonly event: ChatEvent;
}

/** With time moved on as fast as the model can follow. */
async function askPaced(content: string): Promise<{ readonly events: readonly Timed[]; readonly timersSet: number }> {
  const manual = createManualClock();
  let timersSet = 0;
  const clock: Clock = {
    now: manual.now,
    timer: (ms, run) => {
      timersSet += 1;
      return manual.timer(ms, run);
    },
  };
  const events: Timed[] = [];
  const reading = (async () => {
    for await (const event of createDemoModel({ clock }).stream({ messages: [{ role: "user", content }] }, never)) {
      events.push({ at: manual.now(), event });
    }
  })();
  await manual.advance(24 * 60 * 60 * 1_000);
  await reading;
  return { events, timersSet };
}

function textOf(events: readonly ChatEvent[], type: "text-delta" | "reasoning-delta" = "text-delta"): string {
  return events.map((event) => (event.type === type ? event.delta : "")).join("");
}

function wordsOf(text: string): number {
  return text.split(/\s+/).filter((word) => word !== "").length;
}

const PROMPTS = [
  "",
  "Hi",
  "How do CRDTs merge?",
  "解释一下河流",
  "<script>alert(1)</script> [x](y) # `",
  "اشرح لي الجسور",
];

describe("the text", () => {
  it("is the same for the same prompt, whatever the pace and whatever was said before", async () => {
    const plain = textOf(await ask("rate=max Explain rivers words=300"));
    const earlier: ModelMessage[] = [
      { role: "system", content: "Be brief. words=5" },
      { role: "user", content: "Explain bridges" },
      { role: "assistant", content: "No." },
    ];
    expect(textOf(await ask("Explain rivers words=300 rate=max", earlier))).toBe(plain);
    for (const pace of ["", "rate=7", "rate=99999", "ttft=5 rate=800"]) {
      const { events } = await askPaced(`Explain rivers ${pace} words=300`);
      expect(textOf(events.map(({ event }) => event))).toBe(plain);
    }
  });

  it("differs from prompt to prompt", async () => {
    const texts = await Promise.all(PROMPTS.map(async (prompt) => textOf(await ask(`${prompt} rate=max`))));
    expect(new Set(texts).size).toBe(PROMPTS.length);
  });

  it("has exactly the words that were asked for", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.integer({ min: 1, max: 150 }), fc.integer({ min: 150, max: 3_000 })),
        fc.string({ unit: "grapheme", maxLength: 60 }).map((text) => text.replaceAll("=", " ")),
        fc.subarray(["reasoning=on", "tool=weather", "ttft=soon", "stall-after=x"]),
        async (words, prompt, hints) => {
          const events = await ask(`${prompt} words=${words} ${hints.join(" ")} rate=max`);
          expect(wordsOf(textOf(events))).toBe(words);
        },
      ),
      { numRuns: 150 },
    );
    for (let words = 1; words <= 160; words++) {
      expect(wordsOf(textOf(await ask(`words=${words} rate=max`)))).toBe(words);
    }
  });

  it("has 120 words when no number is given", async () => {
    for (const prompt of PROMPTS) expect(wordsOf(textOf(await ask(`${prompt} rate=max`)))).toBe(120);
  });

  it("comes a word at a time", async () => {
    const events = await ask("rate=max words=500");
    const deltas = events.flatMap((event) => (event.type === "text-delta" ? [event.delta] : []));
    expect(deltas).toHaveLength(500);
    expect(deltas.filter((delta) => !/^\s*\S+$/.test(delta))).toEqual([]);
  });

  it("says first that it is a demo and that there is no language model", async () => {
    for (const prompt of PROMPTS) {
      expect(textOf(await ask(`${prompt} rate=max`))).toMatch(
        /^This is Sluice's demo model: no language model is behind it\./,
      );
    }
    for (let words = 4; words < 15; words++) {
      expect(textOf(await ask(`words=${words} rate=max`))).toMatch(/^[^.]*demo[^.]*no language model[^.]*\./i);
    }
  });

  it("shows a heading, a list, a table, code and four scripts, at its default length already", async () => {
    for (const prompt of [...PROMPTS, ..."a b c d e f g h i j k l m n o p q r s t u v w".split(" ")]) {
      const text = textOf(await ask(`${prompt} rate=max`));
      expect(text).toMatch(/^## /m);
      expect(text).toMatch(/^- /m);
      expect(text).toMatch(/^\| --- \| --- \|$/m);
      expect(text).toMatch(/^```\w+\n[^`]+\n```$/m);
      expect(text).toMatch(/\p{Script=Han}/u);
      expect(text).toMatch(/\p{Script=Arabic}/u);
      expect(text).toMatch(/\p{Script=Devanagari}/u);
      expect(text).toMatch(/\p{Extended_Pictographic}/u);
    }
  });

  it("quotes the prompt without its Markdown, HTML and direction overrides", async () => {
    const text = textOf(
      await ask("<img src=x onerror=y> [a](javascript:b) ](c) \u202eevil | # ``` rate=max words=900"),
    );
    expect(text).toContain("“img src x onerror y a”");
    expect(text).not.toMatch(/<img|javascript:|\u202e/);
  });

  it("of a million words is counted right and comes without holding the event loop", async () => {
    let turns = 0;
    let counting = true;
    const count = (): void => {
      turns += 1;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    let words = 0;
    const messages: ModelMessage[] = [{ role: "user", content: "words=1,000,000 rate=100000" }];
    for await (const event of createDemoModel().stream({ messages }, never)) {
      if (event.type === "text-delta") words += 1;
    }
    counting = false;
    expect(words).toBe(1_000_000);
    expect(turns).toBeGreaterThan(500);
  });
});

describe("the events", () => {
  it("are one text part and finish, with usage counted in words", async () => {
    const events = await ask("Two words words=3 rate=max", [{ role: "system", content: "Be nice." }]);
    const text = { id: "text-1" };
    expect(events).toEqual([
      { type: "text-start", ...text },
      { type: "text-delta", ...text, delta: "Demo," },
      { type: "text-delta", ...text, delta: " no" },
      { type: "text-delta", ...text, delta: " LLM." },
      { type: "text-end", ...text },
      {
        type: "finish",
        finishReason: "stop",
        messageMetadata: { usage: { inputTokens: 6, outputTokens: 3, totalTokens: 9 } },
      },
    ]);
  });

  it("keep the order of chat events and fold into a finished message", async () => {
    const events: ChatEvent[] = [{ type: "start" }, ...(await ask("reasoning tool=weather words=200 rate=max"))];
    const order = createOrder();
    for (const event of events) order.accept(event);
    expect(order.ended).toBe(true);
    const message = fold(events);
    expect(message.status).toBe("finished");
    expect(message.parts.map(({ type }) => type)).toEqual(["reasoning", "tool-weather", "text"]);
  });

  it("begin with reasoning when asked, as a hint or as a word, and count it as output", async () => {
    for (const prompt of ["reasoning=on", "Show me your reasoning, please"]) {
      const events = await ask(`${prompt} words=20 rate=max`);
      expect([...new Set(events.map(({ type }) => type))]).toEqual([
        "reasoning-start",
        "reasoning-delta",
        "reasoning-end",
        "text-start",
        "text-delta",
        "text-end",
        "finish",
      ]);
      const thought = wordsOf(textOf(events, "reasoning-delta"));
      expect(thought).toBeGreaterThan(10);
      expect(events.at(-1)).toMatchObject({ messageMetadata: { usage: { outputTokens: thought + 20 } } });
    }
    for (const prompt of ["Hi", "Show me your reasoning=off reasoning"]) {
      expect(textOf(await ask(`${prompt} rate=max`), "reasoning-delta")).toBe("");
    }
  });

  it("call a tool when asked: input in fragments, output, then text that speaks of it", async () => {
    const events = await ask("tool=weather rate=max");
    const call = { toolCallId: "call-1" };
    const named = { ...call, toolName: "weather" };
    expect(events.slice(0, 7).map(({ type }) => type)).toEqual([
      "tool-input-start",
      ...Array.from({ length: 4 }, () => "tool-input-delta"),
      "tool-input-available",
      "tool-output-available",
    ]);
    const input = JSON.parse(
      events.map((event) => (event.type === "tool-input-delta" ? event.inputTextDelta : "")).join(""),
    );
    expect(events).toContainEqual({ type: "tool-input-start", ...named });
    expect(events).toContainEqual({ type: "tool-input-available", ...named, input });
    expect(events[6]).toMatchObject({ ...call, output: { city: input.city } });
    expect(textOf(events)).toContain(`The weather tool says:`);
    expect(textOf(events)).toContain(input.city);
  });
});

describe("trouble", () => {
  it.each([0, 1, 12, 120])("fail-after=%i fails after exactly so many words", async (words) => {
    const events: ChatEvent[] = [];
    const messages: ModelMessage[] = [{ role: "user", content: `Hi fail-after=${words} rate=max` }];
    const failed = (async () => {
      for await (const event of createDemoModel().stream({ messages }, never)) events.push(event);
    })();
    await expect(failed).rejects.toMatchObject({ code: "llm/failed" });
    expect(wordsOf(textOf(events))).toBe(words);
  });

  it("fail-after beyond the default length makes the answer long enough; words=N beats that", async () => {
    await expect(ask("fail-after=900 rate=max")).rejects.toMatchObject({ code: "llm/failed" });
    expect((await ask("fail-after=900 words=10 rate=max")).at(-1)).toMatchObject({ type: "finish" });
  });

  it("fail-after does not change the words before the failure", async () => {
    const whole = textOf(await ask("Hi rate=max"));
    const events: ChatEvent[] = [];
    const messages: ModelMessage[] = [{ role: "user", content: "Hi fail-after=50 rate=max" }];
    try {
      for await (const event of createDemoModel().stream({ messages }, never)) events.push(event);
    } catch {
      // it fails, as asked
    }
    expect(wordsOf(textOf(events))).toBe(50);
    expect(whole.startsWith(textOf(events))).toBe(true);
  });

  it("stall-after hangs after exactly so many words, until it is aborted", async () => {
    const controller = new AbortController();
    const messages: ModelMessage[] = [{ role: "user", content: "stall-after=3 rate=max" }];
    const events = createDemoModel().stream({ messages }, controller.signal)[Symbol.asyncIterator]();
    for (let count = 0; count < 4; count++) await events.next();
    let settled = false;
    const next = events.next().catch((error: unknown) => error);
    void next.then(() => (settled = true));
    const clock = createManualClock();
    await clock.advance(1);
    expect(settled).toBe(false);
    controller.abort("enough");
    expect(await next).toBe("enough");
  });

  it("an abort ends the answer at once, paced or not, and leaves no timer behind", async () => {
    for (const rate of ["rate=max", "rate=1"]) {
      const clock = createManualClock();
      const controller = new AbortController();
      const messages: ModelMessage[] = [{ role: "user", content: `Hi ttft=0 ${rate}` }];
      const events = createDemoModel({ clock }).stream({ messages }, controller.signal)[Symbol.asyncIterator]();
      await events.next();
      await events.next();
      const next = rate === "rate=1" ? events.next() : undefined;
      controller.abort("enough");
      await expect(next ?? events.next()).rejects.toBe("enough");
      expect(clock.timers).toBe(0);
    }
    const aborted = createDemoModel().stream({ messages: [] }, AbortSignal.abort("enough"))[Symbol.asyncIterator]();
    await expect(aborted.next()).rejects.toBe("enough");
  });
});

describe("the pace", () => {
  it.each([0.5, 5, 50, 1_000, 20_000])("of %d words per second is kept", async (rate) => {
    const words = rate < 1 ? 60 : 2_000;
    const { events } = await askPaced(`words=${words} rate=${rate} ttft=300`);
    const deltas = events.filter(({ event }) => event.type === "text-delta");
    expect(deltas[0]?.at).toBe(300);
    const seconds = ((deltas.at(-1)?.at ?? 0) - 300) / 1_000;
    expect(seconds * rate).toBeGreaterThan(words * 0.9);
    expect(seconds * rate).toBeLessThan(words * 1.1);
  });

  it("varies from word to word, and is the same each time", async () => {
    const { events } = await askPaced("words=200 rate=20");
    const times = events.filter(({ event }) => event.type === "text-delta").map(({ at }) => at);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(Math.min(...gaps)).toBeLessThan(25);
    expect(Math.max(...gaps)).toBeGreaterThan(75);
    expect((await askPaced("words=200 rate=20")).events).toEqual(events);
  });

  it("of 1,000 words per second needs far fewer timers than words", async () => {
    const { timersSet } = await askPaced("words=5000 rate=1000");
    expect(timersSet).toBeLessThan(1_100);
  });

  it("keeps its average when the timers are late", async () => {
    const manual = createManualClock();
    const late: Clock = { now: manual.now, timer: (ms, run) => manual.timer(ms + 7, run) };
    const messages: ModelMessage[] = [{ role: "user", content: "words=1000 rate=100 ttft=0" }];
    let end = 0;
    const reading = (async () => {
      for await (const _event of createDemoModel({ clock: late }).stream({ messages }, never)) end = manual.now();
    })();
    await manual.advance(60_000);
    await reading;
    expect(end).toBeGreaterThan(9_000);
    expect(end).toBeLessThan(11_000);
  });

  it("has a realistic time to the first token when none is given", async () => {
    const { events } = await askPaced("Hi");
    expect(events[0]?.at).toBeGreaterThanOrEqual(250);
    expect(events[0]?.at).toBeLessThan(450);
  });

  it("of rate=max sets no timer at all, but for the ttft that was asked for", async () => {
    expect((await askPaced("tool=weather reasoning rate=max")).timersSet).toBe(0);
    const { events, timersSet } = await askPaced("rate=max ttft=700");
    expect(timersSet).toBe(1);
    expect(events.every(({ at }) => at === 700)).toBe(true);
  });
});
