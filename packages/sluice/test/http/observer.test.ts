import { describe, expect, it } from "vitest";
import type { Observer, SeenProgress, SeenReader } from "../../src/http/index.ts";
import { createMemoryLog } from "../../src/log/index.ts";
import { createRuns } from "../../src/run/index.ts";
import { createManualClock } from "../../src/testing/index.ts";
import { SITES, startNodeSite } from "./support.ts";

interface Seen {
  readonly told: string[];
  readonly observer: Observer;
  readonly readers: SeenReader[];
  progress: SeenProgress | undefined;
}

/** Writes down what it is told, and keeps what it was handed. */
function watch(): Seen {
  const told: string[] = [];
  const readers: SeenReader[] = [];
  const seen: Seen = {
    told,
    readers,
    progress: undefined,
    observer: {
      began(run, progress) {
        seen.progress = progress;
        told.push(`began ${run.owner} ${run.requestId ?? "-"} ${JSON.stringify(run.meta)}`);
        return {
          content: (count, last) => told.push(`content ${count} to ${last}`),
          stopped: () => told.push("stopped"),
          leaseRenewed: () => told.push("renewed"),
          leaseLost: (code) => told.push(`lost ${code}`),
          ended: (terminal, code) => told.push(`ended ${terminal} ${code}`),
        };
      },
      joined(run, reader) {
        readers.push(reader);
        told.push(`joined ${run.owner} ${reader.dialect} after ${reader.after}`);
        return {
          merged: (entries, frames) => told.push(`merged ${entries} to ${frames}`),
          left: (code) => told.push(`left ${code} at ${reader.at ?? "-"}, ${reader.bytes > 0 ? "bytes" : "nothing"}`),
        };
      },
      merged: (_runId, entries, frames) => told.push(`all merged ${entries} to ${frames}`),
      stopRequested: () => told.push("stop requested"),
      reaped: (run, code) => told.push(`reaped ${run.owner} ${code}`),
    },
  };
  return seen;
}

const post = (body: object): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

/** One that throws whatever it is told. */
function broken(): Observer {
  const fail = (): never => {
    throw new Error("The observer is broken.");
  };
  return {
    began: () => ({ content: fail, stopped: fail, leaseRenewed: fail, leaseLost: fail, ended: fail }),
    joined: () => ({ merged: fail, left: fail }),
    merged: fail,
    stopRequested: fail,
    reaped: fail,
  };
}

describe.each(Object.entries(SITES))("an observer: %s", (_name, open) => {
  it("that throws changes nothing, and is heard of in the log", async () => {
    const lines: unknown[] = [];
    const fail = (): never => {
      throw new Error("The observer is broken.");
    };
    for (const observer of [broken(), { ...broken(), began: fail, joined: fail }]) {
      const site = await open({ observer, log: (...line) => void lines.push(line) });
      const answer = await site.fetch("/stream", post({ message: { content: "one two" } }));
      const id = String(answer.headers.get("sluice-run-id"));
      expect(await answer.text()).toContain("event: done");
      await site.sluice.runs.ended(id);
      expect((await site.fetch(`/runs/${id}/stop`, { method: "POST" })).status).toBe(200);
    }
    const failed = [
      "error",
      "observer failed",
      { code: "PROCESSING_ERROR", error: new Error("The observer is broken.") },
    ];
    // Once from those who produce, once from those who deliver.
    expect(lines).toEqual([failed, failed, failed, failed]);
  });

  it("is told of a run, of its content and its end, and of who reads it", async () => {
    const { observer, told, readers } = watch();
    const site = await open({ observer });
    const answer = await site.fetch("/stream", post({ message: { content: "one two" }, requestId: "q1" }));
    const id = String(answer.headers.get("sluice-run-id"));
    await answer.text();
    await site.sluice.runs.ended(id);
    expect(told[0]).toBe("began alice q1 {}");
    expect(told.filter((line) => line.startsWith("joined"))).toEqual(["joined alice simple after 0"]);
    expect(told.some((line) => /^content \d+ to \d+$/.test(line))).toBe(true);
    expect(told.filter((line) => line.startsWith("ended"))).toEqual(["ended finish stop"]);
    const { last } = (await site.sluice.runs.store.state(id)) ?? { last: 0 };
    expect(told.filter((line) => line.startsWith("left"))).toEqual([`left end at ${last}, bytes`]);
    expect(readers).toHaveLength(1);

    told.length = 0;
    const resumed = await site.fetch(`/runs/${id}/events?dialect=graph`, { headers: { "last-event-id": "12" } });
    await resumed.text();
    expect(told[0]).toBe("joined alice graph after 2");
    expect(told.at(-1)).toBe(`left end at ${last}, bytes`);
    await site.close();
  });
});

describe("an observer", () => {
  it("is told of merges for a reader who is behind", async () => {
    const { observer, told } = watch();
    const site = await startNodeSite({ observer });
    const words = async function* (): AsyncGenerator<string> {
      for (let n = 0; n < 200; n += 1) yield `w${n}`;
    };
    const run = await site.sluice.startRun({ owner: "alice" }, words());
    await site.sluice.runs.ended(run.id);
    await (await site.fetch(`/runs/${run.id}/events`)).text();
    expect(told).toContain("merged 200 to 1");
    await site.close();
  });

  it("is told of stops, of the lease, and can look up what was taken", async () => {
    const seen = watch();
    const clock = createManualClock();
    const runs = createRuns({ store: createMemoryLog({ clock }), clock, observer: seen.observer, leaseMs: 7_000 });
    const { run, id } = await runs.open({ owner: "bob", meta: { model: "demo" } });
    if (!run) throw new Error("There is no run.");
    await run.append({ type: "text-start", id: "t" });
    await run.append({ type: "text-delta", id: "t", delta: "a" });
    expect(seen.progress?.taken).toMatchObject({ events: 3 });
    await clock.advance(2_000);
    expect(seen.told).toContain("renewed");
    await runs.stop(id);
    await runs.ended(id);
    const [began, ...rest] = seen.told.filter((line) => line !== "renewed");
    expect(began).toBe('began bob - {"model":"demo"}');
    expect(rest).toEqual(["content 1 to 3", "stop requested", "stopped", "ended abort stopped"]);
  });

  it("is told of a run whose producer is gone by the node that ends it", async () => {
    const clock = createManualClock();
    const store = createMemoryLog({ clock });
    // As a store that other nodes share; bound, because its methods know it by its private fields.
    const shared = new Proxy(store, {
      get(target, name): unknown {
        const value: unknown = name === "reach" ? "cluster" : Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    await store.create("run_gone", {
      owner: "carol",
      meta: {},
      ttlMs: 1_000,
      lease: { holder: "other", ttlMs: 1_000 },
    });
    const { observer, told } = watch();
    const runs = createRuns({ store: shared, clock, observer, leaseMs: 1_000 });
    for (let step = 0; step < 20 && told.length === 0; step += 1) await clock.advance(500);
    expect(told).toEqual(["reaped carol run/producer-lost"]);
    await runs.drain(AbortSignal.abort());
  });
});
