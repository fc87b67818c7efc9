import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/chat/index.ts";
import type { RunLimits } from "../../src/run/index.ts";
import {
  OWNER,
  createWorld,
  forbidStrayRejections,
  hanging,
  saying,
  terminalOf,
  textOf,
  type World,
} from "./support.ts";

forbidStrayRejections();

async function endless(world: World, limits: Partial<RunLimits>): Promise<readonly RunEvent[]> {
  const { id } = await world.runs.start({ owner: OWNER, limits }, async function* () {
    yield* saying();
    while (true) yield { type: "text-delta", id: "t", delta: "0123456789" };
  });
  await world.runs.ended(id);
  return world.read(id);
}

describe("a run over", () => {
  it("maxBytes ends with log/max-bytes, and everything before stays", async () => {
    const world = createWorld();
    const events = await endless(world, { maxBytes: 10_000 });
    const terminal = terminalOf(events);
    expect(terminal).toEqual({ type: "error", errorText: "A run may hold 10000 bytes.", code: "log/max-bytes" });
    const before = events.slice(0, -1).map((event) => JSON.stringify(event));
    const bytes = Buffer.byteLength(before.join(""));
    expect(bytes).toBeLessThanOrEqual(10_000);
    expect(bytes).toBeGreaterThan(10_000 - Buffer.byteLength(before.at(-1)!));
    expect(world.lines).toMatchObject([{ fields: { code: "log/max-bytes", bytes, chunks: before.length } }]);
  });

  it("maxEntries ends with log/max-entries, and everything before stays", async () => {
    const events = await endless(createWorld(), { maxEntries: 100 });
    expect(events).toHaveLength(101);
    expect(terminalOf(events)).toMatchObject({ code: "log/max-entries", errorText: "A run may hold 100 events." });
  });

  it("limits that leave no room at all still has a start and an end", async () => {
    for (const limits of [{ maxBytes: 1 }, { maxEntries: 1 }]) {
      const events = await endless(createWorld(), limits);
      expect(events).toEqual([expect.objectContaining({ type: "start" }), expect.objectContaining({ type: "error" })]);
    }
  });

  it("a limit fires its signal, so that the model stops", async () => {
    const { runs } = createWorld();
    let signal: AbortSignal | undefined;
    const { id } = await runs.start({ owner: OWNER, limits: { maxEntries: 3 } }, (context) => {
      signal = context.signal;
      return saying("a", "b", "c");
    });
    await runs.ended(id);
    expect(signal?.reason).toMatchObject({ code: "log/max-entries" });
  });

  it("a limit has ended also when its producer pushes and does not care", async () => {
    const { runs, read } = createWorld();
    const { run, id } = await runs.open({ owner: OWNER, limits: { maxBytes: 200 } });
    for await (const event of saying("a")) await run!.append(event);
    const big: RunEvent = { type: "text-delta", id: "t", delta: "x".repeat(200) };
    await expect(run!.append(big)).rejects.toMatchObject({ code: "log/max-bytes", details: { limit: 200 } });
    await expect(run!.append({ event: "n", data: 1 })).rejects.toMatchObject({ code: "run/ended" });
    await runs.ended(id);
    expect(textOf(await read(id))).toBe("a");
    expect(terminalOf(await read(id))).toMatchObject({ code: "log/max-bytes" });
  });

  it("counts UTF-8 bytes, not characters", async () => {
    const { runs, read } = createWorld();
    const { id } = await runs.start({ owner: OWNER, limits: { maxBytes: 250 } }, saying("𝄞".repeat(50)));
    await runs.ended(id);
    expect(terminalOf(await read(id))).toMatchObject({ code: "log/max-bytes" });
  });

  it("its own limits may be set above those of the node, and fill up from them", async () => {
    const world = createWorld({ limits: { maxEntries: 5, maxDurationMs: 1_000 } });
    expect(await endless(world, {})).toHaveLength(6);
    expect(await endless(world, { maxEntries: 50 })).toHaveLength(51);
  });
});

describe("the deadline of a run", () => {
  it("is 5 minutes by default, and may be 30", async () => {
    const { runs, read, clock } = createWorld();
    const short = await runs.start({ owner: OWNER }, hanging());
    const long = await runs.start({ owner: OWNER, limits: { maxDurationMs: 1_800_000 } }, hanging());
    await clock.advance(299_999);
    expect(runs.producing).toBe(2);
    await clock.advance(1);
    expect(runs.producing).toBe(1);
    expect(terminalOf(await read(short.id))).toMatchObject({
      code: "run/max-duration",
      errorText: "The answer took longer than 300 s.",
    });
    await clock.advance(1_500_000);
    expect(runs.producing).toBe(0);
    expect(terminalOf(await read(long.id))).toMatchObject({ code: "run/max-duration" });
    expect(clock.timers).toBe(0);
  });

  it("leaves what was said, and the log line has the time it took", async () => {
    const { runs, read, clock, lines } = createWorld({ limits: { maxDurationMs: 60_000 } });
    const { id } = await runs.start({ owner: OWNER }, async function* () {
      yield* saying("a");
      yield* hanging<RunEvent>();
    });
    await clock.advance(60_000);
    expect(textOf(await read(id))).toBe("a");
    expect(lines).toMatchObject([{ fields: { code: "run/max-duration", ms: 60_000, chunks: 3 } }]);
  });
});
