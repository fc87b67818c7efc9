import { parse, printParseErrorCode, type ParseError } from "jsonc-parser";
import { z } from "zod";
import { SluiceError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { Call } from "./types.ts";

/** A question as it came in, checked. */
export interface Ask {
  readonly requestId?: string;
  readonly threadId?: string;
  readonly userId?: string;
  readonly agentId?: string;
  /** As asked: a name, or `name::version`. */
  readonly graphType?: string;
  readonly graphSettings?: JsonObject;
  /** At least one, with at least one of the user's. */
  readonly messages: readonly AskMessage[];
  readonly model?: string;
  readonly metadata?: JsonObject;
}

export interface AskMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

const MAX_BODY_BYTES = 1 << 20;

/** @throws SluiceError `request/*` */
export async function readBody(call: Call): Promise<unknown> {
  const type = call.headers.get("content-type");
  if (type !== null && !isJsonType(type)) {
    throw new SluiceError("request/unsupported-media-type", "The body must be JSON, as application/json or text/plain.", {
      details: { field: "Content-Type", allowed: ["application/json", "text/plain"] },
    });
  }
  const body = await call.body(MAX_BODY_BYTES);
  return "value" in body ? body.value : parseJson(body.text);
}

/** @throws SluiceError `request/too-large` */
export function tooLarge(limit: number): SluiceError {
  return new SluiceError("request/too-large", `The body may have ${limit} bytes.`, { details: { limit } });
}

// `fetch` with a string body says text/plain, and curl -d without a type says a form's.
function isJsonType(type: string): boolean {
  const name = (type.split(";")[0] ?? "").trim().toLowerCase();
  return name === "application/json" || name === "text/plain" || name === "" || /^application\/[^/]+\+json$/.test(name);
}

/** @throws SluiceError `request/malformed-json`, with the place where reading stopped */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // JSON.parse does not always say where; a second, slower reading does.
    const errors: ParseError[] = [];
    parse(text, errors, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
    const position = errors[0]?.offset ?? text.length;
    const before = text.slice(0, position).split("\n");
    const column = (before.at(-1) ?? "").length + 1;
    const what = errors[0] ? printParseErrorCode(errors[0].error) : "InvalidSymbol";
    throw new SluiceError(
      "request/malformed-json",
      `Not JSON: ${what} at position ${position} (line ${before.length}, column ${column}).`,
      { cause, details: { position, line: before.length, column } },
    );
  }
}

const name = z.string().min(1).max(256);
const jsonObject = z.record(z.string(), z.json());
const messageText = z.string().min(1);
const textParts = z
  .array(z.looseObject({ type: z.string(), text: z.string().optional() }))
  .transform((parts) => parts.map((part) => (part.type === "text" ? (part.text ?? "") : "")).join(""));

// `parts` is how the AI SDK's clients write a message.
const message = z
  .looseObject({
    role: z.enum(["system", "user", "assistant"]),
    content: z.union([z.string(), textParts]).optional(),
    parts: textParts.optional(),
  })
  .transform(({ role, content, parts }) => ({ role, content: content ?? parts ?? "" }));

const ask = z.object({
  requestId: name.optional(),
  threadId: name.optional(),
  userId: name.optional(),
  agentId: name.optional(),
  graphType: name.optional(),
  graphSettings: jsonObject.optional(),
  message: z.looseObject({ content: messageText }).optional(),
  messages: z.array(message).min(1).max(10_000).optional(),
  model: name.optional(),
  metadata: jsonObject.optional(),
});

/** @throws SluiceError `request/invalid`, naming the field, and what is allowed there */
export function parseAsk(value: unknown): Ask {
  const parsed = ask.safeParse(value);
  if (!parsed.success) throw invalid(parsed.error.issues[0]);
  const { message: single, messages: several, ...rest } = parsed.data;
  if ((single === undefined) === (several === undefined)) {
    throw wrongField("message", "Give either `message: {content}` or `messages: [{role, content}]`.");
  }
  const messages = several ?? [{ role: "user" as const, content: single?.content ?? "" }];
  if (!messages.some(({ role, content }) => role === "user" && content !== "")) {
    throw wrongField("messages", "At least one message must be the user's, with text in it.");
  }
  return { ...(withoutUndefined(rest) as Omit<Ask, "messages">), messages };
}

// exactOptionalPropertyTypes: a key that is absent stays absent.
function withoutUndefined(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}

function invalid(issue: z.core.$ZodIssue | undefined): SluiceError {
  const field = issue?.path.join(".") || "body";
  const allowed = issue?.code === "invalid_value" ? issue.values : undefined;
  return wrongField(field, `${field}: ${issue?.message ?? "invalid"}.`, allowed);
}

export function wrongField(field: string, message: string, allowed?: readonly unknown[]): SluiceError {
  return new SluiceError("request/invalid", message, { details: { field, ...(allowed ? { allowed } : {}) } });
}
