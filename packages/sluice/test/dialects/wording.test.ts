import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createOrder, fold, textOf, type RunEvent } from "../../src/chat/index.ts";
import {
  aiSdkDialect,
  builtInDialects,
  envelopeDialect,
  graphDialect,
  isTerminalFrame,
  simpleDialect,
  textDialect,
  updateDialect,
} from "../../src/dialects/index.ts";
import type { Dialect, Frame } from "../../src/dialects/index.ts";
import { legalRun } from "../chat/legal-runs.ts";
import { context, everyEvent, wordingOf } from "./support.ts";

const started: RunEvent = { type: "start", messageId: "msg_1" };
const text: readonly RunEvent[] = [
  { type: "text-start", id: "t" },
  { type: "text-delta", id: "t", delta: "Hel" },
];
const aborted: RunEvent = { type: "abort", reason: "stopped" };
const failed: RunEvent = { type: "error", errorText: "The model failed.", code: "llm/failed" };

/** As `event data`, which is easier to read than objects. */
function lines(dialect: Dialect, events: readonly RunEvent[]): readonly string[] {
  return wordingOf(dialect, events)
    .flat()
    .map(({ event, data }) => (event === undefined ? data : `${event} ${data}`));
}

describe("the simple dialect", () => {
  it("words a run of every event as seed 003 has it", () => {
    expect(lines(simpleDialect, everyEvent)).toEqual([
      'typing {"isTyping":true}',
      'chunk {"content":"Hello, "}',
      'weather {"degrees":21}',
      'progress {"percent":50}',
      'chunk {"content":"world"}',
      'message {"id":"msg_1","role":"assistant","content":"Hello, world","metadata":{"model":"m","lang":"en","usage":{"inputTokens":3,"outputTokens":2}}}',
      'done {"finishReason":"length","usage":{"inputTokens":3,"outputTokens":2}}',
    ]);
  });

  it("gives a stopped run what there is of its message", () => {
    expect(lines(simpleDialect, [started, ...text, aborted]).slice(-2)).toEqual([
      'message {"id":"msg_1","role":"assistant","content":"Hel"}',
      'done {"finishReason":"abort"}',
    ]);
  });

  it("ends a failed run with its code and its message", () => {
    expect(lines(simpleDialect, [started, ...text, failed]).at(-1)).toBe(
      'error {"code":"llm/failed","message":"The model failed."}',
    );
    expect(lines(simpleDialect, [started, { type: "error", errorText: "No." }]).at(-1)).toBe(
      'error {"code":"PROCESSING_ERROR","message":"No."}',
    );
  });

  it("calls an end without a reason `stop`, and a message without a name by its run", () => {
    expect(lines(simpleDialect, [{ type: "start" }, { type: "finish" }]).slice(-2)).toEqual([
      'message {"id":"run_1","role":"assistant","content":""}',
      'done {"finishReason":"stop"}',
    ]);
  });
});

