import { Readable } from "node:stream";
import type { streamText, UIMessageChunk } from "ai";
import OpenAI from "openai";
import { describe, expect, expectTypeOf, it } from "vitest";
import { isSluiceError } from "../../src/base/errors.ts";
import { fold, isTerminal, type RunEvent } from "../../src/chat/index.ts";
import { toRunEvents, type RunInput, type RunSource } from "../../src/run/index.ts";
import { encodeEvent, sseResponse } from "../../src/sse/index.ts";
import {
  answer,
  chat,
  chunks,
  failure,
  from,
  never,
  read,
  responses,
  sse,
  told,
  watched,
  type Watched,
} from "../dialects/sources.ts";

/** OpenAI's own client over a response that is given. */
function openai(respond: (signal: AbortSignal) => Response): OpenAI {
  return new OpenAI({
    apiKey: "none",
    maxRetries: 0,
    fetch: (_url, init) => Promise.resolve(respond(init?.signal ?? never)),
  });
}

const question = { model: "m", messages: [{ role: "user" as const, content: "Hi" }], stream: true as const };

describe("a source of text", () => {
  it("becomes one text part; empty strings are nothing", async () => {
    expect(await read(from("", "Hel", "", "lo"))).toEqual([
      { type: "text-start", id: "text-0" },
      { type: "text-delta", id: "text-0", delta: "Hel" },
      { type: "text-delta", id: "text-0", delta: "lo" },
      { type: "text-end", id: "text-0" },
    ]);
  });

  it.each([
    ["no item", []],
    ["an empty string", [""]],
  ])("with %s is an empty answer", async (_what, items) => {
    expect(await read(from<string>(...items))).toEqual([]);
  });

  it("may say [DONE] like any other word", async () => {
    expect(told(await read(from("say ", "[DONE]", " now")))).toBe("say [DONE] now");
  });

  it("may be a stream of the web or of Node", async () => {
    const stream = new ReadableStream<string>({
      start(controller) {
        controller.enqueue("Hello");
        controller.close();
      },
    });
    expect(told(await read(stream))).toBe("Hello");
    expect(told(await read(Readable.from(["Hel", "lo"])))).toBe("Hello");
  });

  it("passes on what its producer throws", async () => {
    const own = new Error("out of order");
    async function* broken(): AsyncGenerator<string> {
      yield "Hel";
      throw own;
    }
    expect(await failure(broken())).toBe(own);
  });
});

describe("a source of events", () => {
  it("is passed on as it is, up to its terminal", async () => {
    const events: RunEvent[] = [
      { type: "text-start", id: "t" },
      { type: "text-delta", id: "t", delta: "Hi" },
      { event: "weather", data: 21 },
      { type: "text-end", id: "t" },
      { type: "finish" },
    ];
    expect(await read(from(...events, { event: "late", data: 1 }))).toEqual(events);
  });

  it("may be mixed with text, which an event of the message ends and application data does not", async () => {
    const mixed: readonly (string | RunEvent)[] = [
      "a",
      { event: "weather", data: 21 },
      { type: "data-progress", data: 1 },
      "b",
      { type: "source-url", sourceId: "s", url: "https://example.org/" },
      "c",
    ];
    const events = await read(from(...mixed));
    expect(fold([{ type: "start" }, ...events]).parts).toMatchObject([
      { type: "text", text: "ab", state: "done" },
      { type: "data-progress" },
      { type: "source-url" },
      { type: "text", text: "c", state: "done" },
    ]);
  });

  it("need not have a terminal, unless it begins with `start` and so is a whole UI message stream", async () => {
    const [start, ...rest] = chunks.slice(0, -1);
    expect((await read(from(...rest))).some(isTerminal)).toBe(false);
    expect(isSluiceError(await failure(from(start, ...rest)), "run/source-truncated")).toBe(true);
  });

  it("reads nothing after its terminal and lets go of it", async () => {
    let reached = false;
    let returned = false;
    async function* endless(): AsyncGenerator<RunEvent> {
      try {
        yield { type: "finish" };
        reached = true;
      } finally {
        returned = true;
      }
    }
    expect(await read(endless())).toEqual([{ type: "finish" }]);
    expect([reached, returned]).toEqual([false, true]);
  });
});

