import { describe, expect, it } from "vitest";
import { SluiceError } from "../../src/base/errors.ts";
import type { RunEvent } from "../../src/chat/index.ts";
import type { RunInput, SourceContext } from "../../src/run/index.ts";
import {
  OWNER,
  createWorld,
  forbidStrayRejections,
  gate,
  hanging,
  never,
  saying,
  terminalOf,
  textOf,
  turns,
} from "./support.ts";

forbidStrayRejections();

const PROCESSING_ERROR = {
  type: "error",
  errorText: "The answer could not be completed.",
  code: "PROCESSING_ERROR",
} as const;

async function* after(events: AsyncIterable<RunEvent>, then: () => unknown): AsyncGenerator<RunEvent> {
  yield* events;
  const event = then();
  if (event !== undefined) yield event as RunEvent;
}

function fail(error: unknown): never {
  throw error;
}

function circular(): object {
  const data: Record<string, unknown> = {};
  data["self"] = data;
  return data;
}

const secret = new Error("ENOENT /home/alice/key.pem");

/** What a producer does, the text that stays, and the terminal that follows. */
const paths: Record<string, readonly [input: () => RunInput, text: string, terminal: object]> = {
  "that ends without a terminal is finished": [() => saying("a"), "a", { type: "finish", finishReason: "stop" }],
  "that is empty is finished": [() => saying(), "", { type: "finish", finishReason: "stop" }],
  "that finishes by itself keeps its finish": [
    () => after(saying("a"), () => ({ type: "finish", finishReason: "length", messageMetadata: { x: 1 } })),
    "a",
    { type: "finish", finishReason: "length", messageMetadata: { x: 1 } },
  ],
  "that aborts by itself keeps its abort": [
    () => after(saying("a"), () => ({ type: "abort", reason: "filter" })),
    "a",
    { type: "abort", reason: "filter" },
  ],
  "that ends with an error keeps its error": [
    () => after(saying("a"), () => ({ type: "error", errorText: "busy", code: "llm/rate-limited" })),
    "a",
    { type: "error", errorText: "busy", code: "llm/rate-limited" },
  ],
  "that throws in the middle hides the foreign message": [
    () => after(saying("a", "b"), () => fail(secret)),
    "ab",
    PROCESSING_ERROR,
  ],
  "that throws before its first event": [() => after(saying(), () => fail(secret)), "", PROCESSING_ERROR],
  "that throws what is no Error": [() => after(saying("a"), () => fail("boom")), "a", PROCESSING_ERROR],
  "that throws undefined": [() => after(saying("a"), () => fail(undefined)), "a", PROCESSING_ERROR],
  "that throws an AbortError though nobody stopped it": [
    () => after(saying("a"), () => fail(new DOMException("gone", "AbortError"))),
    "a",
    PROCESSING_ERROR,
  ],
  "whose factory throws at once": [() => () => fail(secret), "", PROCESSING_ERROR],
  "whose factory rejects": [() => () => Promise.reject(secret), "", PROCESSING_ERROR],
  "that is a promise that rejects": [() => Promise.reject(secret), "", PROCESSING_ERROR],
  "whose factory makes nothing": [
    () => () => undefined as unknown as AsyncIterable<RunEvent>,
    "",
    { type: "error", code: "run/source-unsupported" },
  ],
  "whose iterator cannot be made": [() => ({ [Symbol.asyncIterator]: () => fail(secret) }), "", { type: "error" }],
  "whose iterator throws instead of rejecting": [
    () => ({ [Symbol.asyncIterator]: () => ({ next: () => fail(secret) }) }),
    "",
    PROCESSING_ERROR,
  ],
  "that breaks the order": [
    () => after(saying("a"), () => ({ type: "text-end", id: "other" })),
    "a",
    { type: "error", code: "chat/order" },
  ],
  "that says an unknown type": [
    () => after(saying("a"), () => ({ type: "no-such-type" })),
    "a",
    { type: "error", code: "chat/invalid-event" },
  ],
  "that leaves a field out": [
    () => after(saying("a"), () => ({ type: "text-delta", id: "t" })),
    "a",
    { type: "error", code: "chat/invalid-event" },
  ],
  "that uses a reserved name": [
    () => after(saying("a"), () => ({ event: "done", data: 1 })),
    "a",
    { type: "error", code: "chat/reserved-event" },
  ],
  "that says null": [() => after(saying("a"), () => null), "a", { type: "error" }],
  "that says a number": [() => after(saying("a"), () => 7), "a", { type: "error" }],
  "whose data is circular": [
    () => after(saying("a"), () => ({ type: "data-x", data: circular() })),
    "a",
    { type: "error", code: "chat/invalid-event" },
  ],
  "whose data throws when it is read": [
    () => after(saying("a"), () => ({ type: "data-x", data: { toJSON: () => fail(secret) } })),
    "a",
    { type: "error", code: "chat/invalid-event" },
  ],
  "whose data is a BigInt": [
    () => after(saying("a"), () => ({ event: "n", data: 1n })),
    "a",
    { type: "error", code: "chat/invalid-event" },
  ],
  "whose data is a function, which JSON leaves out": [
    () => after(saying("a"), () => ({ event: "n", data: () => 1 })),
    "a",
    { type: "error", code: "chat/invalid-event" },
  ],
  "whose finish carries what is no JSON": [
    () => after(saying("a"), () => ({ type: "finish", messageMetadata: circular() })),
    "a",
    { type: "error", code: "chat/invalid-event" },
  ],
  "whose finish has a reason that does not exist": [
    () => after(saying("a"), () => ({ type: "finish", finishReason: "because" })),
    "a",
    { type: "error", code: "chat/invalid-event" },
  ],
  "whose error has no text": [
    () => after(saying("a"), () => ({ type: "error" })),
    "a",
    { type: "error", code: "chat/invalid-event" },
  ],
};

