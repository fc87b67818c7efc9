import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/chat/index.ts";
import { OWNER, createWorld, forbidStrayRejections, gate, terminalOf, turns, type World } from "./support.ts";

forbidStrayRejections();

type Step =
  | { readonly do: "say"; readonly event: RunEvent }
  | { readonly do: "pause"; readonly turns: number }
  | { readonly do: "throw"; readonly reason: unknown }
  | { readonly do: "stop" }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "hold" | "release" }
  | { readonly do: "end" };

const id = fc.constantFrom("a", "b");
const circular: { self?: unknown } = {};
circular.self = circular;

// Legal and illegal events, in no order at all: what is refused must not be seen by anybody.
const event: fc.Arbitrary<RunEvent> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant("text-start" as const), id }) },
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant("text-delta" as const), id, delta: fc.string({ unit: "binary" }) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("text-end" as const), id }) },
  { weight: 3, arbitrary: fc.record({ event: fc.constantFrom("note", "done"), data: fc.jsonValue() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("start-step" as const, "finish-step" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("data-x" as const), data: fc.constantFrom(circular, 1n, undefined) }),
  },
  { weight: 1, arbitrary: fc.constantFrom(null, 7, {}, { type: 1 }).map((value) => value as unknown as RunEvent) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<RunEvent>(
      { type: "finish" },
      { type: "finish", messageMetadata: circular },
      { type: "error", errorText: "no" },
      { type: "abort" },
    ),
  },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant("say" as const), event }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("pause" as const), turns: fc.integer({ min: 0, max: 3 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("throw" as const),
      reason: fc.constantFrom(new Error("x"), "x", undefined),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("stop" as const, "end" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("hold" as const, "release" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 4_000 }) }) },
);

const scripts = fc.record({
  steps: fc.array(step, { maxLength: 40 }),
  failures: fc.integer({ min: 0, max: 2 }),
  acknowledged: fc.boolean(),
  maxEntries: fc.constantFrom(5, 1_000),
});

/** A world whose appends can be held up, and fail a number of times. */
function createShaky(script: {
  readonly failures: number;
  readonly acknowledged: boolean;
  readonly maxEntries: number;
}) {
  let held = gate();
  held.open();
  let failures = script.failures;
  const shake = async <T>(act: () => Promise<T>): Promise<T> => {
    await held.opened;
    if (failures === 0) return act();
    failures -= 1;
    if (!script.acknowledged) await act();
    throw new Error("connection reset");
  };
  const world = createWorld({
    limits: { maxEntries: script.maxEntries, maxDurationMs: 10_000 },
    over: (memory) => ({
      append: (...given) => shake(() => memory.append(...given)),
      close: (...given) => shake(() => memory.close(...given)),
    }),
  });
  const hold = (): void => {
    held.open();
    held = gate();
  };
  return { world, hold, release: () => held.open() };
}

/** What must be true of every run, whatever its producer and its store did. */
async function expectSound(world: World, runId: string, accepted: readonly string[]): Promise<void> {
  await world.runs.ended(runId);
  await turns();
  const events = await world.read(runId); // checks shapes, order, and that nothing follows a terminal
  expect(terminalOf(events)).toBeDefined();
  expect(events[0]).toMatchObject({ type: "start" });
  const said = events.slice(1, -1).map((entry) => JSON.stringify(entry));
  expect(said).toEqual(accepted.slice(0, said.length));
  if (terminalOf(events)?.type === "finish") expect(said).toEqual(accepted);
  expect((await world.runs.get(runId))?.status).not.toBe("running");
  expect(world.runs.producing).toBe(0);
  expect(world.clock.timers).toBe(0);
}

describe("whatever a producer, a store and a reader who stops do", () => {
  it("a run that is pushed has one terminal, last, after a prefix of what was accepted", async () => {
    await fc.assert(
      fc.asyncProperty(scripts, fc.boolean(), async (script, patient) => {
        const { world, hold, release } = createShaky(script);
        const { run, id: runId } = await world.runs.open({ owner: OWNER });
        const accepted: string[] = [];
        const say = async (said: RunEvent): Promise<void> => {
          const text = serialised(said);
          const appended = run!.append(said);
          const tell = appended.then(
            () => text !== undefined && !isEnd(said) && accepted.push(text),
            () => {},
          );
          if (patient) await Promise.race([tell, turns(2)]);
        };
        for (const next of script.steps) {
          if (next.do === "say") await say(next.event);
          else if (next.do === "pause") await turns(next.turns);
          else if (next.do === "throw") void run!.fail(next.reason).catch(() => {});
          else if (next.do === "end") void run!.finish().catch(() => {});
          else if (next.do === "stop") await world.runs.stop(runId);
          else if (next.do === "wait") await world.clock.advance(next.ms);
          else if (next.do === "hold") hold();
          else release();
        }
        release();
        await turns();
        void run!.finish().catch(() => {});
        await turns();
        await world.clock.advance(5_000);
        await expectSound(world, runId, accepted);
      }),
      { numRuns: 300 },
    );
  });

  it("a run that is pulled has one terminal, last, after a prefix of what its source said", async () => {
    await fc.assert(
      fc.asyncProperty(scripts, async (script) => {
        const { world, hold, release } = createShaky(script);
        const said: string[] = [];
        const { id: runId } = await world.runs.start({ owner: OWNER }, async function* ({ runId: own }) {
          for (const next of script.steps) {
            if (next.do === "say") {
              said.push(serialised(next.event) ?? "");
              yield next.event;
            } else if (next.do === "pause") await turns(next.turns);
            else if (next.do === "throw") throw next.reason;
            else if (next.do === "end") return;
            else if (next.do === "stop") await world.runs.stop(own);
            else if (next.do === "wait") await world.clock.advance(next.ms);
            else if (next.do === "hold") hold();
            else release();
          }
        });
        await turns(40);
        release();
        for (let n = 0; n < 4; n += 1) {
          await turns(40);
          await world.clock.advance(5_000);
        }
        await expectSound(
          world,
          runId,
          said.filter((text, index) => index < said.length - 1 || !isEndText(text)),
        );
      }),
      { numRuns: 300 },
    );
  });
});

function serialised(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function isEnd(value: unknown): boolean {
  return isEndText(serialised(value) ?? '{"type":"finish"');
}

function isEndText(text: string): boolean {
  return /^\{"type":"(?:finish|error|abort)"/.test(text);
}
