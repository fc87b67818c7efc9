import { isObject } from "../base/json.ts";
import type { ChatEvent, FinishReason, RunEvent, Usage } from "../chat/index.ts";
import { addUsage, attachmentOf, finishReasonOf, messageType } from "./langchain.ts";
import { createModelCall, type Channel, type ModelCall } from "./model-call.ts";
import { createToolCalls } from "./tool-calls.ts";

/**
 * A callback handler of LangChain, structural: what models, tools and nodes do, in the order in which they do it. They
 * wait until it was taken, which LangGraph's own stream of messages does not do.
 */
export interface Listener {
  readonly name: string;
  readonly awaitHandlers: true;
  /**
   * Models stream inside, also those whose answer is told in one piece. Without it ChatOpenAI counts the tokens of what it
   * streamed by a table that it fetches from the network, and holds its end back for that.
   */
  readonly lc_prefer_streaming: true;
  handleChatModelStart(...args: readonly unknown[]): void;
  handleLLMStart(...args: readonly unknown[]): void;
  handleLLMNewToken(...args: readonly unknown[]): Promise<void>;
  handleLLMEnd(...args: readonly unknown[]): Promise<void>;
  handleLLMError(...args: readonly unknown[]): Promise<void>;
  handleToolEnd(...args: readonly unknown[]): Promise<void>;
  handleChainStart(...args: readonly unknown[]): Promise<void>;
  handleChainEnd(...args: readonly unknown[]): Promise<void>;
  handleChainError(...args: readonly unknown[]): void;
}

export interface Listening {
  readonly listener: Listener;
  /** Text that is no model's: what a node wrote. */
  write(text: string): Promise<void>;
  emit(event: RunEvent): Promise<void>;
  /** The graph is over: what ends with it. */
  end(): readonly RunEvent[];
  /** Whether an error is what a model's provider, or the way to it, failed with. */
  isModels(error: unknown): boolean;
  /** What the models used in all, and why the last one ended. */
  outcome(): { readonly usage: Usage | undefined; readonly finishReason: FinishReason | undefined };
}

export function listen(
  push: (events: readonly RunEvent[]) => Promise<void>,
  options: { readonly streamAll: boolean },
): Listening {
  const tools = createToolCalls();
  const models = new Map<unknown, ModelCall>();
  const nodes = new Map<unknown, Channel>();
  const said = createSeen();
  const files = new Set<string>();
  const failures = new Set<unknown>();
  let calls = 0;
  let usage: Usage | undefined;
  let finishReason: FinishReason | undefined;
  let written: ModelCall | undefined;

  const open = (channel: Channel): ModelCall => {
    calls += 1;
    return createModelCall(`text-${calls}`, channel, tools.open());
  };

  // What a node wrote ends where anything else is said, so that the parts of the message keep their order.
  const send = (events: readonly RunEvent[]): Promise<void> => {
    if (events.length === 0) return Promise.resolve();
    const ended = written?.end() ?? [];
    written = undefined;
    return push([...ended, ...events]);
  };

  const inOnePiece = new Set<unknown>();
  const modelStarts = (...[, , runId, , more, tags, metadata]: readonly unknown[]): void => {
    if (isSilent(tags)) return;
    models.set(runId, open(channelOf(metadata)));
    if (!options.streamAll && isToldNotToStream(more)) inOnePiece.add(runId);
  };

  const forget = (runId: unknown): void => {
    models.delete(runId);
    inOnePiece.delete(runId);
  };

  const attach = (value: unknown): readonly ChatEvent[] => {
    const file = attachmentOf(value);
    if (file === undefined || files.has(file.url)) return [];
    files.add(file.url);
    return [file];
  };

  // Its artifact is what a tool hands over beside what the model reads.
  const toolSaid = (message: Record<string, unknown>): readonly ChatEvent[] => {
    const { artifact } = message;
    said.add(message);
    const attached = Array.isArray(artifact) ? artifact : [artifact];
    return [...tools.output(message), ...attached.flatMap(attach)];
  };

  const nodeSaid = (message: Record<string, unknown>, channel: Channel): readonly ChatEvent[] => {
    const isNew = !said.has(message);
    said.add(message); // also one that is known: nodes give messages ids of their own
    if (!isNew) return [];
    if (messageType(message) === "tool") return toolSaid(message);
    return messageType(message) === "ai" ? open(channel).end(message) : [];
  };

  return {
    listener: {
      name: "sluice",
      awaitHandlers: true,
      lc_prefer_streaming: true,
      handleChatModelStart: modelStarts,
      handleLLMStart: modelStarts,
      handleLLMNewToken(token, index, runId, _parent, _tags, fields) {
        const model = models.get(runId);
        const isFirst = !isObject(index) || (index["completion"] ?? 0) === 0;
        if (model === undefined || !isFirst || inOnePiece.has(runId)) return Promise.resolve();
        const chunk = isObject(fields) && isObject(fields["chunk"]) ? fields["chunk"]["message"] : undefined;
        return send(isObject(chunk) ? model.add(chunk) : model.say(typeof token === "string" ? token : ""));
      },
      handleLLMEnd(output, runId) {
        const { message, info, text } = firstGeneration(output);
        if (message !== undefined) {
          usage = addUsage(usage, message);
          finishReason = finishReasonOf(message, info) ?? finishReason;
        }
        const model = models.get(runId);
        if (model === undefined) return Promise.resolve();
        if (message !== undefined) said.add(message);
        forget(runId);
        return send(model.end(message ?? { content: text }));
      },
      handleLLMError(error, runId) {
        failures.add(error);
        const model = models.get(runId);
        forget(runId);
        return send(model?.end() ?? []);
      },
      handleToolEnd(output) {
        if (!isObject(output) || !(messageType(output) === "tool" || isCommand(output))) return Promise.resolve();
        // A command may take along what was said before.
        const messages = messagesIn(output).filter((message) => messageType(message) === "tool" && !said.has(message));
        return send([...messages.flatMap(toolSaid), ...attachmentsIn(output).flatMap(attach)]);
      },
      handleChainStart(_chain, inputs, runId, _parent, tags, metadata, _type, name) {
        const node = isObject(metadata) ? metadata["langgraph_node"] : undefined;
        if (node === undefined || node !== name || isHidden(tags)) return Promise.resolve();
        nodes.set(runId, channelOf(metadata));
        for (const message of messagesIn(inputs)) said.add(message);
        return send([{ type: "data-step", id: String(runId), data: { name: String(name) }, transient: true }]);
      },
      handleChainEnd(told, runId) {
        const channel = nodes.get(runId);
        nodes.delete(runId);
        if (channel === undefined) return Promise.resolve();
        const outputs = listIn(told);
        const messages = messagesIn(outputs).flatMap((message) => nodeSaid(message, channel));
        return send([...messages, ...attachmentsIn(outputs).flatMap(attach)]);
      },
      handleChainError(_error, runId) {
        nodes.delete(runId);
      },
    },
    write(text) {
      written ??= open("text");
      return push(written.say(text));
    },
    emit: (event) => send([event]),
    end: () => written?.end() ?? [],
    isModels: (error) => failures.has(error),
    outcome: () => ({ usage, finishReason }),
  };
}

