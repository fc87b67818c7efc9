import { untilAborted } from "../base/abort.ts";
import { sleep } from "../base/clock.ts";
import type { Clock } from "../base/clock.ts";
import { isTerminal } from "../chat/events.ts";
import type { ChatEvent } from "../chat/events.ts";
import { waitingClock } from "../flow/clock.ts";
import type { Model, ModelRequest } from "../llm/index.ts";
import { createPauses } from "./pauses.ts";
import type { Pauses } from "./pauses.ts";
import { createParts } from "./scripted-parts.ts";
import type { ToolCallStep } from "./scripted-parts.ts";

/**
 * One thing the model does: text, as a string; any chat event as it is, which closes the part that strings have
 * opened; an `Error`, which is thrown; or one of these.
 */
export type ModelStep =
  | string
  | Error
  | ChatEvent
  | { readonly type: "reasoning"; readonly text: string }
  | ToolCallStep
  /** Nothing for so long, by the clock. */
  | { readonly type: "wait"; readonly ms: number }
  /** Nothing until the test calls `resume`. */
  | { readonly type: "pause" };

/**
 * The same steps for each call, or a function of the request; an async generator may wait for whatever it likes. At
 * their end the answer finishes by itself, unless a step was a terminal.
 */
export type ModelScript =
  | readonly ModelStep[]
  | ((request: ModelRequest, call: number) => Iterable<ModelStep> | AsyncIterable<ModelStep>);

export interface ScriptedModelOptions {
  /** Default `scripted`. */
  readonly name?: string;
  /** Before each text, that of reasoning too. Default 0. */
  readonly delayMs?: number;
  /** Default: the system's. With a manual one (`createManualClock`) time passes when the test says so. */
  readonly clock?: Clock;
}

export interface ScriptedModel extends Model {
  /** In the order they came. */
  readonly calls: readonly ModelCall[];
  /**
   * Lets one pause pass: the one that a call has stood at longest, or else the next that is reached. So a test need
   * not know who is there first.
   */
  resume(): void;
  /** Resolves while a call stands at a pause. */
  untilPaused(): Promise<void>;
}

export interface ModelCall {
  readonly request: ModelRequest;
  readonly signal: AbortSignal;
  /** All that it has said so far. */
  readonly events: readonly ChatEvent[];
  /** `left`: whoever asked took no more, without a word. */
  readonly status: "running" | "paused" | "finished" | "failed" | "aborted" | "left";
  /** Resolves when it is over, with how. */
  readonly ended: Promise<ModelCall["status"]>;
}

/**
 * A model that does what a test tells it to, and remembers how it was called. Wherever a model goes:
 * `createSluice({ answer: (ask) => ({ signal }) => model.stream(ask, signal) })`.
 */
export function scriptedModel(script: ModelScript, options: ScriptedModelOptions = {}): ScriptedModel {
  const { name = "scripted", delayMs = 0, clock = waitingClock } = options;
  const calls: ModelCall[] = [];
  const pauses = createPauses();
  return {
    name,
    calls,
    resume: pauses.resume,
    untilPaused: pauses.untilReached,
    stream(request, signal) {
      const call = createCall(request, signal);
      const steps = typeof script === "function" ? script(request, calls.length) : script;
      calls.push(call.view);
      return follow(play(steps, { clock, delayMs, pauses, call }), call);
    },
  };
}

interface Call {
  readonly view: ModelCall;
  readonly signal: AbortSignal;
  readonly events: ChatEvent[];
  setStatus(status: ModelCall["status"]): void;
}

function createCall(request: ModelRequest, signal: AbortSignal): Call {
  const events: ChatEvent[] = [];
  let status: ModelCall["status"] = "running";
  let end = (_status: ModelCall["status"]): void => {};
  const ended = new Promise<ModelCall["status"]>((resolve) => (end = resolve));
  return {
    signal,
    events,
    setStatus(next) {
      status = next;
      if (next !== "running" && next !== "paused") end(next);
    },
    view: {
      request,
      signal,
      events,
      ended,
      get status() {
        return status;
      },
    },
  };
}

/** Notes what is given, and how it ended. */
async function* follow(events: AsyncIterable<ChatEvent>, call: Call): AsyncGenerator<ChatEvent> {
  const { signal } = call;
  let outcome: ModelCall["status"] = "left";
  try {
    // A script that hangs in a promise of the test's own does not outlive the call.
    for await (const event of untilAborted(events, signal)) {
      call.events.push(event);
      yield event;
    }
    outcome = "finished";
  } catch (error) {
    outcome = signal.aborted ? "aborted" : "failed";
    throw error;
  } finally {
    call.setStatus(outcome === "left" && signal.aborted ? "aborted" : outcome);
  }
}

interface Stage {
  readonly clock: Clock;
  readonly delayMs: number;
  readonly pauses: Pauses;
  readonly call: Call;
}

async function* play(
  steps: Iterable<ModelStep> | AsyncIterable<ModelStep>,
  { clock, delayMs, pauses, call }: Stage,
): AsyncGenerator<ChatEvent> {
  const { signal } = call;
  const parts = createParts();
  for await (const step of steps) {
    if (delayMs > 0 && isSaid(step)) await sleep(clock, delayMs, signal);
    if (typeof step === "string") {
      yield* parts.say("text", step);
    } else if (step instanceof Error) {
      throw step;
    } else if (isAct(step)) {
      if (step.type === "reasoning") yield* parts.say("reasoning", step.text);
      else if (step.type === "tool") yield* parts.callTool(step);
      else if (step.type === "wait") await sleep(clock, step.ms, signal);
      else await pauses.pass(signal, call.setStatus);
    } else {
      yield* parts.close();
      yield step;
      if (isTerminal(step)) return;
    }
  }
  yield* parts.close();
  yield { type: "finish", finishReason: "stop" };
}

/** Text, of either kind. */
function isSaid(step: ModelStep): boolean {
  return typeof step === "string" || (!(step instanceof Error) && step.type === "reasoning");
}

type Act = Extract<ModelStep, { readonly type: "reasoning" | "tool" | "wait" | "pause" }>;

const ACTS: readonly string[] = ["reasoning", "tool", "wait", "pause"];

function isAct(step: ChatEvent | Act): step is Act {
  return ACTS.includes(step.type);
}