describe("a stream of the package `openai`", () => {
  it("of chat completions is told by its chunks", async () => {
    const stream = await openai(() => sse([...chat, "[DONE]"])).chat.completions.create(question);
    const events = await read(stream);
    expect(told(events)).toBe("Hello");
    expect(events.at(-1)).toMatchObject({ type: "finish", finishReason: "stop" });
  });

  it("may be given as the promise of it", async () => {
    const client = openai(() => sse([...chat, "[DONE]"]));
    expect(told(await read(client.chat.completions.create(question)))).toBe("Hello");
  });

  it("of responses is told by its types", async () => {
    const stream = await openai(() => sse(responses)).responses.create({ model: "m", input: "Hi", stream: true });
    expect(told(await read(stream))).toBe("Hello");
  });

  it("is never reported as finished when its connection ended early", async () => {
    const cut = await openai(() => sse(chat.slice(0, 2))).chat.completions.create(question);
    expect(isSluiceError(await failure(cut), "run/source-truncated")).toBe(true);
  });

  it("passes on the SDK's own error for an error in mid-stream", async () => {
    const stream = await openai(() => sse([chat[0], { error: { message: "quota" } }])).chat.completions.create(
      question,
    );
    expect(await failure(stream)).toBeInstanceOf(OpenAI.APIError);
  });

  it("may come from a server that speaks like OpenAI and names no object", async () => {
    const items = [{ choices: [{ delta: { content: "Hello" } }] }, { choices: [{ delta: {}, finish_reason: "stop" }] }];
    expect(told(await read(from(...items)))).toBe("Hello");
  });

  it("ends its request when it is left early, stopped while it hangs, or never read", async () => {
    // One chunk, then silence until the request is aborted, as `fetch` does it.
    const hanging = (signal: AbortSignal): Response =>
      sseResponse(
        new ReadableStream({
          start(controller) {
            controller.enqueue(new TextEncoder().encode(encodeEvent({ data: chat[0] })));
            signal.addEventListener("abort", () => controller.error(signal.reason));
          },
        }),
      );
    for (const how of ["left", "stopped", "unread"] as const) {
      const stream = await openai(hanging).chat.completions.create(question);
      const stop = new AbortController();
      if (how === "unread") stop.abort();
      const events = toRunEvents(stream, { signal: stop.signal });
      if (how === "left") {
        await events.next();
        await events.return(undefined);
      } else if (how === "stopped") {
        await events.next();
        await events.next();
        const pending = events.next();
        stop.abort();
        await expect(pending).rejects.toThrow("aborted");
      } else {
        await expect(events.next()).rejects.toThrow("aborted");
      }
      expect(stream.controller.signal.aborted).toBe(true);
    }
  });
});

describe("a stream of the package `ai`", () => {
  it("is read to its end, with its id and its reason", async () => {
    const events = await read(answer().toUIMessageStream({ generateMessageId: () => "msg_9" }));
    expect(fold([{ type: "start" }, ...events])).toMatchObject({
      id: "msg_9",
      finishReason: "stop",
      status: "finished",
    });
    expect(told(events)).toBe("Hello");
  });

  it("may be its text alone", async () => {
    expect(told(await read(answer().textStream))).toBe("Hello");
  });

  it("may be the response it makes", async () => {
    expect(told(await read(answer().toUIMessageStreamResponse()))).toBe("Hello");
    expect(told(await read(answer().toTextStreamResponse()))).toBe("Hello");
  });
});