describe("the graph dialect", () => {
  it("words text as seed 004 has it and every other event under its own type", () => {
    const silent = ["text-start", "text-end"];
    const inBetween = everyEvent.slice(0, -1).flatMap((event) => {
      if ("event" in event) return [`${event.event} ${JSON.stringify(event.data)}`];
      if (event.type === "text-delta")
        return [`stream_event {"type":"chunk","content":${JSON.stringify(event.delta)}}`];
      return silent.includes(event.type) ? [] : [`stream_event ${JSON.stringify(event)}`];
    });
    const final = {
      text: "Hello, world",
      attachments: [{ url: "data:image/png;base64,AA==", mediaType: "image/png" }],
      metadata: { model: "m", lang: "en", usage: { inputTokens: 3, outputTokens: 2 }, finishReason: "length" },
    };
    const worded = lines(graphDialect, everyEvent);
    expect(worded.slice(0, -1)).toEqual(inBetween);
    expect(worded.slice(4, 6)).toEqual([
      'stream_event {"type":"reasoning-end","id":"r"}',
      'stream_event {"type":"chunk","content":"Hello, "}',
    ]);
    expect(worded.at(-1)).toMatch(/^final \{"text"/);
    expect(JSON.parse(worded.at(-1)?.slice("final ".length) ?? "")).toEqual(final);
  });

  it("gives a stopped run what there is, and says so", () => {
    expect(lines(graphDialect, [started, ...text, aborted]).at(-1)).toBe(
      'final {"text":"Hel","attachments":[],"metadata":{"finishReason":"abort"}}',
    );
  });

  it("ends a failed run with its message and its code", () => {
    expect(lines(graphDialect, [started, ...text, failed]).at(-1)).toBe(
      'error {"message":"The model failed.","code":"llm/failed"}',
    );
  });
});

describe("the ai-sdk dialect", () => {
  it("passes chat events on as they are and ends with [DONE]", () => {
    const chat = everyEvent.filter((event) => "type" in event);
    expect(lines(aiSdkDialect, chat)).toEqual([...chat.map((event) => JSON.stringify(event)), "[DONE]"]);
  });

  it("words an application event as data that the message does not keep", () => {
    expect(lines(aiSdkDialect, [{ event: "weather", data: 21 }])).toEqual([
      '{"type":"data-weather","data":21,"transient":true}',
    ]);
  });

  it.each([aborted, failed])("ends $type with [DONE] too", (terminal) => {
    expect(lines(aiSdkDialect, [started, terminal]).slice(1)).toEqual([JSON.stringify(terminal), "[DONE]"]);
  });

  it("says which protocol it is", () => {
    expect(aiSdkDialect.headers).toEqual({ "x-vercel-ai-ui-message-stream": "v1" });
  });
});

describe("the envelope dialect", () => {
  it("words a run as seed 000 has it: text as `response`, everything with its run", () => {
    const worded = lines(envelopeDialect, [
      started,
      ...text,
      { type: "text-end", id: "t" },
      { type: "finish", finishReason: "stop", messageMetadata: { usage: { totalTokens: 2 } } },
    ]);
    expect(worded).toEqual([
      'start {"name":"start","meta":{"runId":"run_1","chat":{"type":"start"}},"payload":{"messageId":"msg_1"}}',
      'text-start {"name":"text-start","meta":{"runId":"run_1","chat":{"type":"text-start"}},"payload":{"id":"t"}}',
      'response {"name":"response","meta":{"runId":"run_1","chat":{"type":"text-delta","id":"t"}},"payload":{"text":"Hel","isFinal":false}}',
      'response {"name":"response","meta":{"runId":"run_1","chat":{"type":"text-end","id":"t"}},"payload":{"text":"","isFinal":true}}',
      'done {"name":"done","meta":{"runId":"run_1","chat":{"type":"finish","finishReason":"stop","messageMetadata":{"usage":{"totalTokens":2}}}},"payload":{"finishReason":"stop","usage":{"totalTokens":2}}}',
    ]);
  });

  it.each<readonly [data: unknown, envelope: unknown]>([
    [21, { name: "agent-response", meta: { runId: "run_1" }, payload: 21 }],
    [{ text: "Hello" }, { name: "agent-response", meta: { runId: "run_1" }, payload: { text: "Hello" } }],
    [null, { name: "agent-response", meta: { runId: "run_1" }, payload: null }],
    // An envelope already.
    [
      { name: "agent-response", meta: { contextId: "c" }, payload: { text: "Hello" } },
      { name: "agent-response", meta: { runId: "run_1", contextId: "c" }, payload: { text: "Hello" } },
    ],
    [
      { payload: null, name: "agent-response", meta: { runId: "other", ts: 1 } },
      { name: "agent-response", meta: { runId: "other", ts: 1 }, payload: null },
    ],
    // What looks like one, and is not.
    ...[
      { name: "another", meta: {}, payload: 1 },
      { name: "agent-response", meta: {} },
      { name: "agent-response", payload: 1 },
      { name: "agent-response", meta: { chat: { type: "finish" } }, payload: 1 },
    ].map((data) => [data, { name: "agent-response", meta: { runId: "run_1" }, payload: data }] as const),
  ])("wraps the data %j of an application event once", (data, envelope) => {
    const [worded] = wordingOf(envelopeDialect, [{ event: "agent-response", data }]).flat();
    expect(worded?.event).toBe("agent-response");
    expect(JSON.parse(worded?.data ?? "")).toEqual(envelope);
  });
});

describe("the update dialect", () => {
  it("words a run as seed 001 has it, with all that is no delta aside", () => {
    expect(
      lines(updateDialect, [
        started,
        ...text,
        { event: "weather", data: 21 },
        {
          type: "finish",
          finishReason: "tool-calls",
          messageMetadata: { usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 } },
        },
      ]),
    ).toEqual([
      'update {"delta":"","usage":null,"finish_reason":null,"event":{"type":"start","messageId":"msg_1"}}',
      'update {"delta":"","usage":null,"finish_reason":null,"event":{"type":"text-start","id":"t"}}',
      'update {"delta":"Hel","usage":null,"finish_reason":null,"id":"t"}',
      "weather 21",
      'update {"delta":"","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},"finish_reason":"tool_calls","event":{"type":"finish","finishReason":"tool-calls","messageMetadata":{"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}}}',
      'done {"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},"finish_reason":"tool_calls"}',
    ]);
    expect(updateDialect.headers).toEqual({ "x-synapse-toon-format": "streaming" });
  });

  it.each([
    [aborted, 'done {"usage":null,"finish_reason":"abort"}'],
    [failed, 'error {"message":"The model failed.","code":"llm/failed"}'],
  ])("ends %j", (terminal, last) => {
    expect(lines(updateDialect, [started, terminal]).at(-1)).toBe(last);
  });
});