/** Messages that were said or read already: by their ids, and those without one as they are. */
function createSeen(): { add(message: Record<string, unknown>): void; has(message: Record<string, unknown>): boolean } {
  const ids = new Set<unknown>();
  const objects = new WeakSet();
  return {
    add(message) {
      objects.add(message);
      if (typeof message["id"] === "string") ids.add(message["id"]);
    },
    has: (message) => objects.has(message) || ids.has(message["id"]),
  };
}

function firstGeneration(output: unknown): {
  readonly message: Record<string, unknown> | undefined;
  readonly info: unknown;
  readonly text: unknown;
} {
  const generations = isObject(output) && Array.isArray(output["generations"]) ? output["generations"] : [];
  const first: unknown = Array.isArray(generations[0]) ? generations[0][0] : undefined;
  if (!isObject(first)) return { message: undefined, info: undefined, text: undefined };
  const { message, generationInfo, text } = first;
  return { message: isObject(message) ? message : undefined, info: generationInfo, text };
}

// A node's `metadata: {stream_channel: "processing"}` says what its models speak for.
function channelOf(metadata: unknown): Channel {
  return isObject(metadata) && metadata["stream_channel"] === "processing" ? "processing" : "text";
}

// Where `streaming` is not set, ChatOpenAI and others say that they will not.
function isToldNotToStream(more: unknown): boolean {
  const parameters = isObject(more) ? more["invocation_params"] : undefined;
  return isObject(parameters) && parameters["stream"] === false;
}

// LangGraph's own tags for what is not to be streamed, or shown.
function isSilent(tags: unknown): boolean {
  return Array.isArray(tags) && (tags.includes("nostream") || tags.includes("langsmith:nostream"));
}

function isHidden(tags: unknown): boolean {
  return Array.isArray(tags) && tags.includes("langsmith:hidden");
}

// LangChain tells of a list as the only `output` of an object. One without commands is part of a state of that name.
function listIn(outputs: unknown): unknown {
  if (!isObject(outputs) || Object.keys(outputs).length !== 1) return outputs;
  const { output } = outputs;
  return Array.isArray(output) && output.some((item) => isObject(item) && isCommand(item)) ? output : outputs;
}

/** The messages in a node's input or output: in the values of a state, in a list, in the update of a command. */
function messagesIn(value: unknown): readonly Record<string, unknown>[] {
  if (Array.isArray(value))
    return value.flatMap((item: unknown) => (isState(item) ? messagesIn(item) : messageIn(item)));
  if (!isObject(value)) return [];
  if (messageType(value) !== undefined) return [value];
  if (isCommand(value)) return messagesIn(value["update"]);
  return Object.values(value).flatMap((item) => (Array.isArray(item) ? item.flatMap(messageIn) : messageIn(item)));
}

function messageIn(value: unknown): readonly Record<string, unknown>[] {
  return isObject(value) && messageType(value) !== undefined ? [value] : [];
}

function attachmentsIn(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value.flatMap((item: unknown) => (isState(item) ? attachmentsIn(item) : []));
  if (!isObject(value)) return [];
  if (isCommand(value)) return attachmentsIn(value["update"]);
  const { attachments } = value;
  return Array.isArray(attachments) ? attachments : [];
}

// Nodes that call tools return one command, or one state, a tool.
function isState(value: unknown): boolean {
  return isObject(value) && messageType(value) === undefined;
}

function isCommand(value: Record<string, unknown>): boolean {
  return value["lg_name"] === "Command";
}
