import { wrongOption } from "../base/options.ts";
import type { ChatEvent } from "../chat/events.ts";

/** A whole call of a tool. Without `output` and `errorText` it stays without a result. */
export interface ToolCallStep {
  readonly type: "tool";
  readonly name: string;
  readonly input: unknown;
  readonly output?: unknown;
  readonly errorText?: string;
}

/** Begins and ends the parts of one answer, and numbers them. */
export interface Parts {
  say(kind: Kind, delta: string): Iterable<ChatEvent>;
  /** @throws SluiceError `option/invalid` for an input that is no JSON */
  callTool(tool: ToolCallStep): Iterable<ChatEvent>;
  /** Ends the part that is open, if one is. */
  close(): Iterable<ChatEvent>;
}

type Kind = "text" | "reasoning";

export function createParts(): Parts {
  const counts = { text: 0, reasoning: 0, call: 0 };
  let open: { readonly kind: Kind; readonly id: string } | undefined;

  function* close(): Generator<ChatEvent> {
    if (open) yield { type: `${open.kind}-end`, id: open.id };
    open = undefined;
  }

  return {
    close,
    *say(kind, delta) {
      if (open?.kind !== kind) {
        yield* close();
        open = { kind, id: `${kind}-${(counts[kind] += 1)}` };
        yield { type: `${kind}-start`, id: open.id };
      }
      yield { type: `${kind}-delta`, id: open.id, delta };
    },
    *callTool({ name, input, output, errorText }) {
      yield* close();
      const toolCallId = `call-${(counts.call += 1)}`;
      const inputTextDelta = JSON.stringify(input);
      if (inputTextDelta === undefined) throw wrongOption("input", `The input of the tool ${name} is no JSON.`);
      yield { type: "tool-input-start", toolCallId, toolName: name };
      yield { type: "tool-input-delta", toolCallId, inputTextDelta };
      yield { type: "tool-input-available", toolCallId, toolName: name, input };
      if (errorText !== undefined) yield { type: "tool-output-error", toolCallId, errorText };
      else if (output !== undefined) yield { type: "tool-output-available", toolCallId, output };
    },
  };
}
