import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFold, fold, textOf, type Message, type RunEvent } from "../../src/chat/index.ts";
import { finalOf, fromFrames, graphChannelsDialect, graphDialect, isTerminalFrame } from "../../src/dialects/index.ts";
import type { Frame } from "../../src/dialects/index.ts";
import { legalRun } from "../chat/legal-runs.ts";
import { context, everyEvent, wordingOf } from "./support.ts";

async function* framesOf(events: readonly RunEvent[]): AsyncGenerator<Frame> {
  yield* wordingOf(graphChannelsDialect, events).flat();
}

const structured = ({ parts }: Message): unknown => parts.filter(({ type }) => type !== "text" && type !== "reasoning");

const spoken = ({ parts }: Message, kind: "text" | "reasoning"): string =>
  parts.map((part) => (part.type === kind && "text" in part ? part.text : "")).join("");

const deltasOf = (events: readonly RunEvent[], kind: "text-delta" | "reasoning-delta"): string =>
  events.map((event) => ("type" in event && event.type === kind ? event.delta : "")).join("");

const lines = (events: readonly RunEvent[]): readonly string[] =>
  wordingOf(graphChannelsDialect, events)
    .flat()
    .map(({ event, data }) => `${event} ${data}`);

describe("the graph-channels dialect", () => {
  it("words a run of every event on two channels", () => {
    const on = (channel: string, delta: object): string => `stream_event ${JSON.stringify({ channel, delta })}`;
    const call = "call_1";
    expect(lines(everyEvent).slice(0, -1)).toEqual(
      everyEvent.slice(0, -1).flatMap((event): readonly string[] => {
        if ("event" in event) return [`${event.event} ${JSON.stringify(event.data)}`];
        switch (event.type) {
          case "text-start":
          case "text-end":
          case "reasoning-start":
          case "reasoning-end":
            return [];
          case "text-delta":
            return [on("text", { type: "text_chunk", text: event.delta })];
          case "reasoning-delta":
            return [on("processing", { type: "text_chunk", text: event.delta })];
          case "file":
          case "source-url":
          case "source-document":
            return [on("text", event)];
          case "tool-input-start":
            return [on("processing", { type: "step_started", step: { type: "tool_use", id: call, name: "search" } })];
          case "tool-input-delta":
            return [on("processing", { type: "tool_input_chunk", stepId: call, chunk: '{"q":1}' })];
          case "tool-output-available":
            if (event.preliminary === true) return [on("processing", event)];
            return [on("processing", { type: "tool_output_chunk", stepId: call, chunk: '{"hits":2}', json: true })];
          default:
            return [on("processing", event)];
        }
      }),
    );
  });

  it("words a step of a graph", () => {
    expect(lines([{ type: "data-step", id: "s", data: { name: "plan" }, transient: true }])).toEqual([
      'stream_event {"channel":"processing","delta":{"type":"step_started","step":{"type":"node","id":"s","name":"plan"}}}',
    ]);
  });

  it("ends as the graph dialect does", () => {
    const started: RunEvent = { type: "start" };
    const ends: readonly RunEvent[] = [
      { type: "finish", finishReason: "stop" },
      { type: "abort" },
      { type: "error", errorText: "No.", code: "llm/failed" },
      { type: "error", errorText: "No." },
    ];
    for (const end of ends) {
      const [last, other] = [graphChannelsDialect, graphDialect].map((one) =>
        wordingOf(one, [started, end]).at(-1)?.at(-1),
      );
      expect(last).toEqual(other);
      expect(last && isTerminalFrame("graph-channels", last)).toBe(true);
    }
  });

  it("folds back into every part that is neither text nor reasoning, all that was said, and what final says", async () => {
    await fc.assert(
      fc.asyncProperty(legalRun(), async (events) => {
        const back = createFold();
        for await (const event of fromFrames(framesOf(events), { dialect: "graph-channels" })) back.add(event);
        const [told, run] = [back.message, fold(events)];
        expect([told.status, told.error]).toEqual([run.status, run.error]);
        expect(structured(told)).toEqual(structured(run));
        expect(spoken(back.message, "text")).toBe(deltasOf(events, "text-delta"));
        expect(spoken(back.message, "reasoning")).toBe(deltasOf(events, "reasoning-delta"));
        if (run.status !== "failed") expect(finalOf(told).metadata).toEqual(finalOf(run).metadata);
      }),
      { numRuns: 300 },
    );
  });

  // Extra keys pass the check of shapes. `json` made JSON of an output that was none, and `fromFrames` threw a SyntaxError.
  it.each([
    { type: "tool-output-available", toolCallId: "call_1", output: "no JSON", json: true },
    { type: "tool-output-available", toolCallId: "call_1", output: { a: 1 }, chunk: 1, stepId: "s", step: {} },
    { type: "tool-input-start", toolCallId: "call_1", toolName: "search", id: "i", name: "n" },
  ])("loses no key that has the name of one of its own: %j", async (event) => {
    const back: RunEvent[] = [];
    const events = [{ type: "start" }, event, { type: "abort" }] as unknown as readonly RunEvent[];
    for await (const one of fromFrames(framesOf(events), { dialect: "graph-channels" })) back.push(one);
    expect(back).toContainEqual(event);
  });

  it("takes no output for JSON that is none", async () => {
    async function* frames(): AsyncGenerator<Frame> {
      const delta = { type: "tool_output_chunk", stepId: "s", chunk: "{", json: true };
      yield { event: "stream_event", data: JSON.stringify({ channel: "processing", delta }) };
    }
    const reading = fromFrames(frames(), { dialect: "graph-channels" });
    await expect(reading.next()).rejects.toMatchObject({ code: "llm/failed" });
  });

  it("words an entry alone, and from its text, as it does in its run; text and final agree", () => {
    fc.assert(
      fc.property(legalRun(), (events) => {
        const worded = wordingOf(graphChannelsDialect, events);
        const alone = graphChannelsDialect.alone?.(context);
        for (const [index, event] of events.entries()) {
          const single = alone?.(event, index + 1);
          if (single) expect(single).toEqual(worded[index]);
          const quick = graphChannelsDialect.quick?.(JSON.stringify(event), context);
          if (quick) expect(quick).toEqual(worded[index]?.[0]);
        }
        const message = fold(events);
        const final = worded.at(-1)?.at(-1);
        if (final?.event === "final") expect((JSON.parse(final.data) as { text: string }).text).toBe(textOf(message));
      }),
    );
  });
});