describe("letting go", () => {
  const word = new TextEncoder().encode("Hello");
  const kinds: [string, () => { source: RunSource; watch: Omit<Watched<unknown>, "stream"> }][] = [
    [
      "a stream",
      () => {
        const { stream, ...watch } = watched("Hello");
        return { source: stream, watch };
      },
    ],
    [
      "a response with text",
      () => {
        const { stream, ...watch } = watched(word);
        return { source: new Response(stream, { headers: { "content-type": "text/plain" } }), watch };
      },
    ],
    [
      "a response with SSE",
      () => {
        const { stream, ...watch } = watched(new TextEncoder().encode(encodeEvent({ data: chat[0] })));
        return { source: sseResponse(stream), watch };
      },
    ],
  ];

  it.each(kinds)("of %s happens when its reader leaves", async (_what, make) => {
    const { source, watch } = make();
    const events = toRunEvents(source, { signal: never });
    expect((await events.next()).value).toEqual({ type: "text-start", id: "text-0" });
    await events.return(undefined);
    expect(watch.cancelled()).toBe(true);
  });

  it.each(kinds)("of %s happens when a stop comes while it hangs", async (_what, make) => {
    const { source, watch } = make();
    const stop = new AbortController();
    const rest = read(source, stop.signal);
    await watch.hangs;
    stop.abort();
    await expect(rest).rejects.toThrow("aborted");
    expect(watch.cancelled()).toBe(true);
  });

  it.each(kinds)("of %s happens when nothing of it is wanted any more", async (_what, make) => {
    const { source, watch } = make();
    await expect(read(source, AbortSignal.abort())).rejects.toThrow("aborted");
    expect(watch.cancelled()).toBe(true);
  });

  it("also reaches a source whose promise comes too late", async () => {
    const { stream, cancelled } = watched("Hello");
    const stop = new AbortController();
    const { promise, resolve } = later<ReadableStream<string>>();
    const first = toRunEvents(promise, { signal: stop.signal }).next();
    stop.abort();
    resolve(stream);
    await expect(first).rejects.toThrow("aborted");
    expect(cancelled()).toBe(true);
  });

  it("does not take what is left of a stopped source for a whole answer", async () => {
    const stop = new AbortController();
    async function* finished(): AsyncGenerator<object> {
      yield* chat;
      stop.abort();
    }
    const events: RunEvent[] = [];
    await expect(async () => {
      for await (const event of toRunEvents(finished() as RunSource, { signal: stop.signal })) events.push(event);
    }).rejects.toThrow("aborted");
    expect(events.some(isTerminal)).toBe(false);
  });
});

describe("anything else", () => {
  it.each([
    ["a string", "Hello"],
    ["an array", ["Hello"]],
    ["undefined", undefined],
    ["an object", {}],
    ["numbers", from(1)],
    ["bytes", from(new Uint8Array([1]))],
    ["objects without a type", from({ text: "Hello" })],
    ["text, then a number", from<unknown>("Hello", 1)],
  ])("is refused with what is accepted: %s", async (_what, source) => {
    const error = await failure(source);
    if (!isSluiceError(error, "run/source-unsupported")) throw error;
    expect(error.message).toMatch(/A run takes text, chat events, .*text\/event-stream or text\/plain\.$/);
  });

  it("is refused also when it is a stream that somebody else reads", async () => {
    const stream = new ReadableStream<string>();
    stream.getReader();
    expect(isSluiceError(await failure(stream), "run/source-unsupported")).toBe(true);
  });
});

describe("the type of a source", () => {
  it("takes the streams of `openai` and `ai` without a cast", () => {
    type Chat = Awaited<ReturnType<typeof chatStream>>;
    const chatStream = (client: OpenAI) => client.chat.completions.create(question);
    const responseStream = (client: OpenAI) => client.responses.create({ model: "m", input: "Hi", stream: true });
    expectTypeOf<Chat>().toExtend<RunInput>();
    expectTypeOf<ReturnType<typeof chatStream>>().toExtend<RunInput>();
    expectTypeOf<ReturnType<typeof responseStream>>().toExtend<RunInput>();
    expectTypeOf<ReturnType<OpenAI["chat"]["completions"]["stream"]>>().toExtend<RunInput>();
    expectTypeOf<ReturnType<OpenAI["responses"]["stream"]>>().toExtend<RunInput>();
    expectTypeOf<ReturnType<ReturnType<typeof streamText>["toUIMessageStream"]>>().toExtend<RunInput>();
    expectTypeOf<ReadableStream<UIMessageChunk>>().toExtend<RunInput>();
    expectTypeOf<ReturnType<typeof streamText>["textStream"]>().toExtend<RunInput>();
    expectTypeOf<Promise<Response>>().toExtend<RunInput>();
    expectTypeOf<AsyncGenerator<string | RunEvent>>().toExtend<RunInput>();
    expectTypeOf<(context: { signal: AbortSignal }) => ReturnType<typeof chatStream>>().toExtend<RunInput>();
  });

  it("does not take what can be no source", () => {
    expectTypeOf<string>().not.toExtend<RunSource>();
    expectTypeOf<AsyncIterable<number>>().not.toExtend<RunSource>();
    expectTypeOf<ReadableStream<Uint8Array>>().not.toExtend<RunSource>();
    expectTypeOf<ReturnType<typeof streamText>>().not.toExtend<RunSource>();
  });
});

function later<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
