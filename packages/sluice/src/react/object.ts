import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/id.ts";
import type { Soon } from "../client/chat/frames.ts";
import type { AskOptions, ChatError } from "../client/chat/types.ts";
import type { WakeSource } from "../client/index.ts";

export interface UseObjectOptions<T> {
  /** Where prompts are posted. Default `/stream`. Relative to the page. */
  readonly url?: string | URL;
  /** What the whole answer has to be: of zod, valibot, arktype, … What it makes of the answer is the object. */
  readonly schema?: StandardSchemaV1<unknown, T>;
  /** Shown from the question on, until there is something of the answer. */
  readonly initialValue?: DeepPartial<T>;
  readonly headers?: HeadersInit | (() => HeadersInit);
  /** Fields of every request's body. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** The whole object, as the schema has made it. */
  readonly onFinish?: (object: T) => void;
  readonly onError?: (error: ObjectError) => void;
  /** For tests. */
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly wake?: WakeSource;
  readonly nextFrame?: Soon;
}

export type SubmitObjectOptions = Pick<AskOptions, "model" | "body">;

/** `client/invalid-object` where the answer is whole, and not what was asked for. */
export interface ObjectError extends Pick<ChatError, "code" | "message"> {
  /** What the schema says. */
  readonly issues?: readonly StandardSchemaV1.Issue[] | undefined;
}

export interface ObjectSnapshot<T> {
  /** What there is of it. Nobody has checked it before `onFinish`: any field may be missing, or half a text. */
  readonly object: DeepPartial<T> | undefined;
  /** `submitted` until the server has accepted the question; `streaming` until the answer is whole. */
  readonly status: "ready" | "submitted" | "streaming" | "error";
  readonly error: ObjectError | undefined;
}

export type DeepPartial<T> = T extends readonly (infer Item)[]
  ? readonly DeepPartial<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]?: DeepPartial<T[Key]> }
    : T;