describe("a source", () => {
  it.each(Object.entries(paths))("%s", async (_name, [input, text, terminal]) => {
    const { runs, read, lines, clock } = createWorld();
    const { id } = await runs.start({ owner: OWNER }, input());
    await runs.ended(id);
    const events = await read(id);
    expect(textOf(events)).toBe(text);
    expect(terminalOf(events)).toMatchObject(terminal);
    expect(JSON.stringify(events)).not.toContain("key.pem");
    expect(runs.producing).toBe(0);
    expect(clock.timers).toBe(0);
    const ended = terminalOf(events)!.type;
    expect(lines).toHaveLength(ended === "finish" ? 0 : 1);
    expect(await runs.get(id)).toMatchObject({
      status: { finish: "finished", abort: "aborted", error: "failed" }[ended],
    });
  });

  it("that goes on after its own terminal is left, and nothing of that is stored", async () => {
    const { runs, read } = createWorld();
    let left = false;
    async function* talkative(): AsyncGenerator<RunEvent> {
      try {
        yield* saying("a");
        yield { type: "finish" };
        yield { type: "text-delta", id: "t", delta: "too late" };
        yield { type: "finish" };
      } finally {
        left = true;
      }
    }
    const { id } = await runs.start({ owner: OWNER }, talkative());
    await runs.ended(id);
    await turns();
    expect(left).toBe(true);
    expect(textOf(await read(id))).toBe("a");
  });

  it("that hangs after its own terminal is left", async () => {
    const { runs, read } = createWorld();
    let left = false;
    async function* hesitant(): AsyncGenerator<RunEvent> {
      try {
        yield { type: "finish" };
        await never();
      } finally {
        left = true;
      }
    }
    const { id } = await runs.start({ owner: OWNER }, hesitant());
    await runs.ended(id);
    await turns();
    expect(left).toBe(true);
    expect(await read(id)).toHaveLength(2);
  });

  it("that finished keeps a signal that never fired", async () => {
    const { runs } = createWorld();
    let context: SourceContext | undefined;
    const { id } = await runs.start({ owner: OWNER }, (given) => {
      context = given;
      return saying("a");
    });
    await runs.ended(id);
    await turns();
    expect(context).toMatchObject({ runId: id, signal: { aborted: false } });
  });

  it("that failed fires its signal, for whoever still works for it", async () => {
    const { runs } = createWorld();
    let signal: AbortSignal | undefined;
    const { id } = await runs.start({ owner: OWNER }, (given) => {
      signal = given.signal;
      return after(saying("a"), () => ({ type: "error", errorText: "no" }));
    });
    await runs.ended(id);
    expect(signal?.aborted).toBe(true);
  });

  it.each([
    ["a source that hangs", (): RunInput => hanging()],
    ["a factory that never answers", (): RunInput => () => never()],
    ["a promised source that never comes", (): RunInput => never()],
    [
      "a source that hangs in its clean-up",
      (): RunInput =>
        (async function* () {
          try {
            yield* saying("a");
            await never();
          } finally {
            await never();
          }
        })(),
    ],
  ])("is over at its deadline, also %s", async (_name, input) => {
    const { runs, read, clock } = createWorld({ limits: { maxDurationMs: 1_500 } });
    const { id } = await runs.start({ owner: OWNER }, input());
    await clock.advance(1_499);
    expect(runs.producing).toBe(1);
    await clock.advance(1);
    await runs.ended(id);
    expect(terminalOf(await read(id))).toEqual({
      type: "error",
      errorText: "The answer took longer than 1.5 s.",
      code: "run/max-duration",
    });
    expect(clock.timers).toBe(0);
  });
});

