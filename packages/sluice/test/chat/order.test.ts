import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSluiceError } from "../../src/base/index.ts";
import { createOrder, isTerminal } from "../../src/chat/index.ts";
import type { RunEvent } from "../../src/chat/index.ts";
import { legalRun } from "./legal-runs.ts";

const start: RunEvent = { type: "start" };
const textStart: RunEvent = { type: "text-start", id: "t" };
const textDelta: RunEvent = { type: "text-delta", id: "t", delta: "x" };
const textEnd: RunEvent = { type: "text-end", id: "t" };
const reasoningStart: RunEvent = { type: "reasoning-start", id: "r" };
const reasoningDelta: RunEvent = { type: "reasoning-delta", id: "r", delta: "x" };
const reasoningEnd: RunEvent = { type: "reasoning-end", id: "r" };
const inputStart: RunEvent = { type: "tool-input-start", toolCallId: "c", toolName: "n" };
const inputDelta: RunEvent = { type: "tool-input-delta", toolCallId: "c", inputTextDelta: "{" };
const input: RunEvent = { type: "tool-input-available", toolCallId: "c", toolName: "n", input: {} };
const inputError: RunEvent = { type: "tool-input-error", toolCallId: "c", toolName: "n", input: "{", errorText: "x" };
const preliminary: RunEvent = { type: "tool-output-available", toolCallId: "c", output: 1, preliminary: true };
const output: RunEvent = { type: "tool-output-available", toolCallId: "c", output: 2 };
const outputError: RunEvent = { type: "tool-output-error", toolCallId: "c", errorText: "x" };
const denied: RunEvent = { type: "tool-output-denied", toolCallId: "c" };
const approval: RunEvent = { type: "tool-approval-request", toolCallId: "c", approvalId: "a" };
const startStep: RunEvent = { type: "start-step" };
const finishStep: RunEvent = { type: "finish-step" };
const metadata: RunEvent = { type: "message-metadata", messageMetadata: {} };
const data: RunEvent = { type: "data-x", data: 1 };
const url: RunEvent = { type: "source-url", sourceId: "s", url: "https://a.example" };
const document: RunEvent = { type: "source-document", sourceId: "s", mediaType: "text/plain", title: "x" };
const file: RunEvent = { type: "file", url: "data:,", mediaType: "text/plain" };
const application: RunEvent = { event: "progress", data: 1 };
const finish: RunEvent = { type: "finish" };
const abort: RunEvent = { type: "abort" };
const error: RunEvent = { type: "error", errorText: "x" };

const anyTime: readonly RunEvent[] = [metadata, data, url, document, file, application];

const legal: Readonly<Record<string, readonly RunEvent[]>> = {
  "a run may be no more than a start and a terminal": [start, finish],
  "a start may be repeated while there is no content": [start, start, metadata, application, start, textStart],
  "a source's own start may follow data, sources and files": [start, data, url, document, file, start, startStep],
  "text is a start, deltas and an end": [start, textStart, textDelta, textDelta, textEnd],
  "reasoning is a start, deltas and an end": [start, reasoningStart, reasoningDelta, reasoningEnd],
  "text and reasoning may be open together, also under one id": [
    start,
    { type: "text-start", id: "1" },
    { type: "reasoning-start", id: "1" },
    { type: "text-end", id: "1" },
    { type: "reasoning-delta", id: "1", delta: "x" },
  ],
  "two texts may be open together": [start, textStart, { type: "text-start", id: "u" }, textDelta, textEnd],
  "an id may be used again after its end": [start, textStart, textEnd, textStart, textDelta],
  "a tool's input may stream": [start, inputStart, inputDelta, inputDelta, input, output],
  "a tool's input may come without a start": [start, input, output],
  "a tool's input may fail without a start": [start, inputError],
  "an input that failed may be answered with an error": [start, inputStart, inputDelta, inputError, outputError],
  "preliminary outputs may repeat before the final one": [start, input, preliminary, preliminary, output],
  "a tool may fail after a preliminary output": [start, input, preliminary, outputError],
  "an approval may be asked for and given": [start, input, approval, output],
  "an approval may be asked for and refused": [start, input, approval, denied],
  "a call's id may be used again after its final output": [start, input, output, inputStart, inputDelta, input, output],
  "a call's id may be used again after a denial": [start, input, denied, input],
  "a call's id may be used again after an input that failed": [start, inputError, inputStart],
  "steps follow each other": [start, startStep, finishStep, startStep, finishStep, finish],
  "a text that is open when its step finishes has ended": [start, startStep, textStart, finishStep, textStart],
  "a reasoning that is open when its step finishes has ended": [
    start,
    startStep,
    reasoningStart,
    finishStep,
    reasoningStart,
  ],
  "a tool's input that is open when its step finishes has ended": [
    start,
    startStep,
    inputStart,
    finishStep,
    inputStart,
  ],
  "a tool's output may come in a later step": [start, startStep, input, finishStep, startStep, output],
  "a run may finish while parts and a step are open": [start, startStep, textStart, inputStart, finish],
  "a run may be aborted while parts and a step are open": [start, startStep, textStart, textDelta, abort],
  "a run may fail while parts and a step are open": [start, startStep, reasoningStart, inputStart, error],
  "metadata, data, sources, files and application events may come at any time": [
    start,
    ...anyTime,
    textStart,
    ...anyTime,
    textDelta,
    startStep,
    ...anyTime,
    finish,
  ],
};