describe("the text dialect", () => {
  it("words a run as seed 002 has it, with all that is no text aside", () => {
    expect(lines(textDialect, [started, ...text, { event: "weather", data: 21 }, aborted])).toEqual([
      'stream_event {"type":"start","messageId":"msg_1"}',
      'stream_event {"type":"text-start","id":"t"}',
      "Hel",
      "weather 21",
      'done {"finishReason":"abort","event":{"type":"abort","reason":"stopped"}}',
    ]);
    expect(lines(textDialect, [started, { type: "finish", finishReason: "stop" }]).at(-1)).toBe(
      'done {"finishReason":"stop"}',
    );
    expect(lines(textDialect, [started, failed]).at(-1)).toBe(
      'error {"code":"llm/failed","message":"The model failed."}',
    );
  });

  it("sends a character whose halves came in two deltas with the second of them", () => {
    const halves = ["a\ud83d", "\udc4bb"].map((delta): RunEvent => ({ type: "text-delta", id: "t", delta }));
    expect(lines(textDialect, [...text.slice(0, 1), ...halves]).slice(1)).toEqual(["a", "👋b"]);
    expect(halves.map((event) => textDialect.alone?.(context)(event, 2))).toEqual([[{ data: "a" }], undefined]);
  });

  it("leaves half a character alone out, wherever it is in a delta, bare too", () => {
    const deltas = ["a\ud83db", "\ude00\ude00c", "\ud83d", "\ud83d", "", "\udc4b\ude00d\ud83d"];
    const events = deltas.map((delta): RunEvent => ({ type: "text-delta", id: "t", delta }));
    for (const dialect of [textDialect, { ...textDialect, ...textDialect.bare }]) {
      expect(lines(dialect, events)).toEqual(["ab", "c", "", "", "", "👋d"]);
    }
  });

  it("may begin after any event that settles what comes", () => {
    fc.assert(
      fc.property(legalRun(), (events) => {
        for (const dialect of [textDialect, { ...textDialect, ...textDialect.bare }]) {
          const told = events.slice(0, -1); // a failure has no word in bare text
          const whole = wordingOf(dialect, told);
          for (const [index, event] of told.entries()) {
            if (dialect.settles?.(event) !== true) continue;
            const rest = wordingOf(dialect, told.slice(index));
            expect(rest.slice(1)).toEqual(whole.slice(index + 1));
          }
        }
      }),
    );
  });

  it("has one line break for a CRLF, also where it came in two deltas", () => {
    const deltas = ["a\r\nb\r", "\nc"].map((delta): RunEvent => ({ type: "text-delta", id: "t", delta }));
    expect(lines(textDialect, deltas)).toEqual(["a\nb", "\nc"]);
  });
});

const runs: fc.Arbitrary<readonly RunEvent[]> = legalRun();

