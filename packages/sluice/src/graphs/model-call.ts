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
  /** Its end. @param message all of it: what was not said before is said now */
  end(message?: Record<string, unknown>): readonly ChatEvent[];
}

/** @param id what the parts of this call are told from others by */
export function createModelCall(id: string, channel: Channel, tools: ModelToolCalls): ModelCall {
  let open: { readonly type: "text" | "reasoning"; readonly id: string } | undefined;
  let parts = 0;
  /** `text`: in bare tokens, which bring no files. */
  let said: "nothing" | "text" | "chunks" = "nothing";
  /** Some have their calls in the message alone, or in one piece of it, which is no fragment. */
  let hasCalled = false;

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
    piecesOf(message).flatMap((piece) => {
      if ("file" in piece) return [...close(), piece.file];
      return said === "text" ? [] : say(piece.kind, piece.text);
    });

  return {
    say(text) {
      if (text === "") return [];
      if (said === "nothing") said = "text";
      return say("text", text);
    },
    add(chunk) {
      said = "chunks";
      const fragments = toolPieces(chunk);
      hasCalled ||= fragments.length > 0;
      return [...content(chunk), ...fragments.flatMap((piece) => tools.add(piece))];
    },
    end(message) {
      const rest = message === undefined || said === "chunks" ? [] : content(message);
      const calls = message === undefined || hasCalled ? [] : wholeToolCalls(message);
      return [...rest, ...close(), ...calls.flatMap((call) => tools.add(call)), ...tools.end()];
    },
  };
}
