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
  /** At least one, with at least one of the user's, where there is no `input`. */
  readonly messages: readonly AskMessage[];
  /** Only the newest message was given (`message`): what was said in its thread before goes ahead of it. */
  readonly continues?: boolean;
  readonly model?: string;
  readonly metadata?: JsonObject;
  /** For the graph that is asked. */
  readonly context?: JsonObject;
  /** What `input` of the nested form holds beside messages: the rest of a graph's state. */
  readonly input?: JsonObject;
  /** Asked in the nested form, whose clients understand `graph-channels`. */
  readonly nested?: true;
  /** How many of `messages` were said in the thread before. */
  readonly history?: number;
}

export interface AskMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

const MAX_ITEMS = 10_000;
const MAX_DEPTH = 64;

const name = z.string().min(1).max(256);
const jsonObject = z.custom<JsonObject>((value) => isObject(value) && isHarmless(value), {
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

const fields = {
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
  context: jsonObject.optional(),
};
const ask = z.object(fields);

/** @throws SluiceError `request/invalid`, naming the field, and what is allowed there */
export function parseAsk(value: unknown): Ask {
  if (isObject(value) && (value["config"] !== undefined || value["input"] !== undefined)) return parseNested(value);
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
  return namedGraph({
    ...(withoutUndefined(rest) as Omit<Ask, "messages" | "continues">),
    messages,
    continues: several === undefined,
  });
}

// The document names the graph in both places; one is enough.
function namedGraph(asked: Ask): Ask {
  const inSettings = asked.graphSettings?.["graphType"];
  if (asked.graphType !== undefined || inSettings === undefined) return asked;
  const parsed = name.safeParse(inSettings);
  if (!parsed.success) throw wrongField("graphSettings.graphType", "graphSettings.graphType: must be a name.");
  return { ...asked, graphType: parsed.data };
}

const { message: _message, messages: _messages, threadId: _threadId, ...common } = fields;
const nested = z.object({
  ...common,
  input: z.union([messageText, jsonObject]),
  config: z
    .object({
      configurable: z
        .object({
          thread_id: name.optional(),
          context: jsonObject.optional(),
          metadata: jsonObject.optional(),
          graphSettings: jsonObject.optional(),
        })
        .optional(),
    })
    .optional(),
});

// LangChain's words for who says something.
const SPEAKERS: Readonly<Record<string, string>> = { human: "user", ai: "assistant" };
const said = z.preprocess((value) => {
  if (!isObject(value)) return value;
  const role = value["role"] ?? value["type"];
  return { ...value, role: typeof role === "string" && Object.hasOwn(SPEAKERS, role) ? SPEAKERS[role] : role };
}, message);
const nestedInput = z.looseObject({
  message: z.object({ content: messageText }).optional(),
  messages: z.array(said).min(1).max(MAX_ITEMS).optional(),
});

/**
 * `{requestId, input, config: {configurable: {thread_id, context, metadata, graphSettings}}}`. `input` is the user's text,
 * `{message}`, `{messages}`, or the state of a graph; as with LangGraph it is added to what the thread holds.
 */
function parseNested(value: unknown): Ask {
  const parsed = nested.safeParse(value);
  if (!parsed.success) throw invalid(parsed.error.issues[0]);
  const { input, config, ...rest } = parsed.data;
  const { thread_id: threadId, ...configured } = config?.configurable ?? {};
  const given = nestedInput.safeParse(typeof input === "string" ? { message: { content: input } } : input);
  if (!given.success) throw invalid(given.error.issues[0], "input");
  const { message: single, messages: several, ...state } = given.data;
  const messages = several ?? (single === undefined ? [] : [{ role: "user" as const, content: single.content }]);
  if (messages.length === 0 && Object.keys(state).length === 0) {
    throw wrongField("input", "input: a text, `{message: {content}}`, `{messages: [...]}`, or what the graph takes.");
  }
  return namedGraph({
    ...(withoutUndefined({ ...configured, ...withoutUndefined(rest), threadId }) as Partial<Ask>),
    messages,
    continues: true,
    nested: true,
    // It was checked as JSON above.
    ...(Object.keys(state).length === 0 ? {} : { input: state as JsonObject }),
  });
}

/**
 * What comes out of JSON.parse may be so deep that nothing else can go through it, and may hold the keys by which
 * whoever merges it into another object changes prototypes.
 */
export function isHarmless(value: unknown, depth: number = MAX_DEPTH): boolean {
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

function invalid(issue: z.core.$ZodIssue | undefined, within?: string): SluiceError {
  const field = [...(within === undefined ? [] : [within]), ...(issue?.path ?? [])].join(".") || "body";
  const allowed = issue?.code === "invalid_value" ? issue.values : undefined;
  return wrongField(field, `${field}: ${issue?.message ?? "invalid"}.`, allowed);
}

export function wrongField(field: string, message: string, allowed?: readonly unknown[]): SluiceError {
  return new SluiceError("request/invalid", message, { details: { field, ...(allowed ? { allowed } : {}) } });
}