describe("a producer that pushes", () => {
  it("is told what is wrong with an event, and may go on", async () => {
    const { runs, read } = createWorld();
    const { run, id } = await runs.open({ owner: OWNER });
    await expect(run!.append({ type: "text-delta", id: "t", delta: "a" })).rejects.toMatchObject({
      code: "chat/order",
    });
    await expect(run!.append(null as unknown as RunEvent)).rejects.toMatchObject({ code: "chat/invalid-event" });
    await expect(run!.append({ event: "final", data: 1 })).rejects.toMatchObject({ code: "chat/reserved-event" });
    for await (const event of saying("a")) await run!.append(event);
    await run!.finish();
    expect(textOf(await read(id))).toBe("a");
    expect(terminalOf(await read(id))).toEqual({ type: "finish", finishReason: "stop" });
  });

  it("cannot append after the terminal, not even another terminal", async () => {
    const { runs, read } = createWorld();
    const { run, id } = await runs.open({ owner: OWNER });
    await run!.append({ type: "finish", finishReason: "length" });
    const late: RunEvent[] = [{ event: "n", data: 1 }, { type: "finish" }, { type: "start" }];
    for (const event of late) await expect(run!.append(event)).rejects.toMatchObject({ code: "run/ended" });
    expect(await read(id)).toHaveLength(2);
  });

  it("may end as often as it likes: the first one counts", async () => {
    const { runs, read } = createWorld();
    const { run, id } = await runs.open({ owner: OWNER });
    await Promise.all([run!.finish(), run!.fail(new Error("late")), run!.finish({ finishReason: "length" })]);
    await run!.fail(new Error("later"));
    expect(await run!.ended).toEqual({ terminal: { type: "finish", finishReason: "stop" } });
    expect(await read(id)).toHaveLength(2);
    expect(await runs.get(id)).toMatchObject({ status: "finished" });
  });

  it("cannot smuggle another type through finish", async () => {
    const { runs, read } = createWorld();
    const { run, id } = await runs.open({ owner: OWNER });
    const event: object = { type: "text-start", id: "t" };
    await run!.finish(event);
    expect(terminalOf(await read(id))).toMatchObject({ type: "finish", finishReason: "stop" });
  });

  it("writes the terminal as it was when it was given", async () => {
    const { runs, read } = createWorld();
    const { run, id } = await runs.open({ owner: OWNER });
    const messageMetadata = { n: 1 };
    const finishing = run!.finish({ messageMetadata });
    messageMetadata.n = 2;
    await finishing;
    expect(terminalOf(await read(id))).toMatchObject({ messageMetadata: { n: 1 } });
  });

  it("fails with a coded error, which speaks for itself", async () => {
    const { runs, read } = createWorld();
    const { run, id } = await runs.open({ owner: OWNER });
    const error = new SluiceError("llm/stalled", "The model fell silent.");
    await run!.fail(error);
    expect(terminalOf(await read(id))).toEqual({
      type: "error",
      errorText: "The model fell silent.",
      code: "llm/stalled",
    });
    expect(await run!.ended).toMatchObject({ error });
  });
});

describe("a log line", () => {
  it("is written once for each interruption, with run, code, chunks, bytes and ms", async () => {
    const { runs, lines, clock } = createWorld();
    const more = gate();
    const { id } = await runs.start({ owner: OWNER }, async function* () {
      yield* saying("é");
      await more.opened;
      throw secret;
    });
    await clock.advance(250);
    more.open();
    await runs.ended(id);
    const stored = [
      '{"type":"start","messageId":"msg_',
      '{"type":"text-start","id":"t"}',
      '{"type":"text-delta","id":"t","delta":"é"}',
    ];
    const bytes = Buffer.byteLength(stored.join("")) + 32 + 2;
    expect(lines).toEqual([
      {
        level: "info",
        message: "run interrupted",
        fields: { run: id, code: "PROCESSING_ERROR", chunks: 3, bytes, ms: 250, error: secret },
      },
    ]);
  });

  it("that cannot be written keeps no run from ending", async () => {
    const { runs, read, clock } = createWorld({
      log: () => {
        throw new Error("no disk for logs");
      },
    });
    const { id } = await runs.start({ owner: OWNER }, () => Promise.reject(secret));
    await runs.ended(id);
    expect(terminalOf(await read(id))).toMatchObject({ type: "error" });
    expect(runs.producing).toBe(0);
    expect(clock.timers).toBe(0);
  });
});
