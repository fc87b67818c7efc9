import fc from "fast-check";
import type { ChatEvent, FinishReason, RunEvent, TerminalEvent } from "../../src/chat/index.ts";

/**
 * Runs that keep every rule of order. The rules are written here once more, by hand and as a list of what may come
 * next, so that this and `createOrder` are a test of each other.
 */
export function legalRun(options: LegalRunOptions = {}): fc.Arbitrary<readonly RunEvent[]> {
  return fc
    .tuple(startEvent, fc.array(intent, { maxLength: 60, size: "max" }), terminalEvent)
    .map(([start, intents, terminal]) => [start, ...walk(intents, start, options), terminal]);
}

export interface LegalRunOptions {
  /** Only what the AI SDK knows and does as we do: `oracle.test.ts` names what is left out. */
  readonly forAiSdk?: boolean;
}

/** Names that are keys of every object, and ids that are easily mistaken for one another. */
const ids: readonly string[] = ["1", "", "__proto__", "constructor"];

interface Intent {
  readonly about: "spoken" | "tool" | "step" | "anything";
  readonly pick: number;
  /** How many deltas in a row. */
  readonly burst: number;
  readonly id: string;
  readonly text: string;
  readonly value: unknown;
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
  readonly flag: boolean;
}

const providerMetadata = fc.option(fc.constantFrom({ p: { n: 1 } }, { p: { n: 2 } }, { ["__proto__"]: { n: 3 } }), {
  nil: undefined,
  freq: 5,
});

// Through JSON and back, as the log does: no -0, no undefined, and `__proto__` as a key of its own.
const json = fc.json({ maxDepth: 2 }).map((text): unknown => JSON.parse(text));
const messageMetadata = fc.oneof(
  json.map((value) => ({ a: value })),
  fc.constantFrom<unknown>(
    JSON.parse('{"__proto__":{"polluted":1},"a":{"b":1}}'),
    JSON.parse('{"constructor":{"prototype":{"polluted":1}},"a":{"c":[1]}}'),
    { a: { b: 2 }, usage: { totalTokens: 3 } },
    null,
  ),
);

const intent: fc.Arbitrary<Intent> = fc.record({
  about: fc.constantFrom("spoken", "spoken", "spoken", "tool", "tool", "tool", "step", "anything"),
  pick: fc.nat(9_999),
  burst: fc.integer({ min: 1, max: 4 }),
  id: fc.constantFrom(...ids),
  // Units, not code points: models cut surrogate pairs in two.
  text: fc.oneof(
    { weight: 3, arbitrary: fc.string({ maxLength: 8 }) },
    { weight: 1, arbitrary: fc.constantFrom("\ud83d", "\ude00") },
  ),
  value: json,
  metadata: providerMetadata,
  flag: fc.boolean(),
});

type Start = Extract<ChatEvent, { readonly type: "start" }>;

const startEvent: fc.Arbitrary<Start> = fc.record(
  { type: fc.constant("start" as const), messageId: fc.constantFrom(...ids), messageMetadata },
  { requiredKeys: ["type"] },
);

const finishReasons: readonly FinishReason[] = ["stop", "length", "content-filter", "tool-calls", "error", "other"];

const terminalEvent: fc.Arbitrary<TerminalEvent> = fc.oneof(
  fc.record(
    { type: fc.constant("finish" as const), finishReason: fc.constantFrom(...finishReasons), messageMetadata },
    { requiredKeys: ["type"] },
  ),
  fc.record({ type: fc.constant("abort" as const), reason: fc.string() }, { requiredKeys: ["type"] }),
  fc.record(
    { type: fc.constant("error" as const), errorText: fc.string(), code: fc.constant("llm/failed") },
    { requiredKeys: ["type", "errorText"] },
  ),
);

type CallState = "streaming" | "available" | "invalid" | "over";

interface Walk {
  readonly start: Start;
  readonly text: Set<string>;
  readonly reasoning: Set<string>;
  readonly calls: Map<string, { state: CallState; readonly step: number }>;
  step: number;
  inStep: boolean;
  content: boolean;
}

/** An event that may come next, and what it changes. */
type Move = readonly [event: RunEvent, apply: () => void];

function walk(intents: readonly Intent[], start: Start, options: LegalRunOptions): RunEvent[] {
  const state: Walk = {
    start,
    text: new Set(),
    reasoning: new Set(),
    calls: new Map(),
    step: 0,
    inStep: false,
    content: false,
  };
  return intents.flatMap((next) => {
    const moves = movesOf(state, next, options);
    const [event, apply] = moves[next.pick % moves.length]!;
    apply();
    const isDelta = "type" in event && event.type.endsWith("-delta");
    return Array.from({ length: isDelta ? next.burst : 1 }, () => event);
  });
}