/** The last event is refused. */
const illegal: Readonly<Record<string, readonly RunEvent[]>> = {
  "text before start": [textStart],
  "an application event before start": [application],
  "an application event of the name start, in place of it": [{ event: "start", data: 1 }],
  "metadata before start": [metadata],
  "a terminal before start": [finish],
  "a start after text": [start, textStart, start],
  "a start after a tool call": [start, input, start],
  "a start after a step": [start, startStep, start],
  "a start after the end of a text": [start, textStart, textEnd, start],
  "a delta of a text that never started": [start, textDelta],
  "a delta of a text that has ended": [start, textStart, textEnd, textDelta],
  "a delta of another text's id": [start, textStart, { type: "text-delta", id: "u", delta: "x" }],
  "an end of a text that never started": [start, textEnd],
  "an end of a text that has ended": [start, textStart, textEnd, textEnd],
  "a start of a text that is open": [start, textStart, textStart],
  "a text's delta for an open reasoning": [start, reasoningStart, { type: "text-delta", id: "r", delta: "x" }],
  "a delta of a reasoning that never started": [start, reasoningDelta],
  "a delta of a reasoning that has ended": [start, reasoningStart, reasoningEnd, reasoningDelta],
  "an end of a reasoning that never started": [start, reasoningEnd],
  "a start of a reasoning that is open": [start, reasoningStart, reasoningStart],
  "a reasoning's delta for an open text": [start, textStart, { type: "reasoning-delta", id: "t", delta: "x" }],
  "a delta of an input that never started": [start, inputDelta],
  "a delta of an input that is complete": [start, inputStart, input, inputDelta],
  "a delta of an input that failed": [start, inputStart, inputError, inputDelta],
  "a start of an input that is streaming": [start, inputStart, inputStart],
  "a start of a call that has no output yet": [start, input, inputStart],
  "an input of a call that has no output yet": [start, input, input],
  "an input that fails after it was complete": [start, input, inputError],
  "an output of an unknown call": [start, output],
  "an output while the input is streaming": [start, inputStart, output],
  "an output for an input that failed": [start, inputError, output],
  "a second final output": [start, input, output, output],
  "a preliminary output after the final one": [start, input, output, preliminary],
  "an output after an error": [start, input, outputError, output],
  "an output after a denial": [start, input, denied, output],
  "an output error of an unknown call": [start, outputError],
  "an output error while the input is streaming": [start, inputStart, outputError],
  "an output error after the final output": [start, input, output, outputError],
  "a denial of an unknown call": [start, denied],
  "a denial while the input is streaming": [start, inputStart, denied],
  "a denial for an input that failed": [start, inputError, denied],
  "an approval request of an unknown call": [start, approval],
  "an approval request while the input is streaming": [start, inputStart, approval],
  "an approval request after the final output": [start, input, output, approval],
  "an old call's output after its id started anew": [start, inputError, inputStart, outputError],
  "a step in a step": [start, startStep, startStep],
  "the finish of a step that never started": [start, finishStep],
  "the finish of a step that has finished": [start, startStep, finishStep, finishStep],
  "a delta of a text that ended with its step": [start, startStep, textStart, finishStep, textDelta],
  "an end of a reasoning that ended with its step": [start, startStep, reasoningStart, finishStep, reasoningEnd],
  "a delta of an input that ended with its step": [start, startStep, inputStart, finishStep, inputDelta],
  "an output for an input that ended with its step": [start, startStep, inputStart, finishStep, output],
  "an old call's error after its id started anew and the step finished": [
    start,
    startStep,
    inputError,
    inputStart,
    finishStep,
    outputError,
  ],
  "names of every object's keys, which are no parts": [start, { type: "text-delta", id: "__proto__", delta: "x" }],
  "names of every object's keys, which are no calls": [
    start,
    { type: "tool-output-denied", toolCallId: "constructor" },
  ],
};

