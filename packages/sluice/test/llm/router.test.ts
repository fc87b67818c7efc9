import { describe, expect, it } from "vitest";
import type { ChatEvent } from "../../src/chat/events.ts";
import {
  complexityOf,
  createRouter,
  estimateTokens,
  type Model,
  type ModelRequest,
  type RouterOptions,
} from "../../src/llm/index.ts";

const never = new AbortController().signal;

/** A model that says which request it got. */
function modelNamed(name: string, requests: ModelRequest[] = []): Model {
  return {
    name,
    async *stream(request) {
      requests.push(request);
      yield { type: "text-start", id: "t" };
      yield { type: "text-delta", id: "t", delta: name };
      yield { type: "text-end", id: "t" };
      yield { type: "finish", finishReason: "stop" };
    },
  };
}

function routerWith(options: Partial<RouterOptions> = {}) {
  const requests: ModelRequest[] = [];
  const [small, large, reasoning] = ["mini", "big", "thinker"].map((name) => modelNamed(name, requests)) as [
    Model,
    Model,
    Model,
  ];
  return { requests, router: createRouter({ small, large, reasoning, ...options }) };
}

const ask = (content: string, more: Partial<ModelRequest> = {}): ModelRequest => ({
  messages: [{ role: "user", content }],
  ...more,
});

describe("createRouter", () => {
  // The borders of Synapse TOON: up to and including 0.3 and 512, 0.7 and 2,048.
  for (const [complexity, tokens, tier] of [
    [0, 1, "small"],
    [0.3, 512, "small"],
    [0.31, 512, "large"],
    [0.3, 513, "large"],
    [0.7, 2_048, "large"],
    [0.71, 1, "reasoning"],
    [0.1, 2_049, "reasoning"],
    [1, 10_000, "reasoning"],
  ] as const) {
    it(`gives complexity ${complexity} and ${tokens} tokens to the ${tier} model`, async () => {
      const { router } = routerWith({ complexity: () => complexity, countTokens: () => tokens });
      expect(await router.route(ask("?"))).toMatchObject({ tier, complexity, tokens });
    });
  }

  it("is a model: it says in the message's metadata which model answers, then passes its events on", async () => {
    const { router } = routerWith({ complexity: async () => 0.5 });
    const events: ChatEvent[] = [];
    for await (const event of router.stream(ask("four"), never)) events.push(event);
    expect(events).toEqual([
      {
        type: "message-metadata",
        messageMetadata: { route: { tier: "large", model: "big", complexity: 0.5, tokens: 1 } },
      },
      { type: "text-start", id: "t" },
      { type: "text-delta", id: "t", delta: "big" },
      { type: "text-end", id: "t" },
      { type: "finish", finishReason: "stop" },
    ]);
  });

  it("counts all messages, and gives a model that is asked for by name, without passing that name on", async () => {
    const { router, requests } = routerWith();
    const long = { role: "system", content: "word ".repeat(3_000) } as const;
    expect((await router.route({ messages: [long, { role: "user", content: "hi" }] })).tier).toBe("reasoning");
    for await (const _ of router.stream(ask("hi", { model: "thinker" }), never)) continue;
    for await (const _ of router.stream(ask("hi", { model: "gpt-other" }), never)) continue;
    for await (const _ of router.stream(ask("hi", { model: "router" }), never)) continue;
    expect(requests.map(({ model }) => model)).toEqual([undefined, "gpt-other", undefined]);
    expect((await router.route(ask("hi", { model: "thinker" }))).tier).toBe("reasoning");
  });

  it("refuses a complexity that is no number from 0 to 1", async () => {
    for (const complexity of [Number.NaN, -0.1, 1.1]) {
      const { router } = routerWith({ complexity: () => complexity });
      await expect(router.route(ask("hi"))).rejects.toMatchObject({ code: "option/invalid" });
    }
  });

  it("asks no model for somebody who has left while it thought", async () => {
    const { router, requests } = routerWith();
    const events = router.stream(ask("hi"), AbortSignal.abort());
    await expect(events[Symbol.asyncIterator]().next()).rejects.toThrow("abort");
    expect(requests).toEqual([]);
  });
});

describe("complexityOf", () => {
  const of = (content: string): number => complexityOf(ask(content));

  it("finds small talk easy, a question of how middling, and a proof with code hard", () => {
    expect(of("Hello!")).toBeLessThanOrEqual(0.3);
    expect(of("What is the capital of Peru?")).toBeLessThanOrEqual(0.3);
    const middling = of("Why is the sky blue? Compare it with Mars, and explain how dust changes it.");
    expect(middling).toBeGreaterThan(0.3);
    expect(middling).toBeLessThanOrEqual(0.7);
    const hard = of(
      "Prove that x^2 + 1 = 0 has no real root, analyze why, compare two proofs step by step:\n" +
        "1. by algebra?\n2. by a graph?\n3. in code?\n```ts\nconst f = (x) => x ** 2 + 1;\n```\n",
    );
    expect(hard).toBeGreaterThan(0.7);
    expect(hard).toBeLessThanOrEqual(1);
  });

  it("looks at the last message of the user only, and takes its time from a bounded part of it", () => {
    const messages = [
      { role: "user", content: "Prove, derive, compare and optimize it." },
      { role: "assistant", content: "No." },
      { role: "user", content: "Thanks" },
    ] as const;
    expect(complexityOf({ messages })).toBeLessThan(0.1);
    const startedAt = performance.now();
    for (const hostile of ["\n", " ", "function ", "1. ", "; ", "? ", "=> "]) of(hostile.repeat(200_000));
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

describe("estimateTokens", () => {
  it("counts four ASCII characters, or one other, as a token", () => {
    expect(["", "a", "four", "fours", "漢字", "a😀"].map(estimateTokens)).toEqual([0, 1, 1, 2, 2, 2]);
  });
});
