import { SluiceError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import type { RunEvent } from "./events.ts";

/**
 * Checks the shape of an event and gives the same object back, with the keys nobody here knows.
 * @throws SluiceError `chat/invalid-event`, `chat/reserved-event`; `details.field` names what is wrong
 */
export function parseRunEvent(value: unknown): RunEvent {
  if (!isObject(value)) throw invalid("event", "An event must be an object.");
  const type = value["type"];
  if ("event" in value && !("type" in value)) checkApplicationEvent(value);
  else if (typeof type !== "string") throw invalid("type", "An event needs a `type`, or an `event` name of its own.");
  else checkChatEvent(type, value);
  return value as unknown as RunEvent;
}

const MAX_NAME_LENGTH = 256;

/** Names of terminals and of the frames that our dialects word themselves. */
const RESERVED: ReadonlySet<string> = new Set([
  "message",
  "done",
  "error",
  "final",
  "open",
  "chunk",
  "typing",
  "stream_event",
  "update",
  "text",
]);

const FINISH_REASONS: readonly unknown[] = ["stop", "length", "content-filter", "tool-calls", "error", "other"];

type Check = "string" | "string?" | "boolean?" | "metadata?" | "finishReason?" | "data";
type Shape = readonly (readonly [field: string, check: Check])[];

const METADATA: Shape = [["providerMetadata", "metadata?"]];
const PART: Shape = [["id", "string"], ...METADATA];
const DELTA: Shape = [["id", "string"], ["delta", "string"], ...METADATA];
const CALL: Shape = [["toolCallId", "string"]];
const TOOL_OPTIONS: Shape = [
  ["providerExecuted", "boolean?"],
  ["dynamic", "boolean?"],
  ["title", "string?"],
  ...METADATA,
];
const TOOL: Shape = [...CALL, ["toolName", "string"], ...TOOL_OPTIONS];
const DATA: Shape = [
  ["id", "string?"],
  ["data", "data"],
  ["transient", "boolean?"],
];

// Fields that may hold anything (`input`, `output`, `messageMetadata`) are not listed: nothing can be wrong with them.
const SHAPES: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ["start", [["messageId", "string?"]]],
  ["text-start", PART],
  ["text-delta", DELTA],
  ["text-end", PART],
  ["reasoning-start", PART],
  ["reasoning-delta", DELTA],
  ["reasoning-end", PART],
  ["tool-input-start", TOOL],
  ["tool-input-delta", [...CALL, ["inputTextDelta", "string"]]],
  ["tool-input-available", TOOL],
  ["tool-input-error", [...TOOL, ["errorText", "string"]]],
  ["tool-output-available", [...CALL, ["preliminary", "boolean?"], ...TOOL_OPTIONS]],
  ["tool-output-error", [...CALL, ["errorText", "string"], ...TOOL_OPTIONS]],
  ["tool-output-denied", CALL],
  ["tool-approval-request", [...CALL, ["approvalId", "string"]]],
  ["source-url", [["sourceId", "string"], ["url", "string"], ["title", "string?"], ...METADATA]],
  [
    "source-document",
    [["sourceId", "string"], ["mediaType", "string"], ["title", "string"], ["filename", "string?"], ...METADATA],
  ],
  ["file", [["url", "string"], ["mediaType", "string"], ...METADATA]],
  ["start-step", []],
  ["finish-step", []],
  ["message-metadata", []],
  ["finish", [["finishReason", "finishReason?"]]],
  ["abort", [["reason", "string?"]]],
  [
    "error",
    [
      ["errorText", "string"],
      ["code", "string?"],
    ],
  ],
]);

function checkChatEvent(type: string, event: Record<string, unknown>): void {
  const shape = SHAPES.get(type) ?? (type.startsWith("data-") && isName(type) ? DATA : undefined);
  if (shape === undefined) throw invalid("type", `${JSON.stringify(type.slice(0, 64))} is not a type of event.`);
  for (const [field, check] of shape) {
    if (!passes(check, event[field])) throw invalid(field, `\`${field}\` of \`${type.slice(0, 64)}\` ${SAYS[check]}.`);
  }
}

function passes(check: Check, value: unknown): boolean {
  switch (check) {
    case "string":
      return typeof value === "string";
    case "string?":
      return value === undefined || typeof value === "string";
    case "boolean?":
      return value === undefined || typeof value === "boolean";
    case "metadata?":
      return value === undefined || isProviderMetadata(value);
    case "finishReason?":
      return value === undefined || FINISH_REASONS.includes(value);
    case "data":
      return value !== undefined;
  }
}

const SAYS: Readonly<Record<Check, string>> = {
  string: "must be a string",
  "string?": "must be a string when it is given",
  "boolean?": "must be true or false when it is given",
  "metadata?": "must be an object that holds one object for each provider",
  "finishReason?": `must be one of ${FINISH_REASONS.join(", ")}`,
  data: "is missing",
};

// The AI SDK's client breaks off a stream that holds any other kind of provider metadata.
function isProviderMetadata(value: unknown): boolean {
  return isObject(value) && Object.values(value).every((entry) => entry === undefined || isObject(entry));
}

function checkApplicationEvent(event: Record<string, unknown>): void {
  const name = event["event"];
  if (typeof name !== "string") throw invalid("event", "The name of an event must be a string.");
  if (name === "" || !isName(name)) {
    throw invalid("event", `The name of an event has 1 to ${MAX_NAME_LENGTH} characters and no line break or NUL.`);
  }
  if (RESERVED.has(name)) {
    throw new SluiceError("chat/reserved-event", `\`${name}\` is a name of Sluice's own: choose another.`, {
      details: { field: "event" },
    });
  }
  if (event["data"] === undefined) throw invalid("data", "`data` is missing.");
}

// Dialects put names on lines of their own.
function isName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && !/[\r\n\0]/.test(name);
}

function invalid(field: string, message: string): SluiceError {
  return new SluiceError("chat/invalid-event", message, { details: { field } });
}
