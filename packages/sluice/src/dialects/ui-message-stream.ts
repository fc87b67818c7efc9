import { SluiceError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import { isTerminal, type ChatEvent, type TerminalEvent } from "../chat/index.ts";
import { isSpokenEvent, isToolEvent } from "../chat/kind.ts";
import { mergeMetadata } from "../chat/metadata.ts";
import { parseEvents } from "../sse/index.ts";
import { END, MAX_EVENT_LENGTH, decode, toItem, truncated, unsupported, type Decoder } from "./decoder.ts";
import { knownFinishReason } from "./finish-reason.ts";
import { pull, type Pullable } from "./pull.ts";

/**
 * Chat events out of a UI message stream of the AI SDK (ai 5 to 7): its chunks, or the body of a response that carries
 * them. The stream is read to its end, so that what the AI SDK does there (`onFinish`) is done; the terminal comes then.
 * @throws SluiceError `run/source-truncated` for one without `finish`, `error`, `abort` or `[DONE]`;
 * `run/source-unsupported` for one that holds something else
 */
export function fromUIMessageStream(
  source: Pullable<Uint8Array> | Pullable<string> | Pullable<{ readonly type: string }>,
): AsyncGenerator<ChatEvent> {
  return decode(chunksOf(pull<unknown>(source).items), createUIMessageDecoder());
}

export function createUIMessageDecoder(): Decoder<ChatEvent> {
  return new UIMessageDecoder();
}

class UIMessageDecoder implements Decoder<ChatEvent> {
  #terminal: TerminalEvent | undefined;
  /** The message holds something. */
  #begun = false;

  add(chunk: unknown): readonly ChatEvent[] {
    if (chunk === END) {
      this.#terminal ??= { type: "finish" };
      return this.end();
    }
    if (!isChunk(chunk)) {
      throw unsupported("The source holds something that is no chunk of a UI message stream.");
    }
    if (isTerminal(chunk)) return this.#addTerminal(chunk);
    if (this.#terminal?.type === "error" || this.#terminal?.type === "abort") return [];
    if (chunk.type === "start") return [...this.#continue(), ...this.#start(chunk)];
    if (PASSED_OVER.has(chunk.type)) return [];
    if (TAKES_BACK.has(chunk.type)) {
      throw new SluiceError("run/source-unsupported", `Readers have seen what \`${chunk.type}\` would take back.`);
    }
    this.#begun ||= !isTransient(chunk);
    if (!isContent(chunk)) return this.#addBeside(chunk);
    return [...this.#continue(), chunk];
  }

  end(): readonly ChatEvent[] {
    if (this.#terminal === undefined) throw truncated();
    return [this.#terminal];
  }

  // An error is the last word; `finish` may be that of one of several streams merged into one.
  #addTerminal(event: TerminalEvent): readonly ChatEvent[] {
    if (this.#terminal === undefined || this.#terminal.type === "finish") this.#terminal = knownTerminal(event);
    return [];
  }

  // An answer that has finished stays so: what a callback at its end writes (`onFinish`) comes after it.
  #addBeside(chunk: ChatEvent): readonly ChatEvent[] {
    if (chunk.type !== "message-metadata" || this.#terminal?.type !== "finish") return [chunk];
    const messageMetadata = mergeMetadata(this.#terminal.messageMetadata, chunk.messageMetadata);
    this.#terminal = { ...this.#terminal, messageMetadata };
    return [];
  }

  // A `finish` that was not the last word leaves its metadata.
  #continue(): readonly ChatEvent[] {
    const messageMetadata = this.#terminal?.type === "finish" ? this.#terminal.messageMetadata : undefined;
    this.#terminal = undefined;
    return messageMetadata === undefined ? [] : [{ type: "message-metadata", messageMetadata }];
  }

  // The run has a `start` already. Another may only name the message, as long as there is nothing in it: clients of the
  // AI SDK show one that has something in it twice, under the old name and the new.
  #start(chunk: Extract<ChatEvent, { type: "start" }>): readonly ChatEvent[] {
    if (chunk.messageId !== undefined && !this.#begun) return [chunk];
    const { messageMetadata } = chunk;
    return messageMetadata === undefined ? [] : [{ type: "message-metadata", messageMetadata }];
  }
}

// Of ai 7. We have no words for them, and the answer can be read without.
const PASSED_OVER: ReadonlySet<string> = new Set([
  "custom",
  "reasoning-file",
  "steering-message",
  "tool-approval-response",
]);
const TAKES_BACK: ReadonlySet<string> = new Set(["reset-step"]);

/** ai 5 also says `unknown`, ai 7 `interrupted`. */
function knownTerminal(event: TerminalEvent): TerminalEvent {
  if (event.type !== "finish" || event.finishReason === undefined) return event;
  return { ...event, finishReason: knownFinishReason(event.finishReason) };
}

/** What the message does not keep. */
function isTransient(event: ChatEvent): boolean {
  return event.type.startsWith("data-") && "transient" in event && event.transient === true;
}

/** What an answer goes on with that has finished; data, sources, files and metadata come at any time. */
function isContent(event: ChatEvent): boolean {
  return isSpokenEvent(event) || isToolEvent(event) || event.type === "start-step" || event.type === "finish-step";
}

// Only that it has a type. The rest is checked where events are appended.
function isChunk(chunk: unknown): chunk is ChatEvent {
  return isObject(chunk) && typeof chunk["type"] === "string";
}

async function* chunksOf(items: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    const first = await iterator.next();
    if (first.done === true) return;
    const { value } = first;
    if (!isSSE(value)) {
      yield value;
      yield* { [Symbol.asyncIterator]: () => iterator };
      return;
    }
    const events = parseEvents(bytesFrom(value, iterator), { maxEventLength: MAX_EVENT_LENGTH });
    for await (const { data } of events) yield toItem(data);
  } finally {
    await iterator.return?.();
  }
}

async function* bytesFrom(
  first: Uint8Array | string,
  rest: AsyncIterator<unknown>,
): AsyncGenerator<Uint8Array | string> {
  yield first;
  for await (const value of { [Symbol.asyncIterator]: () => rest }) if (isSSE(value)) yield value;
}

function isSSE(value: unknown): value is Uint8Array | string {
  return typeof value === "string" || value instanceof Uint8Array;
}
