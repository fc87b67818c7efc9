import { SluiceError } from "../base/errors.ts";
import { parseEvents } from "../sse/index.ts";
import { MAX_EVENT_LENGTH, toItem, truncated, unsupported, type Decoder } from "./decoder.ts";
import { createItemDecoder } from "./items.ts";
import { pull, type Pull } from "./pull.ts";
import { createRunEventDecoder } from "./run-events.ts";
import { isSimpleBeginning } from "./simple-frames.ts";
import { createUIMessageDecoder } from "./ui-message-stream.ts";

/** A source that is taken hold of, and what understands its items. */
export interface OpenSource extends Pull<unknown> {
  readonly decoder: Decoder;
}

/**
 * SSE of any known kind, or plain text. A connection that breaks is `run/source-truncated`, as is SSE that ends without
 * the terminal of its protocol; of plain text only the former can be told.
 * @throws SluiceError `llm/refused` with details `{status}`; `run/source-unsupported` for another content type
 */
export function openResponse(response: Response): OpenSource {
  const { ok, status, headers, body } = response;
  const type = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (ok && body !== null && type === "text/event-stream") {
    const { items, letGo } = pull<Uint8Array>(body);
    const isUIMessageStream = headers.has("x-vercel-ai-ui-message-stream");
    const decoder = isUIMessageStream ? createUIMessageDecoder() : createItemDecoder({ remote: true });
    return { items: eventsOf(untilBroken(items)), letGo, decoder };
  }
  if (ok && body !== null && type === "text/plain") {
    const { items, letGo } = pull<Uint8Array>(body);
    return { items: textOf(untilBroken(items)), letGo, decoder: createRunEventDecoder() };
  }
  void body?.cancel().catch(() => {});
  if (!ok) throw new SluiceError("llm/refused", `The source answered with status ${status}.`, { details: { status } });
  throw unsupported(body === null ? "The response has no body." : `The response is of type ${JSON.stringify(type)}.`);
}

/** The `Response` of another fetch than the global one is of another class. */
export function isResponse(value: unknown): value is Response {
  return (
    typeof value === "object" &&
    value !== null &&
    "ok" in value &&
    "status" in value &&
    "headers" in value &&
    "body" in value
  );
}

async function* untilBroken<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (cause) {
    throw truncated(cause);
  }
}

/** What the events hold; those of the `simple` dialect, which is told by its first event, as `{event, data}`. */
async function* eventsOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  let simple: boolean | undefined;
  for await (const { event, data } of parseEvents(bytes, { maxEventLength: MAX_EVENT_LENGTH })) {
    simple ??= isSimpleBeginning(event);
    yield simple ? { event, data: toItem(data) } : toItem(data);
  }
}

async function* textOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}
