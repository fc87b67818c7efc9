import { isObject } from "../base/json.ts";

/** The WebSocket subprotocol; PROTOCOL.md section 12 is its text. */
export const SOCKET_PROTOCOL = "sluice.voice.v1";
/** `bearer.<key in base64url>` as a second subprotocol: a page can give a WebSocket no headers. */
export const BEARER_PROTOCOL = "bearer.";
/** Signed 16 bit, little endian, channels interleaved. The one format that can be cut and played anywhere. */
export const PCM = "audio/pcm";

export interface AudioFormat {
  /** `audio/pcm`, or what a whole file is: `audio/webm;codecs=opus`, `audio/mpeg`. */
  readonly mimeType: string;
  /** Hz. `audio/pcm` needs it. */
  readonly sampleRate?: number;
  /** `audio/pcm` needs it. */
  readonly channels?: number;
}

/** What a client says beside audio. A talk is opened by one of the first two, followed by binary messages. */
export type UpMessage =
  | { readonly type: "voice:send_chunk"; readonly data: TalkOpening }
  | { readonly type: "voice:send_file"; readonly data: FileOpening }
  | { readonly type: "voice:commit"; readonly data: Totals }
  | { readonly type: "voice:cancel"; readonly data: TurnName };

export interface TurnName {
  /** A whole number that rises with every talk of a connection. */
  readonly turn: number;
}

export interface TalkOpening extends TurnName {
  readonly format: AudioFormat;
  /** What the talk is about, in the application's words; 128 characters at most. */
  readonly scope?: string;
}

export interface FileOpening extends TalkOpening {
  readonly bytes: number;
  /** As the recorder measured it: files of a recorder do not say it themselves. */
  readonly durationMs?: number;
}

/** Binary messages of a turn, and their bytes together. */
export interface Totals extends TurnName {
  readonly chunks: number;
  readonly bytes: number;
}

/** What a server says beside audio. */
export type DownMessage =
  | { readonly type: "ready"; readonly data: Welcome }
  | { readonly type: "voice:chunk_received" | "voice:file_received"; readonly data: Totals }
  | { readonly type: "metadata"; readonly data: TurnName & { readonly format: AudioFormat } }
  | { readonly type: "control-message"; readonly data: Control }
  | { readonly type: "voice:received_end_of_response_stream"; readonly data: Totals & { readonly reason: AnswerEnd } }
  | { readonly type: "error"; readonly data: Failed }
  | { readonly type: "ping" };

export type AnswerEnd = "finish" | "cancelled";

/** The first message of every connection. */
export interface Welcome {
  readonly heartbeatMs: number;
  readonly maxMessageBytes: number;
  readonly maxTalkBytes: number;
  readonly maxTalkMs: number;
}

/** `transcript` carries text and final; other names are the application's, with data of its own. */
export interface Control extends TurnName {
  readonly name: string;
  readonly text?: string;
  readonly final?: boolean;
  readonly data?: unknown;
}

/** With a turn, that turn has failed and the conversation goes on; without one the connection is closed next. */
export interface Failed {
  readonly turn?: number;
  readonly code: string;
  readonly message: string;
  readonly traceId?: string;
}

const MOST_SCOPE = 128;
const MOST_MIME = 128;
const RATES = { least: 8_000, most: 96_000 };
const CHANNELS = { least: 1, most: 8 };

export function isPcm({ mimeType }: AudioFormat): boolean {
  return mimeType === PCM;
}

/** Bytes of one instant of PCM: a sample of each channel. */
export function blockOf({ channels = 1 }: AudioFormat): number {
  return channels * 2;
}

/** undefined when it is not a format, or PCM that does not say how it is to be played. */
export function parseFormat(value: unknown): AudioFormat | undefined {
  if (!isObject(value)) return undefined;
  const { mimeType, sampleRate, channels } = value;
  if (typeof mimeType !== "string" || mimeType.length > MOST_MIME || !/^audio\/[\x21-\x7e ]+$/.test(mimeType)) {
    return undefined;
  }
  const format = { mimeType, ...within({ sampleRate }, RATES), ...within({ channels }, CHANNELS) };
  const given = [sampleRate, channels].filter((field) => field !== undefined || mimeType === PCM).length;
  // What was given, or is needed, has its place in the format, or it was wrong.
  return Object.keys(format).length === given + 1 ? format : undefined;
}

interface Range {
  readonly least: number;
  readonly most: number;
}

