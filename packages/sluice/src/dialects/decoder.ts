import { isTerminal } from "../chat/index.ts";
import type { RunEvent } from "../chat/index.ts";

/** Turns the items of somebody else's stream into our events, one item at a time. */
export interface Decoder<Event extends RunEvent = RunEvent> {
  /** @throws SluiceError when the item reports a failure, or belongs to no such stream */
  add(item: unknown): readonly Event[];
  /**
   * The source has ended: what is left, with the terminal.
   * @throws SluiceError when the source ended before its answer did
   */
  end(): readonly Event[];
}

/** The data that ends a stream of OpenAI's chat API or of the AI SDK. Decoders take it like any other item. */
export const DONE: string = "[DONE]";

/**
 * Events up to the terminal, which is always there: a source that ends without one makes this throw. Pulls one item
 * at a time, reads nothing after the terminal, and returns the source when it is left early.
 */
export async function* decode<Event extends RunEvent>(
  items: AsyncIterable<unknown>,
  decoder: Decoder<Event>,
): AsyncGenerator<Event> {
  for await (const item of items) {
    for (const event of decoder.add(item)) {
      yield event;
      if (isTerminal(event)) return;
    }
  }
  yield* decoder.end();
}
