import { z } from "zod";
import { SluiceError } from "../base/errors.ts";
import { isObject, type JsonObject } from "../base/json.ts";

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
  /** Only the newest message was given (`message`): what was said in its thread before goes ahead of it. */
  readonly continues?: boolean;
  readonly model?: string;
  readonly metadata?: JsonObject;
}

export interface AskMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

const MAX_ITEMS = 10_000;
const MAX_DEPTH = 64;

const name = z.string().min(1).max(256);
const jsonObject = z.custom<JsonObject>((value) => isObject(value) && isHarmless(value, MAX_DEPTH), {
  error: `must be an object, at most ${MAX_DEPTH} deep, without keys that reach prototypes`,
});
const messageText = z.string().min(1);
const textParts = z
  .array(z.object({ type: z.string(), text: z.string().optional() }))
  .max(MAX_ITEMS)
  .transform((parts) => parts.map((part) => (part.type === "text" ? (part.text ?? "") : "")).join(""));

// `parts` is how the AI SDK's clients write a message.
const message = z
  .object({
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
  message: z.object({ content: messageText }).optional(),
  messages: z.array(message).min(1).max(MAX_ITEMS).optional(),
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
  return {
    ...(withoutUndefined(rest) as Omit<Ask, "messages" | "continues">),
    messages,
    continues: several === undefined,
  };
}

/**
 * What comes out of JSON.parse may be so deep that nothing else can go through it, and may hold the keys by which
 * whoever merges it into another object changes prototypes.
 */
function isHarmless(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth === 0 || Object.hasOwn(value, "__proto__")) return false;
  if ("constructor" in value && isObject(value.constructor) && Object.hasOwn(value.constructor, "prototype"))
    return false;
  return Object.values(value).every((item) => isHarmless(item, depth - 1));
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
