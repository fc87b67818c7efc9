import { describe, expect, it } from "vitest";
import { SluiceError } from "../../src/base/errors.ts";
import type { Meter } from "../../src/run/index.ts";
import { OWNER, createWorld, forbidStrayRejections, never, saying, turns, type World } from "./support.ts";

forbidStrayRejections();

type Call = readonly [name: string, ...values: unknown[]];

function metered(): World & { readonly calls: readonly Call[] } {
  const calls: Call[] = [];
  const told =
    (name: string) =>
    (...values: unknown[]): void =>
      void calls.push([name, ...values]);
  const meter: Meter = {
    runStarted: told("runStarted"),
    firstToken: told("firstToken"),
    tokens: told("tokens"),
    runEnded: told("runEnded"),
    stopRequested: told("stopRequested"),
    readerJoined: told("readerJoined"),
    readerLeft: told("readerLeft"),
    readerBehind: told("readerBehind"),
    merged: told("merged"),
    sent: told("sent"),
    refused: told("refused"),
  };
  return { ...createWorld({ meter }), calls };
}

describe("the meter", () => {
  it("is told of a run, of its first content, of what follows and after how long, and of its end", async () => {
    const world = metered();
    const { run } = await world.runs.open({ owner: OWNER });
    await world.clock.advance(250);
    await run?.append({ type: "text-start", id: "t" });
    await turns();
    expect(world.calls).toEqual([["runStarted"]]);
    await run?.append({ type: "text-delta", id: "t", delta: "a" });
    await turns();
    await world.clock.advance(40);
    await run?.append({ type: "text-delta", id: "t", delta: "b" });
    await run?.append({ type: "text-delta", id: "t", delta: "c" });
    await run?.append({ type: "text-end", id: "t" });
    await turns();
    await world.clock.advance(10);
    await run?.finish({ finishReason: "length" });
    await turns();
    expect(world.calls).toEqual([
      ["runStarted"],
      ["firstToken", 250],
      ["tokens", 1, undefined],
      ["tokens", 2, 40],
      ["runEnded", "finish", "length", 300],
    ]);
  });

  it("is told the code of an error, and `PROCESSING_ERROR` of one that has none", async () => {
    const world = metered();
    await world.runs.start({ owner: OWNER }, Promise.reject(new SluiceError("llm/failed", "No.")));
    await world.runs.start({ owner: OWNER }, Promise.reject(new Error("a secret")));
    await turns();
    expect(world.calls.filter(([name]) => name === "runEnded")).toEqual([
      ["runEnded", "error", "llm/failed", 0],
      ["runEnded", "error", "PROCESSING_ERROR", 0],
    ]);
  });

  it("is told of a stop, and of the run that ends by it", async () => {
    const world = metered();
    const { id } = await world.runs.start({ owner: OWNER }, async function* () {
      yield* saying("a");
      await never();
    });
    await turns();
    await world.runs.stop(id);
    await world.runs.ended(id);
    expect(world.calls.slice(-2)).toEqual([["stopRequested"], ["runEnded", "abort", "stopped", 0]]);
  });

  it("is told of as many ends as starts, also when the store takes no terminal", async () => {
    const world = metered();
    const { id } = await world.runs.start({ owner: OWNER }, saying("a"));
    await world.runs.ended(id);
    const gone = await world.runs.open({ owner: OWNER });
    await world.store.delete(gone.id);
    await gone.run?.finish().catch(() => {});
    await turns();
    const named = (name: string): number => world.calls.filter((call) => call[0] === name).length;
    expect([named("runStarted"), named("runEnded")]).toEqual([2, 2]);
  });

  it("is not told of a stop for a run that is not there", async () => {
    const world = metered();
    await expect(world.runs.stop("run_none")).rejects.toMatchObject({ code: "run/not-found" });
    expect(world.calls).toEqual([]);
  });
});
