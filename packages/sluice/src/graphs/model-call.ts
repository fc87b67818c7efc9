import type { ChatEvent } from "../chat/index.ts";
import { piecesOf, toolPieces, wholeToolCalls } from "./langchain.ts";
import type { ModelToolCalls } from "./tool-calls.ts";

/** `text` is what the user reads, `processing` how it came to be: it travels as reasoning. */
export type Channel = "text" | "processing";

/** What one call of a model says, as chat events with borders. Calls that speak at the same time do not mix. */
export interface ModelCall {
  /** Text alone. */
  say(text: string): readonly ChatEvent[];
  /** A chunk of its message. */
  add(chunk: Record<string, unknown>): readonly ChatEvent[];
  /** Its end. @param message all of it, which is said now if nothing was before */
  end(message?: Record<string, unknown>): readonly ChatEvent[];
}

/** @param id what the parts of this call are told from others by */
export function createModelCall(id: string, channel: Channel, tools: ModelToolCalls): ModelCall {
  let open: { readonly type: "text" | "reasoning"; readonly id: string } | undefined;
  let parts = 0;
  let hasSpoken = false;

  const close = (): readonly ChatEvent[] => {
    if (open === undefined) return [];
    const ended: ChatEvent = { type: `${open.type}-end`, id: open.id };
    open = undefined;
    return [ended];
  };

  const say = (kind: "text" | "reasoning", delta: string): readonly ChatEvent[] => {
    const type = channel === "processing" ? "reasoning" : kind;
    if (open?.type === type) return [{ type: `${type}-delta`, id: open.id, delta }];
    const ended = close();
    parts += 1;
    open = { type, id: `${id}-${parts}` };
    return [...ended, { type: `${type}-start`, id: open.id }, { type: `${type}-delta`, id: open.id, delta }];
  };

  const content = (message: Record<string, unknown>): readonly ChatEvent[] =>
    piecesOf(message).flatMap((piece) => ("file" in piece ? [...close(), piece.file] : say(piece.kind, piece.text)));

  return {
    say(text) {
      hasSpoken = true;
      return text === "" ? [] : say("text", text);
    },
    add(chunk) {
      hasSpoken = true;
      return [...content(chunk), ...toolPieces(chunk).flatMap((piece) => tools.add(piece))];
    },
    end(message) {
      const whole = hasSpoken || message === undefined ? [] : content(message);
      const calls =
        hasSpoken || message === undefined ? [] : wholeToolCalls(message).flatMap((call) => tools.add(call));
      return [...whole, ...close(), ...calls, ...tools.end()];
    },
  };
}
