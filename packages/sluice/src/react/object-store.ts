import { randomId, systemRandom } from "../base/id.ts";
import { textOf, type Message } from "../chat/index.ts";
import { BROKEN_OFF, chatError } from "../client/chat/chat-error.ts";
import { createEndpoints, DEFAULT_URL, type Endpoints } from "../client/chat/endpoints.ts";
import { coalesce, nextFrame } from "../client/chat/frames.ts";
import { readRun } from "../client/chat/read-run.ts";
import { createRunCopy, type RunCopy } from "../client/chat/run-copy.ts";
import { parsePartialJson, type StreamState } from "../client/index.ts";
import type { DeepPartial, ObjectError, ObjectSnapshot, SubmitObjectOptions, UseObjectOptions } from "./object.ts";

export interface ObjectStore<T> {
  readonly subscribe: (listener: () => void) => () => void;
  readonly getSnapshot: () => ObjectSnapshot<T>;
  readonly submit: (prompt: string, options?: SubmitObjectOptions) => boolean;
  readonly stop: () => void;
}

/** One question, until its answer is whole. */
interface Job {
  readonly requestId: string;
  readonly body: object;
  readonly endpoints: Endpoints;
  readonly copy: RunCopy;
  /** As much of its text as the snapshot has. */
  shown: string;
  reading: AbortController;
  runUrl: string | undefined;
  accepted: boolean;
  stopping: boolean;
}

export const NO_OBJECT: ObjectSnapshot<never> = { object: undefined, status: "ready", error: undefined };

/**
 * Asks for one object at a time. While nobody subscribes the answer is not read; it goes on, and so does the reading
 * with the next subscription.
 * @param options are read anew for each question and each callback
 */
export function createObjectStore<T>(options: () => UseObjectOptions<T>): ObjectStore<T> {
  const listeners = new Set<() => void>();
  const showing = coalesce((run) => (options().nextFrame ?? nextFrame)(run), show);
  let snapshot: ObjectSnapshot<T> = NO_OBJECT;
  let job: Job | undefined;

  return {
    subscribe(listener) {
      listeners.add(listener);
      if (job?.reading.signal.aborted === true) void read(job);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) job?.reading.abort();
      };
    },
    getSnapshot: () => snapshot,
    submit(prompt, ask = {}) {
      if (job !== undefined || prompt.trim() === "") return false;
      const { url = DEFAULT_URL, headers = {}, fetch = globalThis.fetch, random = systemRandom, ...rest } = options();
      const { body, initialValue } = rest;
      const { model } = ask;
      const requestId = randomId("req", random);
      job = {
        requestId,
        body: {
          ...body,
          ...ask.body,
          ...(model === undefined ? {} : { model }),
          requestId,
          message: { content: prompt },
        },
        endpoints: createEndpoints({ url, headers, fetch }),
        copy: createRunCopy(),
        shown: "",
        reading: new AbortController(),
        runUrl: undefined,
        accepted: false,
        stopping: false,
      };
      set({ object: initialValue, status: "submitted", error: undefined });
      void read(job);
      return true;
    },
    stop() {
      if (job === undefined || job.stopping) return;
      job.stopping = true;
      if (job.runUrl !== undefined) void sendStop(job, job.runUrl);
    },
  };

  async function read(current: Job): Promise<void> {
    const { copy, endpoints, body } = current;
    const { clock, random, wake } = options();
    current.reading = new AbortController();
    const { signal } = current.reading;
    let outcome: Outcome<T>;
    try {
      await readRun(copy, {
        signal,
        source: () => ({ postUrl: endpoints.postUrl.href, body, runUrl: current.runUrl }),
        decode: undefined,
        onEvent: undefined,
        onState: (state) => follow(current, state),
        onProgress: showing.request,
        onRestart: showing.request,
        headers: endpoints.headers,
        fetch: endpoints.fetch,
        ...(clock === undefined ? {} : { clock }),
        ...(random === undefined ? {} : { random }),
        ...(wake === undefined ? {} : { wake }),
      });
      outcome = await outcomeOf(copy.message, options());
    } catch (error) {
      outcome = { error: chatError(error) };
    }
    if (signal.aborted || job !== current) return;
    showing.flush();
    end(outcome);
  }

  function follow(current: Job, state: StreamState): void {
    if (state.status === "open") {
      current.runUrl = state.url ?? current.runUrl;
      if (current.stopping && current.runUrl !== undefined) void sendStop(current, current.runUrl);
      current.accepted = true;
      showing.request();
    } else if (state.status === "waiting" && current.stopping && current.runUrl === undefined) {
      // Nobody is known to be answering. The server is told as far as it hears.
      void current.endpoints.cancel(current.requestId);
      current.reading.abort();
      end({});
    }
  }

  async function sendStop(current: Job, url: string): Promise<void> {
    try {
      await current.endpoints.stop(url);
    } catch {
      current.stopping = false; // it may be asked for again
    }
  }

  function end({ object, error }: Outcome<T>): void {
    job = undefined;
    const shown = object === undefined ? snapshot.object : (object as DeepPartial<T>);
    set({ object: shown, status: error === undefined ? "ready" : "error", error });
    const { onError, onFinish } = options();
    if (error !== undefined) onError?.(error);
    else if (object !== undefined) onFinish?.(object);
  }

  function show(): void {
    if (job === undefined) return;
    const status = job.accepted ? "streaming" : "submitted";
    const text = textOf(job.copy.message);
    const { value } = text === job.shown ? {} : parsePartialJson(withoutFence(text));
    job.shown = text;
    if (value !== undefined) set({ ...snapshot, status, object: value as DeepPartial<T> });
    else if (status !== snapshot.status) set({ ...snapshot, status });
  }

  function set(next: ObjectSnapshot<T>): void {
    snapshot = next;
    for (const listener of listeners) listener();
  }
}

interface Outcome<T> {
  readonly object?: T;
  readonly error?: ObjectError;
}

async function outcomeOf<T>(message: Message, options: UseObjectOptions<T>): Promise<Outcome<T>> {
  switch (message.status) {
    case "streaming":
      return { error: BROKEN_OFF };
    case "failed":
      return { error: message.error ?? BROKEN_OFF };
    case "aborted":
      return {};
    case "finished":
      return check(textOf(message), options);
  }
}

/** What no schema has seen is what the caller says it is. */
async function check<T>(text: string, { schema }: UseObjectOptions<T>): Promise<Outcome<T>> {
  let value: unknown;
  try {
    value = JSON.parse(withoutFence(text));
  } catch {
    return { error: { code: "client/invalid-object", message: "The answer is no whole JSON." } };
  }
  if (schema === undefined) return { object: value as T };
  const result = await schema["~standard"].validate(value);
  if (result.issues === undefined) return { object: result.value };
  const { issues } = result;
  return { error: { code: "client/invalid-object", message: "The answer does not fit the schema.", issues } };
}

/** Models put JSON into a block of code, asked or not. */
function withoutFence(text: string): string {
  const [opening] = /^\s*```\w*[^\S\n]*\n/.exec(text) ?? [];
  if (opening === undefined) return text;
  const inside = text.slice(opening.length).trimEnd();
  // In a text that goes on they are its own.
  return inside.endsWith("```") && parsePartialJson(inside).state === "invalid" ? inside.slice(0, -3) : inside;
}
