import { SluiceError } from "../base/errors.ts";
import type { ChatEvent, DataEvent, FileEvent, SourceEvent, ToolEvent } from "./events.ts";
import { isSpokenEvent, isToolEvent, isToolInputEvent } from "./kind.ts";
import type { SpokenEvent } from "./kind.ts";
import type { MessagePart, ToolPart } from "./message.ts";
import { advanceTool } from "./tool.ts";

/** The parts of a message while it grows. A part is never changed, only replaced: whoever holds one may compare it. */
export interface Parts {
  /** Takes what makes or changes a part; passes over everything else. @throws SluiceError `chat/order` */
  add(event: ChatEvent): void;
  /** Ends open text and reasoning. A tool's input that is not complete stays as it is, and takes no more. */
  endStep(): void;
  list(): readonly MessagePart[];
}

/** Positions in the list of parts. A map, because ids come from elsewhere and may be `__proto__`. */
type Positions = Map<string, number>;

export function createParts(): Parts {
  const parts: MessagePart[] = [];
  const text: Positions = new Map();
  const reasoning: Positions = new Map();
  const inputs: Positions = new Map(); // tool inputs that are still streaming
  const calls: Positions = new Map(); // the last part with that toolCallId
  const data: Positions = new Map();

  const push = (part: MessagePart): number => parts.push(part) - 1;

  const addSpoken = (open: Positions, event: SpokenEvent): void => {
    if (event.type === "text-start" || event.type === "reasoning-start") {
      const type = event.type === "text-start" ? "text" : "reasoning";
      open.set(event.id, push({ type, text: "", state: "streaming", ...metadataOf(event) }));
      return;
    }
    const index = open.get(event.id) ?? -1;
    const part = parts[index];
    if (part?.type !== "text" && part?.type !== "reasoning") throw orphan(event);
    if (event.type === "text-delta" || event.type === "reasoning-delta") {
      const text = part.text + event.delta;
      const metadata = event.providerMetadata ?? part.providerMetadata;
      // Written out: most events of a run come by here.
      parts[index] =
        metadata === undefined
          ? { type: part.type, text, state: part.state }
          : { type: part.type, text, state: part.state, providerMetadata: metadata };
    } else {
      parts[index] = { ...part, state: "done", ...metadataOf(event) };
      open.delete(event.id);
    }
  };

  const addTool = (event: ToolEvent): void => {
    const id = event.toolCallId;
    const isInput = isToolInputEvent(event) || event.type === "tool-input-delta";
    // A call that begins is a new part, also when an earlier one had the same id.
    const index = (isInput ? inputs : calls).get(id);
    const part = advanceTool(index === undefined ? undefined : toolAt(parts, index), event);
    const position = index ?? push(part);
    parts[position] = part;
    if (!isInput) return;
    calls.set(id, position);
    if (part.state === "input-streaming") inputs.set(id, position);
    else inputs.delete(id);
  };

  const addData = (event: DataEvent): void => {
    if (event.transient === true) return;
    const key = event.id === undefined ? undefined : JSON.stringify([event.type, event.id]);
    const index = key === undefined ? undefined : data.get(key);
    if (index !== undefined) parts[index] = event;
    else if (key === undefined) push(event);
    else data.set(key, push(event));
  };

  const end = (open: Positions): void => {
    for (const index of open.values()) {
      const part = parts[index];
      if (part?.type === "text" || part?.type === "reasoning") parts[index] = { ...part, state: "done" };
    }
    open.clear();
  };

  const endStep = (): void => {
    end(text);
    end(reasoning);
    inputs.clear();
  };

  return {
    endStep,
    list: () => parts.slice(),
    add(event) {
      if (isSpokenEvent(event)) addSpoken(event.type.startsWith("text") ? text : reasoning, event);
      else if (isToolEvent(event)) addTool(event);
      else if (isAsItIs(event)) push(event);
      else if (isDataEvent(event)) addData(event);
      else if (event.type === "start-step") push({ type: "step-start" });
      else if (event.type === "finish-step") endStep();
    },
  };
}

/** Events that are a part already. */
function isAsItIs(event: ChatEvent): event is SourceEvent | FileEvent {
  return event.type === "source-url" || event.type === "source-document" || event.type === "file";
}

function isDataEvent(event: ChatEvent): event is DataEvent {
  return event.type.startsWith("data-");
}

function metadataOf(event: SpokenEvent): { readonly providerMetadata?: unknown } {
  return event.providerMetadata === undefined ? {} : { providerMetadata: event.providerMetadata };
}

function toolAt(parts: readonly MessagePart[], index: number): ToolPart | undefined {
  const part = parts[index];
  return part !== undefined && "toolCallId" in part ? part : undefined;
}

function orphan({ type, id }: SpokenEvent): SluiceError {
  const shown = JSON.stringify(id.slice(0, 64));
  return new SluiceError("chat/order", `\`${type}\` for part ${shown}, which is not open.`, { details: { type } });
}
