import { isObject } from "../base/json.ts";
import { isTerminal, parseRunEvent, type RunEvent } from "../chat/index.ts";
import { contentOf } from "../llm/files.ts";
import { toModelError } from "../llm/openai-errors.ts";
import type { GraphConfig, GraphPayload } from "./builder.ts";
import type { CompiledGraph } from "./compiled.ts";
import { createHandover } from "./handover.ts";
import { listen, type Listening } from "./listener.ts";

export interface GraphRun {
  readonly input: unknown;
  readonly config: GraphConfig;
  /** Whether models are to stream that were not told to. */
  readonly streamAll: boolean;
}

/**
 * What a compiled graph does, as events of a run: what its models say and its tools answer, attachments, what its nodes
 * write (`config.writer`), and `finish` with the usage of all models. The graph waits while nobody takes them. Leaving
 * early, or the signal of the config, aborts it.
 * @throws what the graph throws; what a model failed with as `llm/*`
 */
export async function* graphEvents(graph: CompiledGraph, run: GraphRun): AsyncGenerator<RunEvent> {
  const handover = createHandover<RunEvent>();
  const left = new AbortController();
  const signal = AbortSignal.any([run.config.signal, left.signal]);
  const listening = listen(handover.push, run);
  // The iteration below ends with the run, also while a node hangs that does not look at its signal.
  const onAbort = (): void => handover.end({ error: signal.reason });
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    drive(graph, run, listening, signal).then(
      () => handover.end(),
      (error: unknown) => handover.end({ error: listening.isModels(error) ? toModelError(error) : error }),
    );
    yield* handover;
    yield* listening.end();
    const { usage, finishReason = "stop" } = listening.outcome();
    yield { type: "finish", finishReason, ...(usage === undefined ? {} : { messageMetadata: { usage } }) };
  } finally {
    signal.removeEventListener("abort", onAbort);
    left.abort();
  }
}

async function drive(graph: CompiledGraph, run: GraphRun, listening: Listening, signal: AbortSignal): Promise<void> {
  const { input, config } = run;
  const stream = await graph.stream(input, {
    ...config,
    signal,
    callbacks: withListener(config["callbacks"], listening.listener),
    streamMode: ["custom", "updates"],
    subgraphs: true,
  });
  const told = new Set<string>();
  for await (const item of stream) {
    const [, mode, value] = Array.isArray(item) ? (item as readonly unknown[]) : [];
    if (mode === "custom") await written(value, listening);
    else if (mode === "updates") await interrupted(value, listening, told);
  }
}

// Handlers of one's own come as a list, or in a manager.
function withListener(given: unknown, listener: unknown): unknown {
  if (isObject(given) && typeof given["copy"] === "function") {
    return (given as { copy(more: readonly unknown[]): unknown }).copy([listener]);
  }
  return Array.isArray(given) ? [...(given as readonly unknown[]), listener] : [listener];
}

/** Text, an event of ours, or anything else, which becomes data that the message does not keep. */
function written(value: unknown, { write, emit }: Listening): Promise<void> {
  if (typeof value === "string") return write(value);
  return emit(ownEvent(value) ?? { type: "data-custom", data: value ?? null, transient: true });
}

function ownEvent(value: unknown): RunEvent | undefined {
  try {
    const event = parseRunEvent(value);
    // A graph ends by ending.
    return isTerminal(event) || ("type" in event && event.type === "start") ? undefined : event;
  } catch {
    return undefined;
  }
}

/** @param told the ids of interrupts: one of a subgraph comes again with every graph around it */
async function interrupted(update: unknown, { emit }: Listening, told: Set<string>): Promise<void> {
  const interrupts = isObject(update) ? update["__interrupt__"] : undefined;
  if (!Array.isArray(interrupts)) return;
  for (const one of interrupts.filter(isObject)) {
    const { id, value = null } = one;
    const named = typeof id === "string" ? { id } : undefined;
    if (named && told.has(named.id)) continue;
    if (named) told.add(named.id);
    await emit({ type: "data-interrupt", ...named, data: value });
  }
}

/**
 * What a graph is given: what `preparePayload` set, else the state that was asked with and the messages that the graph does
 * not know. A graph with a checkpoint of this thread knows what was said; `messages` that beat it replace it.
 */
export async function inputOf(graph: CompiledGraph, payload: GraphPayload, config: GraphConfig): Promise<unknown> {
  const { input, state, history, replaces } = payload;
  if (input !== undefined) return input;
  const messages = payload.messages.map((message) => ({ role: message.role, content: contentOf(message) }));
  if (messages.length === 0) return { ...state };
  if (payload.threadId === undefined || !(await remembers(graph, config))) return { ...state, messages };
  return { ...state, messages: replaces ? [FORGET, ...messages] : messages.slice(history) };
}

// What LangGraph takes for "remove all messages".
const FORGET = { type: "remove", id: "__remove_all__" };

async function remembers(graph: CompiledGraph, { configurable }: GraphConfig): Promise<boolean> {
  if (!graph.checkpointer || typeof graph.getState !== "function") return false;
  const snapshot = await graph.getState({ configurable } as never);
  const values = isObject(snapshot) ? snapshot["values"] : undefined;
  return isObject(values) && Array.isArray(values["messages"]) && values["messages"].length > 0;
}
