import { z } from "zod";
import { SluiceError } from "../base/errors.ts";
import { isObject, type JsonObject } from "../base/json.ts";
import { checkFile, type AskFile } from "./ask-files.ts";

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
  /** Empty where a message is nothing but files. */
  readonly content: string;
  /** What the user sent along. */
  readonly files?: readonly AskFile[];
}

const MAX_ITEMS = 10_000;
const MAX_DEPTH = 64;

const name = z.string().min(1).max(256);
const jsonObject = z.custom<JsonObject>((value) => isObject(value) && isHarmless(value), {
  error: `must be an object, at most ${MAX_DEPTH} deep, without keys that reach prototypes`,
});
const messageText = z.string().min(1);
const part = z.object({
  type: z.string(),
  text: z.string().optional(),
  url: z.unknown().optional(),
  mediaType: z.unknown().optional(),
  filename: z.unknown().optional(),
});
const parts = z.array(part).max(MAX_ITEMS);

// `parts` is how the AI SDK's clients write a message.
const body = z.object({ content: z.union([z.string(), parts]).optional(), parts: parts.optional() });
const message = body
  .extend({ role: z.enum(["system", "user", "assistant"]) })
  .transform(({ role, ...said }, context) => readMessage(role, said, context));
const question = body.transform((said, context) => {
  const read = readMessage("user", said, context);
  if (isEmpty(read)) context.addIssue({ code: "custom", path: ["content"], message: "must have text, or a file" });
  return read;
});

/** Texts of several parts are one text. Files are the user's: what an answer had is no question. */
function readMessage(
  role: AskMessage["role"],
  { content, parts: more = [] }: z.infer<typeof body>,
  context: z.RefinementCtx,
): AskMessage {
  const given = { content: Array.isArray(content) ? content : [], parts: more };
  const files: AskFile[] = [];
  for (const field of ["content", "parts"] as const) {
    for (const [index, { type, ...file }] of given[field].entries()) {
      if (type !== "file" || role !== "user") continue;
      const checked = checkFile(file);
      if (!("field" in checked)) files.push(checked);
      else context.addIssue({ code: "custom", path: [field, index, checked.field], message: checked.message });
    }
  }
  const text = typeof content === "string" ? content : textIn(content ?? more);
  return { role, content: text, ...(files.length === 0 ? {} : { files }) };
}

function textIn(said: z.infer<typeof parts>): string {
  return said.map(({ type, text = "" }) => (type === "text" ? text : "")).join("");
}

function isEmpty({ content, files }: AskMessage): boolean {
  return content === "" && files === undefined;
}

const fields = {
  requestId: name.optional(),
  threadId: name.optional(),
  userId: name.optional(),
  agentId: name.optional(),
  graphType: name.optional(),
  graphSettings: jsonObject.optional(),
  message: question.optional(),
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
  const messages = several ?? (single === undefined ? [] : [single]);
  if (!messages.some((one) => one.role === "user" && !isEmpty(one))) {
    throw wrongField("messages", "At least one message must be the user's, with text or a file in it.");
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
  message: question.optional(),
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
  const messages = several ?? (single === undefined ? [] : [single]);
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