const tooLate: Readonly<Record<string, readonly RunEvent[]>> = {
  "text after finish": [start, finish, textStart],
  "a second finish": [start, finish, finish],
  "a start after finish": [start, finish, start],
  "an application event after finish": [start, finish, application],
  "metadata after abort": [start, abort, metadata],
  "an error after an error": [start, error, error],
  "a delta after an error": [start, textStart, error, textDelta],
};

describe("createOrder accepts", () => {
  it.each(Object.entries(legal))("%s", (_rule, events) => {
    expect(refusalOf(events)).toBeUndefined();
  });

  it("every legal run, and has ended after its terminal only", () => {
    fc.assert(
      fc.property(legalRun(), (run) => {
        const order = createOrder();
        for (const event of run) {
          expect(order.ended).toBe(false);
          order.accept(event);
        }
        expect(order.ended).toBe(true);
      }),
    );
  });
});

describe("createOrder refuses", () => {
  it.each(Object.entries(illegal))("%s", (_rule, events) => {
    expect(refusalOf(events)).toEqual({ index: events.length - 1, code: "chat/order" });
  });

  it.each(Object.entries(tooLate))("%s", (_rule, events) => {
    expect(refusalOf(events)).toEqual({ index: events.length - 1, code: "run/ended" });
  });

  it("every legal run without its start", () => {
    fc.assert(
      fc.property(legalRun(), (run) => {
        const rest = run.filter((event) => !("type" in event) || event.type !== "start");
        expect(refusalOf(rest)).toEqual({ index: 0, code: "chat/order" });
      }),
    );
  });

  it("anything after the terminal of a legal run", () => {
    fc.assert(
      fc.property(legalRun(), fc.nat(), (run, pick) => {
        const late = run[pick % run.length]!;
        expect(refusalOf([...run, late])).toEqual({ index: run.length, code: "run/ended" });
      }),
    );
  });

  it("what has no beginning, wherever it is put into a legal run, and goes on as if it had not come", () => {
    const unheardOf: readonly RunEvent[] = [
      { type: "text-delta", id: "unheard of", delta: "x" },
      { type: "text-end", id: "unheard of" },
      { type: "reasoning-delta", id: "unheard of", delta: "x" },
      { type: "reasoning-end", id: "unheard of" },
      { type: "tool-input-delta", toolCallId: "unheard of", inputTextDelta: "x" },
      { type: "tool-output-available", toolCallId: "unheard of", output: 1 },
      { type: "tool-output-error", toolCallId: "unheard of", errorText: "x" },
      { type: "tool-output-denied", toolCallId: "unheard of" },
      { type: "tool-approval-request", toolCallId: "unheard of", approvalId: "x" },
    ];
    fc.assert(
      fc.property(legalRun(), (run) => {
        const order = createOrder();
        for (const event of run) {
          for (const wrong of unheardOf) expect(() => order.accept(wrong)).toThrow("out of order");
          order.accept(event);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("a repetition of what must not be repeated, and goes on as if it had not come", () => {
    const once = new Set(["text-start", "text-end", "reasoning-start", "reasoning-end", "tool-input-start"]);
    for (const type of ["tool-input-available", "tool-output-denied", "start-step", "finish-step"]) once.add(type);
    fc.assert(
      fc.property(legalRun(), (run) => {
        const order = createOrder();
        for (const event of run) {
          order.accept(event);
          if (!("type" in event) || !once.has(event.type)) continue;
          expect(() => order.accept(event)).toThrow("out of order");
        }
      }),
    );
  });

  it("with a message that says what came and what was expected", () => {
    const order = createOrder();
    order.accept(start);
    expect(() => order.accept(textDelta)).toThrow(
      '`text-delta` is out of order: `text-start` with id "t" must come first.',
    );
    expect(() => order.accept(output)).toThrow(
      '`tool-output-available` is out of order: `tool-input-available` must come first, and no final output (tool call "c").',
    );
  });

  it("with a message that stays short when an id does not", () => {
    const order = createOrder();
    order.accept(start);
    const refusal = refusalBy(() => order.accept({ type: "text-end", id: "x".repeat(100_000) }));
    expect(refusal.message.length).toBeLessThan(300);
  });
});

function refusalOf(events: readonly RunEvent[]): { index: number; code: string } | undefined {
  const order = createOrder();
  for (const [index, event] of events.entries()) {
    try {
      order.accept(event);
    } catch (thrown) {
      if (!isSluiceError(thrown)) throw thrown;
      return { index, code: thrown.code };
    }
  }
  expect(order.ended).toBe(isTerminal(events.at(-1)!));
  return undefined;
}

function refusalBy(run: () => void): Error {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof Error) return thrown;
  }
  throw new Error("It was accepted.");
}
