import { SluiceError } from "../base/errors.ts";
import { isApplicationEvent, isTerminal } from "./events.ts";
import type { ChatEvent, RunEvent, ToolEvent } from "./events.ts";
import { isSpokenEvent, isToolEvent } from "./kind.ts";
import type { SpokenEvent } from "./kind.ts";

/** The order that the events of one run keep. PROTOCOL.md section 4. */
export interface Order {
  /**
   * Takes the next event. An event that is refused changes nothing.
   * @throws SluiceError `chat/order`; `run/ended` after the terminal
   */
  accept(event: RunEvent): void;
  readonly ended: boolean;
}

export function createOrder(): Order {
  let phase: "new" | "started" | "content" | "ended" = "new";
  let inStep = false;
  const text = new Set<string>();
  const reasoning = new Set<string>();
  const tools: Tools = { inputs: new Set(), calls: new Map() };

  const step = (type: "start-step" | "finish-step"): void => {
    if (inStep === (type === "start-step")) {
      throw refused(type, inStep ? "the step before must be finished" : "no step is open");
    }
    inStep = !inStep;
    if (inStep) return;
    text.clear();
    reasoning.clear();
    tools.inputs.clear();
  };

  // False for what may come at any time: metadata, data, sources and files.
  const acceptContent = (event: ChatEvent): boolean => {
    if (isSpokenEvent(event)) acceptSpoken(event.type.startsWith("text") ? text : reasoning, event);
    else if (isToolEvent(event)) acceptTool(tools, event);
    else if (event.type === "start-step" || event.type === "finish-step") step(event.type);
    else return false;
    return true;
  };

  return {
    get ended() {
      return phase === "ended";
    },

    accept(event) {
      if (phase === "ended")
        throw new SluiceError("run/ended", `The run has ended: \`${nameOf(event)}\` comes too late.`);
      if (phase === "new" && !isStart(event)) throw refused(nameOf(event), "`start` must be the first event");
      if (isApplicationEvent(event)) return;
      if (isTerminal(event)) phase = "ended";
      else if (isStart(event)) {
        if (phase === "content") throw refused("start", "it must come before any text, reasoning, tool or step");
        phase = "started";
      } else if (acceptContent(event)) phase = "content";
    },
  };
}

function isStart(event: RunEvent): boolean {
  return !isApplicationEvent(event) && event.type === "start";
}

function acceptSpoken(open: Set<string>, event: SpokenEvent): void {
  const { type, id } = event;
  const starts = type === "text-start" || type === "reasoning-start";
  if (open.has(id) === starts) {
    const kind = type.startsWith("text") ? "text" : "reasoning";
    const expected = starts
      ? `${kind} ${quote(id)} must end first`
      : `\`${kind}-start\` with id ${quote(id)} must come first`;
    throw refused(type, expected);
  }
  if (starts) open.add(id);
  else if (type === "text-end" || type === "reasoning-end") open.delete(id);
}

/** `invalid` is after an input that came with an error; `over` is after the final output. Both leave the id free. */
type ToolState = "none" | "streaming" | "available" | "invalid" | "over";

interface Tools {
  /** Those that are streaming: they end with their step. */
  readonly inputs: Set<string>;
  /** All others. */
  readonly calls: Map<string, ToolState>;
}

interface ToolRule {
  readonly after: readonly ToolState[];
  readonly next: ToolState;
  /** What to say to the producer otherwise. */
  readonly expected: string;
}

const OUTPUT: ToolRule = {
  after: ["available"],
  next: "over",
  expected: "`tool-input-available` must come first, and no final output",
};

const TOOL_RULES: Readonly<Record<ToolEvent["type"], ToolRule>> = {
  "tool-input-start": {
    after: ["none", "invalid", "over"],
    next: "streaming",
    expected: "the call with this id must be over first",
  },
  "tool-input-delta": {
    after: ["streaming"],
    next: "streaming",
    expected: "`tool-input-start` must come first, and the input must not be complete",
  },
  "tool-input-available": {
    after: ["none", "streaming", "invalid", "over"],
    next: "available",
    expected: "the call with this id must be over first",
  },
  "tool-input-error": {
    after: ["none", "streaming", "invalid", "over"],
    next: "invalid",
    expected: "the call with this id must be over first",
  },
  "tool-approval-request": { ...OUTPUT, next: "available" },
  "tool-output-available": OUTPUT,
  "tool-output-denied": OUTPUT,
  "tool-output-error": {
    after: ["available", "invalid"],
    next: "over",
    expected: "`tool-input-available` or `tool-input-error` must come first, and no final output",
  },
};

function acceptTool({ inputs, calls }: Tools, event: ToolEvent): void {
  const { type, toolCallId: id } = event;
  const rule = TOOL_RULES[type];
  const state = inputs.has(id) ? "streaming" : (calls.get(id) ?? "none");
  if (!rule.after.includes(state)) throw refused(type, `${rule.expected} (tool call ${quote(id)})`);
  if (rule.next === "streaming") {
    inputs.add(id);
    calls.delete(id);
  } else {
    const preliminary = type === "tool-output-available" && event.preliminary === true;
    inputs.delete(id);
    calls.set(id, preliminary ? "available" : rule.next);
  }
}

function refused(type: string, expected: string): SluiceError {
  return new SluiceError("chat/order", `\`${type}\` is out of order: ${expected}.`, { details: { type } });
}

function nameOf(event: RunEvent): string {
  return isApplicationEvent(event) ? event.event : event.type;
}

// Ids come from providers and may be of any length.
function quote(id: string): string {
  return JSON.stringify(id.length > 64 ? `${id.slice(0, 64)}…` : id);
}
