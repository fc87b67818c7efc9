import { describe, expect, it } from "vitest";
import { fold } from "../../src/chat/index.ts";
import { createSluice } from "../../src/http/index.ts";
import { SluiceError } from "../../src/base/errors.ts";
import { createManualClock, scriptedModel, tokenStream } from "../../src/testing/index.ts";
import type { ModelScript, ScriptedModel, ScriptedModelOptions } from "../../src/testing/index.ts";
import type { ChatEvent } from "../../src/chat/index.ts";

const REQUEST = { messages: [{ role: "user" as const, content: "Hi" }] };

async function all(model: ScriptedModel, signal = new AbortController().signal): Promise<readonly ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const event of model.stream(REQUEST, signal)) events.push(event);
  return events;
}

/** The whole way: a run of it, over HTTP. */
async function generate(script: ModelScript, options?: ScriptedModelOptions): Promise<Record<string, unknown>> {
  const model = scriptedModel(script, options);
  const sluice = createSluice({
    authorize: () => "alice",
    answer:
      (ask) =>
      ({ signal }) =>
        model.stream(ask, signal),
  });
  const body = JSON.stringify({ message: { content: "Hi" } });
  const response = await sluice.handle(new Request("http://localhost/generate", { method: "POST", body }));
  return (await response.json()) as Record<string, unknown>;
}

