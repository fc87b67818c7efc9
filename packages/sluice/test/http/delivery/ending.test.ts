import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isApplicationEvent, type RunEvent } from "../../../src/chat/index.ts";
import { createAnswer } from "../../../src/dialects/answer.ts";
import { builtInDialects } from "../../../src/dialects/index.ts";
import { answerOf } from "../../../src/http/replay.ts";
import type { Service } from "../../../src/http/service.ts";
import { createMemoryLog } from "../../../src/log/index.ts";
import { legalRun } from "../../chat/legal-runs.ts";

/** As the writer of a run puts it down. */
function entryOf(event: RunEvent): string {
  if (!isApplicationEvent(event)) return JSON.stringify(Object.assign({ type: event.type }, event));
  const { event: name, data, ...rest } = event;
  return JSON.stringify({ event: name, ...rest, data });
}

async function logOf(entries: readonly string[]): Promise<Service> {
  const store = createMemoryLog();
  await store.create("run_1", { owner: "alice", meta: {}, ttlMs: 1_000 });
  if (entries.length > 0) await store.append("run_1", entries, { expected: 0, fence: 1 });
  return { runs: { store }, turn: () => Promise.resolve() } as unknown as Service;
}

describe("the end of an answer", () => {
  it("is worded from the answer as it is from all events in order, in every dialect", async () => {
    await fc.assert(
      fc.asyncProperty(legalRun(), async (events) => {
        const entries = events.map(entryOf);
        const parsed = entries.map((entry) => JSON.parse(entry) as RunEvent);
        const message = await answerOf(await logOf(entries), "run_1", entries.length);
        const plain = createAnswer("run_1");
        for (const event of parsed) plain.add(event);
        expect(message).toEqual(plain.message);
        for (const dialect of builtInDialects) {
          const context = { runId: "run_1", createdAt: 0 };
          const alone = dialect.alone?.(context);
          const last = parsed.length;
          if (last === 0 || alone?.(parsed[last - 1]!, last)) continue;
          const word = dialect.open(context);
          const frames = parsed.map((event, index) => word(event, index + 1));
          expect(dialect.final?.(message)).toEqual(frames.at(-1));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("joins deltas of one text over other events between them, however many", async () => {
    const deltas = Array.from({ length: 2_000 }, (_, index): RunEvent[] => [
      { type: "text-delta", id: "t", delta: `word ${index} "quoted" \\ ` },
      { type: "reasoning-delta", id: "r", delta: "hm" },
      { event: "weather", data: { type: "text-delta", delta: "no" } },
    ]).flat();
    const start: RunEvent[] = [
      { type: "start" },
      { type: "reasoning-start", id: "r" },
      { type: "text-start", id: "t" },
    ];
    const entries = [...start, ...deltas].map(entryOf);
    const message = await answerOf(await logOf(entries), "run_1", entries.length);
    const text = deltas
      .map((event) => ("id" in event && event.id === "t" && "delta" in event ? event.delta : ""))
      .join("");
    expect(message.parts).toEqual([{ type: "text", text, state: "streaming" }]);
  });
});
