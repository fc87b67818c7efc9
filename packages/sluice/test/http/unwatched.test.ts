import { describe, expect, it } from "vitest";
import { createMemoryLog, type LogStore } from "../../src/log/index.ts";
import { createManualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import type { SluiceOptions } from "../../src/http/index.ts";
import { SITES, ask, createValve, eventsOf, say, turn, type Site, type Valve } from "./support.ts";

interface Place {
  readonly clock: ManualClock;
  readonly store: LogStore;
  readonly site: Site;
  readonly valve: Valve;
}

async function place(options: Partial<SluiceOptions>, store?: LogStore, clock = createManualClock()): Promise<Place> {
  const valve = createValve();
  const logs = store ?? createMemoryLog({ clock });
  const start = SITES["Web Request and Response"];
  if (!start) throw new Error("There is no such site.");
  const site = await start({ answer: valve.answer, clock, store: logs, ...options });
  return { clock, store: logs, site, valve };
}

const statusOf = async ({ site }: Place, response: Response): Promise<unknown> => {
  const { runs } = site.sluice;
  const id = response.headers.get("sluice-run-id") ?? "";
  for (let turns = 0; turns < 20; turns += 1) await turn();
  return (await runs.get(id))?.status;
};

const leave = (response: Response): Promise<void> | undefined => response.body?.cancel();

describe("stopWhenUnwatchedMs", () => {
  it("stops a run whose last reader has been gone for so long, as a stop does", async () => {
    const at = await place({ stopWhenUnwatchedMs: 5_000 });
    at.valve.push(...say("Hi"));
    const response = await at.site.fetch("/stream", ask("one"));
    await leave(response);
    await at.clock.advance(4_999);
    expect(await statusOf(at, response)).toBe("running");
    await at.clock.advance(1);
    expect(await statusOf(at, response)).toBe("aborted");
    expect(at.valve.signals[0]?.aborted).toBe(true);
    const rest = await eventsOf(await at.site.fetch(response.headers.get("location") ?? ""));
    expect(rest.at(-1)).toMatchObject({ event: "done" });
  });

  it("stops nothing while one of several readers is left, or when one comes back in time", async () => {
    const at = await place({ stopWhenUnwatchedMs: 5_000 });
    const first = await at.site.fetch("/stream", ask("one"));
    const second = await at.site.fetch(first.headers.get("location") ?? "");
    await leave(first);
    await at.clock.advance(10_000);
    expect(await statusOf(at, first)).toBe("running");
    await leave(second);
    await at.clock.advance(4_000);
    const third = await at.site.fetch(first.headers.get("location") ?? "");
    await at.clock.advance(10_000);
    expect(await statusOf(at, first)).toBe("running");
    await leave(third);
    await at.clock.advance(5_000);
    expect(await statusOf(at, first)).toBe("aborted");
  });

  it("counts somebody who waits for /generate as a reader", async () => {
    const at = await place({ stopWhenUnwatchedMs: 5_000 });
    const gone = new AbortController();
    const waiting = at.site.fetch("/generate", { ...ask("one"), signal: gone.signal });
    await at.clock.advance(60_000);
    const run = async (): Promise<unknown> =>
      (await at.site.sluice.runs.list({ owner: "alice", limit: 1 })).runs[0]?.status;
    expect(await run()).toBe("running");
    gone.abort();
    await waiting;
    await at.clock.advance(5_000);
    for (let turns = 0; turns < 20; turns += 1) await turn();
    expect(await run()).toBe("aborted");
  });

  it("leaves alone a run that never had a reader, and by default every run", async () => {
    const at = await place({ stopWhenUnwatchedMs: 5_000 });
    const { id } = await at.site.sluice.startRun({ owner: "alice" }, () => new Promise<never>(() => {}));
    await at.clock.advance(60_000);
    expect((await at.site.sluice.runs.get(id))?.status).toBe("running");

    const plain = await place({});
    const response = await plain.site.fetch("/stream", ask("one"));
    await leave(response);
    await plain.clock.advance(60_000);
    expect(await statusOf(plain, response)).toBe("running");
  });

  it("can be set for one run, which beats what holds for all", async () => {
    const at = await place({ stopWhenUnwatchedMs: 50_000 });
    const source = at.valve.answer({ messages: [] } as never, { owner: "alice" });
    const run = await at.site.sluice.startRun({ owner: "alice", stopWhenUnwatchedMs: 1_000 }, source);
    const response = await run.toResponse(new Request("http://site.test/chat"));
    await leave(response);
    await at.clock.advance(1_000);
    expect(await statusOf(at, response)).toBe("aborted");
  });

  it("asks before it stops whether the run is read elsewhere, and again after the same time", async () => {
    let elsewhere: boolean | Error = true;
    const asked: string[] = [];
    const at = await place({
      stopWhenUnwatchedMs: 5_000,
      watchedElsewhere: async (runId) => {
        asked.push(runId);
        if (elsewhere instanceof Error) throw elsewhere;
        return elsewhere;
      },
    });
    const response = await at.site.fetch("/stream", ask("one"));
    await leave(response);
    await at.clock.advance(5_000);
    expect(await statusOf(at, response)).toBe("running");
    elsewhere = new Error("away");
    await at.clock.advance(5_000);
    expect(await statusOf(at, response)).toBe("running");
    elsewhere = false;
    await at.clock.advance(5_000);
    expect(await statusOf(at, response)).toBe("aborted");
    expect(asked).toEqual(Array.from({ length: 3 }, () => response.headers.get("sluice-run-id")));
  });

  it("is done by the node that the last reader left, wherever the run is produced", async () => {
    const producing = await place({});
    const reading = await place(
      { stopWhenUnwatchedMs: 5_000, watchedElsewhere: () => false },
      producing.store,
      producing.clock,
    );
    const { id } = await producing.site.sluice.startRun({ owner: "alice" }, () => new Promise<never>(() => {}));
    const response = await reading.site.fetch(`/runs/${id}/events`);
    await leave(response);
    await producing.clock.advance(5_000);
    expect(await statusOf(producing, response)).toBe("aborted");
  });

  it("is refused on a store that nodes share unless it is said how readers elsewhere are known", async () => {
    const memory = createMemoryLog();
    const shared = new Proxy(memory, {
      get: (target, name) => {
        const value: unknown = name === "reach" ? "cluster" : Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const missing = { code: "option/invalid", details: { field: "watchedElsewhere" } };
    await expect(place({ stopWhenUnwatchedMs: 5_000 }, shared)).rejects.toMatchObject(missing);
    const at = await place({}, shared);
    await expect(
      at.site.sluice.startRun({ owner: "alice", stopWhenUnwatchedMs: 5 }, () => new Promise<never>(() => {})),
    ).rejects.toMatchObject(missing);
    expect((await at.site.sluice.runs.list({ owner: "alice", limit: 1 })).runs).toEqual([]);
  });

  it("asks for no stop of a run that has ended by itself", async () => {
    const at = await place({ stopWhenUnwatchedMs: 5_000 });
    at.valve.end();
    await eventsOf(await at.site.fetch("/stream", ask("one")));
    await at.clock.advance(5_000);
    expect(at.site.lines.some(({ message }) => message === "run unwatched")).toBe(false);
  });
});

describe("onUnwatched", () => {
  // What it threw came out where the reader's place is given back: the place stayed taken, until nobody got in.
  it("that throws keeps nobody's place", async () => {
    const left: number[] = [];
    const released: string[] = [];
    const at = await place({ admit: () => () => void released.push("released") });
    const run = await at.site.sluice.startRun(
      {
        owner: "alice",
        onUnwatched() {
          left.push(1);
          throw new Error("of the application");
        },
      },
      () => new Promise<never>(() => {}),
    );
    const response = await run.toResponse(new Request("http://site.test/"));
    await leave(response);
    expect([left, released]).toEqual([[1], ["released"]]);
    expect(at.site.lines.map(({ message }) => message)).toContain("onUnwatched threw");
  });
});