describe("scriptedModel", () => {
  it("says strings as one text, and finishes by itself", async () => {
    expect(await all(scriptedModel(["Hello ", "there."]))).toEqual([
      { type: "text-start", id: "text-1" },
      { type: "text-delta", id: "text-1", delta: "Hello " },
      { type: "text-delta", id: "text-1", delta: "there." },
      { type: "text-end", id: "text-1" },
      { type: "finish", finishReason: "stop" },
    ]);
  });

  it("reasons, calls tools and says whatever event it is told to, in an order that every run accepts", async () => {
    const answer = await generate([
      { type: "reasoning", text: "Hm. " },
      { type: "reasoning", text: "Weather." },
      { type: "tool", name: "weather", input: { city: "Osaka" }, output: { celsius: 21 } },
      { type: "tool", name: "weather", input: { city: "Nowhere" }, errorText: "unknown city" },
      "It is ",
      "warm.",
      { type: "source-url", sourceId: "s1", url: "https://example.org/" },
      "More.",
      { type: "finish", finishReason: "length", messageMetadata: { usage: { outputTokens: 4 } } },
    ]);
    expect(answer).toMatchObject({ status: "finished", text: "It is warm.More." });
    expect(answer["message"]).toMatchObject({
      finishReason: "length",
      usage: { outputTokens: 4 },
      parts: [
        { type: "reasoning", text: "Hm. Weather." },
        { type: "tool-weather", state: "output-available", input: { city: "Osaka" }, output: { celsius: 21 } },
        { type: "tool-weather", state: "output-error", errorText: "unknown city" },
        { type: "text", text: "It is warm." },
        { type: "source-url" },
        { type: "text", text: "More." },
      ],
    });
  });

  it("throws an Error of the script, with what came before it kept", async () => {
    const answer = await generate(["Hel", new SluiceError("llm/failed", "Out of words.")]);
    expect(answer).toMatchObject({ error: { code: "llm/failed" } });
    const model = scriptedModel(["Hel", new Error("boom"), "never"]);
    await expect(all(model)).rejects.toThrow("boom");
    expect(model.calls[0]).toMatchObject({ status: "failed", events: [{ type: "text-start" }, { delta: "Hel" }] });
  });

  it("says nothing after a terminal of its own", async () => {
    const model = scriptedModel(["Hel", { type: "error", errorText: "enough", code: "llm/failed" }, "never"]);
    expect((await all(model)).map(({ type }) => type)).toEqual(["text-start", "text-delta", "text-end", "error"]);
  });

  it("passes time on the clock it is given: before each text, and where it waits", async () => {
    const clock = createManualClock();
    const model = scriptedModel(["a", { type: "wait", ms: 1_000 }, "b"], { clock, delayMs: 50 });
    const done = all(model);
    await clock.advance(49);
    expect(model.calls[0]?.events).toEqual([]);
    await clock.advance(1);
    expect(model.calls[0]?.events).toHaveLength(2);
    await clock.advance(1_049);
    expect(model.calls[0]?.events).toHaveLength(2);
    await clock.advance(1);
    expect(await done).toHaveLength(5);
    expect(clock.timers).toBe(0);
  });

  // docs/testing.md says that `delayMs` is for reasoning as it is for text, and reasoning came at once: whoever tested an
  // indicator of "thinking" with it saw none.
  it("lets the time pass before each piece of reasoning too, and before no other step", async () => {
    const clock = createManualClock();
    const thought = { type: "reasoning", text: "Hm." } as const;
    const model = scriptedModel([thought, thought, { type: "tool", name: "t", input: {} }, "b"], {
      clock,
      delayMs: 50,
    });
    const done = all(model);
    await clock.advance(49);
    expect(model.calls[0]?.events).toEqual([]);
    await clock.advance(1);
    expect(model.calls[0]?.events).toHaveLength(2);
    await clock.advance(50);
    expect(model.calls[0]?.events.map(({ type }) => type).slice(2)).toEqual([
      "reasoning-delta",
      "reasoning-end",
      "tool-input-start",
      "tool-input-delta",
      "tool-input-available",
    ]);
    await clock.advance(50);
    expect((await done).at(-1)).toMatchObject({ type: "finish" });
    expect(clock.timers).toBe(0);
  });

  it("pauses until told, each pause once, and a word that comes early is not lost", async () => {
    const model = scriptedModel(["a", { type: "pause" }, "b", { type: "pause" }, "c"]);
    const done = all(model);
    await model.untilPaused();
    expect(model.calls[0]).toMatchObject({ status: "paused" });
    expect(model.calls[0]?.events).toHaveLength(2);
    model.resume();
    model.resume();
    expect(fold(await done).parts).toMatchObject([{ type: "text", text: "abc" }]);
    expect(model.calls[0]).toMatchObject({ status: "finished" });
  });

  it("lets on who has waited longest", async () => {
    const model = scriptedModel([{ type: "pause" }, "x"]);
    const order: number[] = [];
    const first = all(model).then(() => order.push(1));
    await model.untilPaused();
    const second = all(model).then(() => order.push(2));
    await new Promise((resolve) => setImmediate(resolve));
    model.resume();
    await first;
    expect(model.calls.map(({ status }) => status)).toEqual(["finished", "paused"]);
    model.resume();
    await second;
    expect(order).toEqual([1, 2]);
  });

  it("remembers what it was asked, and that its signal fired, also while it hangs", async () => {
    const leaving = new AbortController();
    const model = scriptedModel(() => hanging());
    const done = all(model, leaving.signal);
    done.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    expect(model.calls).toHaveLength(1);
    expect(model.calls[0]).toMatchObject({ request: REQUEST, status: "running" });
    leaving.abort(new Error("stopped"));
    await expect(done).rejects.toThrow("stopped");
    expect(await model.calls[0]?.ended).toBe("aborted");
    expect(model.calls[0]?.signal.aborted).toBe(true);
  });

  it.each([
    ["at a pause", [{ type: "pause" } as const]],
    ["in a wait", [{ type: "wait", ms: 10 } as const]],
  ])("is stopped %s, and leaves no timer behind", async (_where, script) => {
    const clock = createManualClock();
    const leaving = new AbortController();
    const model = scriptedModel([...script, "never"], { clock });
    const done = all(model, leaving.signal);
    done.catch(() => {});
    await clock.advance(0);
    leaving.abort();
    await expect(done).rejects.toThrow("aborted");
    expect(model.calls[0]).toMatchObject({ status: "aborted", events: [] });
    expect(clock.timers).toBe(0);
    // A pause that nobody stands at any more takes no word from those who come later.
    const next = all(model);
    if (script[0]?.type === "pause") model.resume();
    await clock.advance(10);
    expect(await next).toHaveLength(4);
  });

  it("tells that it was left by whoever takes no more", async () => {
    const model = scriptedModel(["a", "b"]);
    for await (const event of model.stream(REQUEST, new AbortController().signal)) {
      if (event.type === "text-delta") break;
    }
    expect(await model.calls[0]?.ended).toBe("left");
  });

  it("takes another script for each call, made as it goes", async () => {
    const model = scriptedModel(async function* ({ messages }, call) {
      yield `${call}: ${messages[0]?.content} `;
      for await (const { text } of tokenStream({ count: 2, delayMs: 0 })) yield text;
    });
    expect(fold(await all(model)).parts).toMatchObject([{ text: "0: Hi Token 0Token 1" }]);
    expect(fold(await all(model)).parts).toMatchObject([{ text: "1: Hi Token 0Token 1" }]);
  });

  it("stops the call when the run is stopped over HTTP", async () => {
    const model = scriptedModel(["Hello", { type: "pause" }, "never"]);
    const sluice = createSluice({
      authorize: () => "alice",
      answer:
        (ask) =>
        ({ signal }) =>
          model.stream(ask, signal),
    });
    const body = JSON.stringify({ message: { content: "Hi" } });
    const response = await sluice.handle(new Request("http://localhost/stream", { method: "POST", body }));
    await model.untilPaused();
    const stop = `http://localhost/runs/${response.headers.get("sluice-run-id")}/stop`;
    await sluice.handle(new Request(stop, { method: "POST" }));
    expect(await model.calls[0]?.ended).toBe("aborted");
    expect(await response.text()).toContain('"finishReason":"abort"');
  });
});

async function* hanging(): AsyncGenerator<string> {
  yield "a";
  await new Promise(() => {});
}
