import type { ChatEvent } from "../chat/index.ts";
import { createParts } from "./parts.ts";

/** Gives text its part back, where a dialect tells of the beginning and the end of parts, but not whose a delta is. */
export interface LooseText {
  /** Text of the part that was opened last and is open; where there is none, of one of its own. */
  text(delta: string): readonly ChatEvent[];
  event(event: ChatEvent): readonly ChatEvent[];
}

export function createLooseText(): LooseText {
  const own = createParts();
  let open: readonly string[] = [];
  return {
    text(delta) {
      const id = open.at(-1);
      return id === undefined ? own.add("text", delta) : [{ type: "text-delta", id, delta }];
    },
    event(event) {
      const ended = event.type.startsWith("data-") ? [] : own.end();
      if (event.type === "text-start") open = [...open, event.id];
      else if (event.type === "text-end") open = open.filter((id) => id !== event.id);
      else if (event.type === "finish-step") open = [];
      return [...ended, event];
    },
  };
}