describe.each(builtInDialects)("the wording of $name", (dialect) => {
  it("gives a frame for the start and for the terminal, whatever lies between", () => {
    fc.assert(
      fc.property(runs, (events) => {
        const frames = wordingOf(dialect, events);
        expect(frames[0]?.length).toBeGreaterThan(0);
        expect(frames.at(-1)?.length).toBeGreaterThan(0);
      }),
    );
  });

  it("depends on nothing but the run and its log", () => {
    fc.assert(
      fc.property(runs, (events) => {
        const frozen = events.map((event) => deepFreeze(structuredClone(event)));
        expect(wordingOf(dialect, frozen)).toEqual(wordingOf(dialect, events));
      }),
    );
  });

  it("tells that the answer is over with the last frame, and with no other", () => {
    fc.assert(
      fc.property(runs, (events) => {
        const frames = wordingOf(dialect, events).flat();
        const over = frames.map((frame) => isTerminalFrame(dialect.name, asDispatched(frame)));
        expect(over.indexOf(true)).toBe(frames.length - 1);
      }),
    );
  });

  it("gives a reader that resumes after any frame exactly the rest", () => {
    fc.assert(
      fc.property(runs, fc.nat(), fc.nat(), (events, at, skip) => {
        const whole = wordingOf(dialect, events);
        const sequence = at % events.length;
        const skipped = skip % ((whole[sequence]?.length ?? 0) + 1);
        const received = [...whole.slice(0, sequence).flat(), ...(whole[sequence] ?? []).slice(0, skipped)];
        // Without the entries before, except for those that take the whole answer.
        const alone = dialect.alone?.(context);
        const again = events.slice(sequence).map((event, index) => {
          const place = sequence + index;
          return alone?.(event, place + 1) ?? whole[place] ?? [];
        });
        const [next = [], ...later] = again;
        expect([...received, ...next.slice(skipped), ...later.flat()]).toEqual(whole.flat());
      }),
    );
  });

  it("gives frames whose data is JSON on one line, or text where that is the dialect", () => {
    fc.assert(
      fc.property(runs, (events) => {
        for (const { event, data } of wordingOf(dialect, events).flat()) {
          if (dialect.name === "text" && event === undefined) continue;
          expect(data).not.toMatch(/[\r\n]/);
          if (data !== "[DONE]") expect(() => JSON.parse(data)).not.toThrow();
        }
      }),
    );
  });
});

describe.each([simpleDialect, graphDialect])("the last frames of $name", (dialect) => {
  it("hold the text that the run folds into", () => {
    const withoutError = runs.filter((events) => events.every((event) => !("type" in event) || event.type !== "error"));
    fc.assert(
      fc.property(withoutError, (events) => {
        const order = createOrder();
        for (const event of events) order.accept(event);
        const frames = wordingOf(dialect, events).flat();
        const last = frames.findLast(({ event }) => event === "message" || event === "final");
        const { content, text: whole = content } = JSON.parse(last?.data ?? "{}") as {
          content?: string;
          text?: string;
        };
        expect(whole).toBe(textOf(fold(events)));
      }),
    );
  });
});

describe("isTerminalFrame", () => {
  it.each([
    ["simple", { event: "done", data: "{}" }, true],
    ["simple", { event: "error", data: "{}" }, true],
    ["simple", { event: "message", data: "{}" }, false],
    ["graph", { event: "final", data: "{}" }, true],
    ["graph", { event: "error", data: "{}" }, true],
    ["graph", { event: "done", data: "{}" }, false],
    ["ai-sdk", { data: "[DONE]" }, true],
    ["ai-sdk", { event: "message", data: "[DONE]" }, true],
    ["ai-sdk", { data: '{"type":"finish"}' }, false],
    ["simple", { event: "chunk", data: "[DONE]" }, false],
    ["envelope", { event: "done", data: "{}" }, true],
    ["update", { event: "error", data: "{}" }, true],
    ["update", { event: "update", data: '{"finish_reason":"stop"}' }, false],
    ["text", { event: "done", data: "{}" }, true],
    ["text", { data: "[DONE]" }, false],
    ["unheard of", { event: "done", data: "{}" }, false],
  ])("%s: %j is %s", (name, frame, over) => {
    expect(isTerminalFrame(name, frame)).toBe(over);
  });
});

/** As `parseEvents` gives it. */
function asDispatched({ event = "message", data }: Frame): Frame {
  return { event, data };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