/** The field, where it has a whole number of the range. */
function within<K extends string>(
  field: { readonly [key in K]: unknown },
  { least, most }: Range,
): { [key in K]?: number } {
  const kept: { [key in K]?: number } = {};
  for (const key in field) {
    const value = field[key];
    if (isWhole(value) && value >= least && value <= most) kept[key] = value;
  }
  return kept;
}

/** undefined for anything that is no message of this protocol. */
export function parseUp(text: string): UpMessage | undefined {
  const message = jsonOf(text);
  if (!isObject(message)) return undefined;
  const data = isObject(message["data"]) ? message["data"] : {};
  const { turn, chunks, bytes } = data;
  if (!isWhole(turn)) return undefined;
  switch (message["type"]) {
    case "voice:cancel":
      return { type: "voice:cancel", data: { turn } };
    case "voice:commit":
      return isWhole(chunks) && isWhole(bytes) ? { type: "voice:commit", data: { turn, chunks, bytes } } : undefined;
    case "voice:send_chunk": {
      const opening = openingOf(turn, data);
      return opening && { type: "voice:send_chunk", data: opening };
    }
    case "voice:send_file":
      return fileOf(turn, data);
    default:
      return undefined;
  }
}

function openingOf(turn: number, { format: given, scope }: Fields): TalkOpening | undefined {
  const format = parseFormat(given);
  if (format === undefined || !isScope(scope)) return undefined;
  return scope === undefined ? { turn, format } : { turn, format, scope };
}

function fileOf(turn: number, data: Fields): UpMessage | undefined {
  const { bytes, durationMs } = data;
  const opening = openingOf(turn, data);
  if (opening === undefined || !isWhole(bytes) || bytes === 0) return undefined;
  if (durationMs === undefined) return { type: "voice:send_file", data: { ...opening, bytes } };
  return isWhole(durationMs) ? { type: "voice:send_file", data: { ...opening, bytes, durationMs } } : undefined;
}

/** undefined for anything that is no message of this protocol; a client passes over what a newer server says. */
export function parseDown(text: string): DownMessage | undefined {
  const message = jsonOf(text);
  if (!isObject(message)) return undefined;
  const { type } = message;
  const data = isObject(message["data"]) ? message["data"] : {};
  switch (type) {
    case "ping":
      return { type };
    case "ready":
      return readyOf(data);
    case "error":
      return errorOf(data);
    default:
      return typeof type === "string" && isWhole(data["turn"])
        ? ofTurn(type, { ...data, turn: data["turn"] })
        : undefined;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function ofTurn(type: string, data: Fields & TurnName): DownMessage | undefined {
  const { turn, chunks, bytes, reason, name, text, final } = data;
  switch (type) {
    case "voice:chunk_received":
    case "voice:file_received":
      return isWhole(chunks) && isWhole(bytes) ? { type, data: { turn, chunks, bytes } } : undefined;
    case "voice:received_end_of_response_stream":
      if (!isWhole(chunks) || !isWhole(bytes) || (reason !== "finish" && reason !== "cancelled")) return undefined;
      return { type, data: { turn, chunks, bytes, reason } };
    case "metadata": {
      const format = parseFormat(data["format"]);
      return format && { type, data: { turn, format } };
    }
    case "control-message":
      if (typeof name !== "string") return undefined;
      if (name !== "transcript") return { type, data: { turn, name, data: data["data"] } };
      return typeof text === "string" ? { type, data: { turn, name, text, final: final !== false } } : undefined;
    default:
      return undefined;
  }
}

function readyOf({ heartbeatMs, maxMessageBytes, maxTalkBytes, maxTalkMs }: Fields): DownMessage | undefined {
  if (!isWhole(heartbeatMs) || !isWhole(maxMessageBytes) || !isWhole(maxTalkBytes) || !isWhole(maxTalkMs)) {
    return undefined;
  }
  return { type: "ready", data: { heartbeatMs, maxMessageBytes, maxTalkBytes, maxTalkMs } };
}

function errorOf({ turn, code, message, traceId }: Fields): DownMessage | undefined {
  if (typeof code !== "string" || typeof message !== "string") return undefined;
  const data = { code, message, ...(typeof traceId === "string" ? { traceId } : {}) };
  return { type: "error", data: isWhole(turn) ? { turn, ...data } : data };
}

function isScope(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === "string" && value.length <= MOST_SCOPE);
}

function isWhole(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
