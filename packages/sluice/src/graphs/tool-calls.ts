import { isObject } from "../base/json.ts";
import type { ChatEvent } from "../chat/index.ts";
import { completeToolInput, startToolInput } from "../dialects/tool-input.ts";
import type { ToolPiece } from "./langchain.ts";

/** The tool calls of a run, by their ids. */
export interface ToolCalls {
  /** For one model call: which of its tool calls a fragment belongs to. */
  open(): ModelToolCalls;
  /** What a tool said, as a tool message. Nothing for one that is known. */
  output(message: Record<string, unknown>): readonly ChatEvent[];
}

export interface ModelToolCalls {
  add(piece: ToolPiece): readonly ChatEvent[];
  /** The arguments are complete. */
  end(): readonly ChatEvent[];
}

interface Call {
  readonly id: string;
  readonly name: string;
  readonly index: number | undefined;
  text: string;
  state: "streaming" | "available" | "over";
}

export function createToolCalls(): ToolCalls {
  const calls = new Map<string, Call>();
  let unnamed = 0;

  const complete = (call: Call): readonly ChatEvent[] => {
    if (call.state !== "streaming") return [];
    const event = completeToolInput({ toolCallId: call.id, toolName: call.name, takes: "json" }, call.text);
    call.state = event.type === "tool-input-error" ? "over" : "available";
    call.text = "";
    return [event];
  };

  // Some models count their calls anew in every turn. An id can be used again once its call is over.
  const vacate = (id: string): readonly ChatEvent[] => {
    const earlier = calls.get(id);
    if (earlier === undefined || earlier.state === "over") return [];
    const completed = complete(earlier);
    if (isOver(earlier)) return completed;
    earlier.state = "over";
    return [...completed, { type: "tool-output-error", toolCallId: id, errorText: "This tool gave no output." }];
  };

  return {
    open() {
      const own: Call[] = [];

      // By the index, which every fragment has in a stream. A fragment with another id at the same index is another call.
      const find = ({ id, index }: ToolPiece): Call | undefined => {
        if (id !== undefined) return own.find((call) => call.id === id);
        return index === undefined ? own.at(-1) : own.findLast((call) => call.index === index);
      };

      return {
        add(piece) {
          const { args } = piece;
          const events: ChatEvent[] = [];
          let call = find(piece);
          if (call === undefined) {
            const { id = `call-${(unnamed += 1)}`, name = "tool", index } = piece;
            call = { id, name, index, text: "", state: "streaming" };
            events.push(...vacate(id), startToolInput({ toolCallId: id, toolName: name, takes: "json" }));
            own.push(call);
            calls.set(id, call);
          }
          if (args === "" || call.state !== "streaming") return events;
          call.text += args;
          return [...events, { type: "tool-input-delta", toolCallId: call.id, inputTextDelta: args }];
        },
        end: () => own.flatMap(complete),
      };
    },

    output(message) {
      const { tool_call_id: id, content, status, name } = message;
      if (typeof id !== "string" || id === "") return [];
      const call = calls.get(id);
      if (isOver(call)) return [];
      const before: ChatEvent[] = call ? [...complete(call)] : [];
      if (isOver(call)) return before; // its arguments were none
      if (call === undefined) {
        // Asked for in an earlier run, before an interrupt: the arguments are in the checkpoint.
        const toolName = typeof name === "string" && name !== "" ? name : "tool";
        before.push({ type: "tool-input-available", toolCallId: id, toolName, input: {} });
        calls.set(id, { id, name: toolName, index: undefined, text: "", state: "over" });
      } else {
        call.state = "over";
      }
      const said = outputOf(content);
      if (status !== "error") return [...before, { type: "tool-output-available", toolCallId: id, output: said }];
      const errorText = typeof said === "string" ? said : JSON.stringify(said);
      return [...before, { type: "tool-output-error", toolCallId: id, errorText }];
    },
  };
}

function isOver(call: Call | undefined): boolean {
  return call?.state === "over";
}

/** A text that is nothing but text blocks is their text. */
function outputOf(content: unknown): unknown {
  if (!Array.isArray(content)) return content ?? "";
  const texts = content.map((block: unknown) =>
    isObject(block) && block["type"] === "text" ? block["text"] : undefined,
  );
  return texts.every((text) => typeof text === "string") ? texts.join("") : content;
}