function movesOf(state: Walk, next: Intent, options: LegalRunOptions): Move[] {
  const content = {
    spoken: spokenMoves(state, next),
    tool: toolMoves(state, next, options),
    step: stepMoves(state, options),
    anything: [],
  }[next.about];
  if (content.length === 0) return freeMoves(state, next, options);
  return content.map(([event, apply]): Move => [event, () => ((state.content = true), apply())]);
}

function spokenMoves(state: Walk, { id, text, metadata }: Intent): Move[] {
  const extra = metadata === undefined ? {} : { providerMetadata: metadata };
  return (["text", "reasoning"] as const).flatMap((kind): Move[] => {
    const open = state[kind];
    const known = open.has(id) ? id : [...open].at(-1);
    const moves: Move[] = open.has(id) ? [] : [[{ type: `${kind}-start`, id, ...extra }, () => open.add(id)]];
    if (known === undefined) return moves;
    return [
      ...moves,
      [{ type: `${kind}-delta`, id: known, delta: text, ...extra }, () => {}],
      [{ type: `${kind}-delta`, id: known, delta: text }, () => {}],
      [{ type: `${kind}-end`, id: known, ...extra }, () => open.delete(known)],
    ];
  });
}

function toolMoves(state: Walk, next: Intent, options: LegalRunOptions): Move[] {
  const { id: toolCallId, text, value, flag } = next;
  const call = state.calls.get(toolCallId);
  const to = (changed: CallState) => () => {
    state.calls.set(toolCallId, { state: changed, step: call?.state === "streaming" ? call.step : state.step });
  };
  const stay = (): void => {};
  // The id decides, so that a call is dynamic from its beginning to its end.
  const tool = {
    toolCallId,
    toolName: `tool ${toolCallId}`,
    ...(toolCallId === "constructor" ? { dynamic: true } : {}),
  };
  const titled = { ...tool, ...(flag ? { title: text, providerExecuted: true } : {}) };
  const begin: Move[] = [
    [{ type: "tool-input-start", ...titled }, to("streaming")],
    [{ type: "tool-input-available", ...titled, input: value }, to("available")],
    [{ type: "tool-input-error", ...tool, input: value, errorText: text }, to("invalid")],
  ];
  if (call === undefined) return begin;
  const output = { toolCallId, output: value };
  switch (call.state) {
    case "streaming":
      return [
        [{ type: "tool-input-delta", toolCallId, inputTextDelta: text }, stay],
        [{ type: "tool-input-delta", toolCallId, inputTextDelta: text }, stay],
        ...begin.slice(1),
      ];
    case "available":
      return [
        [{ type: "tool-output-available", ...output, preliminary: true }, stay],
        [{ type: "tool-output-available", ...output, ...(flag ? { preliminary: false } : {}) }, to("over")],
        [{ type: "tool-output-error", toolCallId, errorText: text }, to("over")],
        [{ type: "tool-output-denied", toolCallId }, to("over")],
        [{ type: "tool-approval-request", toolCallId, approvalId: text }, stay],
      ];
    case "invalid":
    case "over": {
      const again = options.forAiSdk === true && call.step === state.step ? [] : begin;
      const error: Move = [{ type: "tool-output-error", toolCallId, errorText: text }, to("over")];
      return call.state === "invalid" ? [...again, error] : again;
    }
  }
}

function stepMoves(state: Walk, options: LegalRunOptions): Move[] {
  if (state.inStep) return [[{ type: "finish-step" }, () => endStep(state)]];
  const streaming = [...state.calls.values()].some((call) => call.state === "streaming");
  if (options.forAiSdk === true && streaming) return [];
  return [[{ type: "start-step" }, () => ((state.inStep = true), (state.step += 1))]];
}

function endStep(state: Walk): void {
  state.inStep = false;
  state.text.clear();
  state.reasoning.clear();
  for (const call of state.calls.values()) if (call.state === "streaming") call.state = "over";
}

function freeMoves(state: Walk, next: Intent, options: LegalRunOptions): Move[] {
  const { id, text, value, metadata, flag } = next;
  const extra = metadata === undefined ? {} : { providerMetadata: metadata };
  const named = flag ? { id } : {};
  const events: RunEvent[] = [
    { type: "message-metadata", messageMetadata: { a: { [text]: value } } },
    { type: `data-${text.slice(0, 1)}`, data: value, ...named },
    { type: "data-", data: value, ...named },
    { type: "data-t", data: value, ...named, transient: flag },
    { type: "source-url", sourceId: id, url: text, ...extra },
    {
      type: "source-document",
      sourceId: id,
      mediaType: "text/plain",
      title: text,
      ...(flag ? { filename: text } : {}),
    },
    { type: "file", url: text, mediaType: "image/png", ...extra },
  ];
  if (!state.content) events.push(flag ? { ...state.start, messageId: id } : { type: "start" });
  if (options.forAiSdk !== true) {
    events.push({ event: `e${id}`, data: value }, { event: "start", data: value });
    events.push({ type: "message-metadata", messageMetadata: value });
  }
  return events.map((event) => [event, () => {}]);
}
