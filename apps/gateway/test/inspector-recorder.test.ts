import { describe, expect, it } from "vitest";
import { noMeter, type SeenReader, type SeenRun } from "sluice/http";
import type { RunState } from "sluice/run";
import { createLive, type ListChange } from "../src/inspector-live.ts";
import { createRecorder, type Recorder } from "../src/inspector-recorder.ts";
import { FROM_THE_START, type Recording, type RunReport } from "../src/inspector-recording.ts";
import { TokenSeries } from "../src/inspector-series.ts";
import { createTotals } from "../src/inspector-totals.ts";

const progress = { taken: { events: 10, bytes: 100 } };
const run = (id: string): SeenRun => ({ id, owner: "alice", meta: {}, createdAt: 1_000 });

function reader(after = 0, more: Partial<SeenReader> = {}): SeenReader {
  return { dialect: "simple", compressed: false, after, at: after, bytes: 0, ...more };
}

function record(options: { readonly keep?: number; readonly state?: RunState } = {}): {
  readonly recorder: Recorder;
  readonly time: { at: number };
} {
  const { state, ...rest } = options;
  const time = { at: 1_000 };
  return { time, recorder: createRecorder({ now: () => time.at, stateOf: async () => state, ...rest }) };
}

function recordingOf(recorder: Recorder, id = "a"): Recording {
  const recording = recorder.get(id);
  if (!recording) throw new Error(`There is no recording of ${id}.`);
  return recording;
}

const reportOf = (recorder: Recorder): RunReport => recordingOf(recorder).report(FROM_THE_START);

describe("a recorder", () => {
  it("counts content and its pauses in as many steps as fit, however long it takes", () => {
    const series = new TokenSeries();
    const tokens = 20_000;
    for (let n = 1; n <= tokens; n += 1) series.add(n * 90, 1, n + 2);
    expect(series.tokens.length).toBeLessThanOrEqual(128);
    expect(series.tokens.length * series.stepMs).toBeGreaterThanOrEqual(tokens * 90);
    expect(series.tokens.reduce((sum, count) => sum + count)).toBe(tokens);
    expect(series.last.at(-1)).toBe(tokens + 2);
    expect(series.last).toEqual([...series.last].sort((a, b) => a - b));
    expect(Math.max(...series.pauses)).toBe(90);
    expect(series.gaps.reduce((sum, count) => sum + count)).toBe(tokens - 1);
    // 64 to 127 ms.
    expect(series.gaps[7]).toBe(tokens - 1);
  });

  it("fills pauses with steps in which nothing came, and takes a clock that is set back", () => {
    const series = new TokenSeries();
    series.add(0, 2, 3);
    series.add(200, 1, 4);
    series.add(150, 1, 5);
    expect(series.tokens).toEqual([2, 0, 0, 0, 2]);
    expect(series.last).toEqual([3, 3, 3, 3, 5]);
    expect(series.pauses).toEqual([0, 0, 0, 0, 200]);
  });

  it("keeps what goes on, and the last of what has ended", () => {
    const { recorder } = record({ keep: 2 });
    const gone: number[] = [];
    recorder.onForgotten = (n: number): void => void gone.push(n);
    const watches = ["a", "b", "c", "d"].map((id) => recorder.observer.began(run(id), progress));
    const seen = recorder.observer.joined(run("b"), reader());
    for (const watch of watches.slice(0, 3)) watch.ended("finish", "stop");
    // b has a reader, d goes on.
    expect([...recorder.recordings].map(({ facts }) => facts.id)).toEqual(["a", "b", "c", "d"]);
    seen.left("end");
    expect([...recorder.recordings].map(({ facts }) => facts.id)).toEqual(["b", "c", "d"]);
    expect(gone).toEqual([1]);
    expect(recorder.running).toBe(1);
  });

  it("keeps a run that goes on also where a reader came before its beginning was told", () => {
    const { recorder } = record({ keep: 1 });
    const gone: number[] = [];
    recorder.onForgotten = (n) => gone.push(n);
    const early = recorder.observer.joined(run("a"), reader());
    recorder.observer.began(run("a"), progress).content(1, 2);
    early.left("end");
    for (const id of ["b", "c"]) recorder.observer.began(run(id), progress).ended("finish", "stop");
    expect([...recorder.recordings].map(({ facts }) => facts.id)).toEqual(["a", "c"]);
    expect(recordingOf(recorder)).toMatchObject({ status: "running", here: true });
    // The row of the first one goes, and that of "b".
    expect(gone).toEqual([1, 3]);
  });

  it("shows a reader that comes back as the same only where no other can be meant", () => {
    const { recorder } = record();
    recorder.observer.began(run("a"), progress);
    const join = (after: number, at: number, dialect = "simple"): ((code: string) => void) =>
      recorder.observer.joined(run("a"), reader(after, { at, dialect })).left;
    const linesOf = (): readonly number[] => reportOf(recorder).readers.lines.map((one) => one.stretches.length);
    join(0, 10)("reader-left");
    expect(linesOf()).toEqual([1]);
    join(8, 20)("reader-left"); // it had less than was sent
    expect(linesOf()).toEqual([2]);
    join(21, 30)("reader-left"); // more than the first was ever sent
    expect(linesOf()).toEqual([2, 1]);
    join(25, 40, "ai-sdk")("reader-left"); // another wording
    expect(linesOf()).toEqual([2, 1, 1]);
    join(0, 12)("end"); // from the start
    join(11, 12)("end"); // only the first was cut there
    expect(linesOf()).toEqual([3, 1, 1, 1]);
    join(0, 30)("reader-left");
    join(25, 60)("reader-left"); // two may be meant
    expect(linesOf()).toEqual([3, 1, 1, 1, 1, 1]);
  });

  it("has room for a hundred readers, and says how many it does not show", () => {
    const { recorder } = record();
    recorder.observer.began(run("a"), progress);
    const many = Array.from({ length: 300 }, () => recorder.observer.joined(run("a"), reader()));
    const { readers, row } = reportOf(recorder);
    expect([readers.lines.length, readers.hidden, readers.joined, row[7]]).toEqual([100, 200, 300, 300]);
    for (const one of many) one.left("end");
    recorder.observer.joined(run("a"), reader());
    const later = reportOf(recorder);
    expect([later.readers.lines.length, later.readers.hidden, later.row[7]]).toEqual([100, 201, 1]);
  });

  it("knows how far the last of the readers is behind", () => {
    const { recorder } = record();
    recorder.observer.began(run("a"), progress);
    const lagOf = (): unknown => recordingOf(recorder).row()[8];
    expect(lagOf()).toBe(null);
    recorder.observer.joined(run("a"), reader(0, { at: 9 }));
    const slow = recorder.observer.joined(run("a"), reader(0, { at: 2 }));
    expect(lagOf()).toBe(8);
    slow.left("reader/stalled");
    expect(lagOf()).toBe(1);
  });

  it("joins merges of one second into one mark, and keeps the last 2,000 marks", () => {
    const { recorder, time } = record();
    recorder.observer.began(run("a"), progress);
    const watch = recorder.observer.joined(run("a"), reader());
    watch.merged(40, 1);
    time.at = 1_900;
    watch.merged(60, 1);
    const { marks, readers } = reportOf(recorder);
    expect(marks.list).toEqual([
      { ms: 0, kind: "lease-taken" },
      { ms: 0, kind: "merged", entries: 100, frames: 2 },
    ]);
    expect(readers.lines[0]?.stretches[0]).toMatchObject({ merged: 100, mergedInto: 2 });
    for (let n = 1; n <= 3_000; n += 1) recorder.observer.stopRequested("a");
    const later = reportOf(recorder).marks;
    expect([later.from, later.list.length]).toEqual([1_002, 2_000]);
  });

  it("thins the renewals of a lease, and keeps the longest pause between two", () => {
    const { recorder, time } = record();
    const watch = recorder.observer.began(run("a"), progress);
    for (let n = 1; n <= 900; n += 1) {
      time.at = 1_000 + n * 2_000 + (n >= 500 ? 4_000 : 0);
      watch.leaseRenewed();
    }
    watch.leaseLost("log/fenced");
    const { lease, marks } = reportOf(recorder);
    expect(lease).toMatchObject({ renewals: 900, longestMs: 6_000 });
    expect(lease.renewedAt.length).toBeLessThanOrEqual(128);
    expect(marks.list.at(-1)).toMatchObject({ kind: "lease-lost", code: "log/fenced" });
  });

  it("asks the store for what became of a run of another node", async () => {
    const state = {
      ...run("a"),
      status: "failed",
      firstOffset: "11",
      lastOffset: "212",
      bytes: 300,
      stopRequested: false,
      closedAt: 2_000,
      error: { code: "llm/failed", message: "no" },
    } as RunState;
    const { recorder } = record({ state });
    const watch = recorder.observer.joined(run("a"), reader());
    expect(recordingOf(recorder).row().slice(0, 6)).toEqual([1, "unknown", "", null, null, null]);
    watch.left("end");
    await Promise.resolve();
    expect(recordingOf(recorder).row().slice(1, 11)).toEqual([
      "failed",
      "llm/failed",
      2_000,
      null,
      null,
      null,
      0,
      null,
      300,
      12,
    ]);
    expect(recordingOf(recorder).facts.here).toBe(false);
  });

  it("asks the store again for runs that go on elsewhere, a hundred at a time, until they have ended", async () => {
    const asked: string[] = [];
    let status = "running";
    const recorder = createRecorder({
      now: () => 1_000,
      async stateOf(id) {
        asked.push(id);
        return { ...run(id), status, firstOffset: "11", lastOffset: "12", bytes: 5, stopRequested: false } as RunState;
      },
    });
    for (let n = 0; n < 150; n += 1) recorder.observer.joined(run(`run_${n}`), reader());
    await Promise.resolve();
    expect(recordingOf(recorder, "run_149").status).toBe("running");
    asked.length = 0;
    recorder.refresh();
    recorder.refresh();
    await Promise.resolve();
    expect([asked.length, new Set(asked).size]).toEqual([200, 150]);
    status = "finished";
    recorder.refresh();
    recorder.refresh();
    await Promise.resolve();
    asked.length = 0;
    recorder.refresh();
    expect(asked).toEqual([]);
  });

  it("tells in a second report only what is new", () => {
    const { recorder, time } = record();
    const watch = recorder.observer.began(run("a"), progress);
    for (let n = 1; n <= 10; n += 1) {
      time.at = 1_000 + n * 60;
      watch.content(1, n + 1);
    }
    const recording = recordingOf(recorder);
    const { place } = recording;
    time.at = 1_700;
    watch.content(3, 14);
    recorder.observer.stopRequested("a");
    const report = recording.report(place);
    expect(report.series).toMatchObject({ from: 12, tokens: [1, 0, 3] });
    expect(report.marks.list.at(-1)).toMatchObject({ kind: "stop-asked", ms: 700 });
    // Once the steps are longer all of them are new.
    time.at = 20_000;
    watch.content(1, 15);
    expect(recording.report(place).series.from).toBe(0);
  });

  it("sends a page of 10,000 runs only what changes, in rounds, and nothing when nobody looks", async () => {
    const { recorder, time } = record();
    const live = createLive(
      recorder,
      () => time.at,
      () => {},
    );
    const watches = Array.from({ length: 10_000 }, (_none, n) => recorder.observer.began(run(`run_${n}`), progress));
    live.tick();
    const changes: ListChange[] = [];
    const from = await live.listPlace();
    const subscription = live.list.hub.open(live.list.key, { from, wake: () => {} });
    const take = (): readonly ListChange[] => {
      const taken: ListChange[] = [];
      for (let event = subscription.take(); event; event = subscription.take()) {
        taken.push(JSON.parse(event.data) as ListChange);
      }
      return taken;
    };
    live.tick();
    expect(take()).toEqual([]); // the list that was read has it all
    time.at += 10;
    for (const watch of watches) watch.content(1, 3);
    for (let tick = 0; tick < 5; tick += 1) {
      live.tick();
      const told = take();
      expect(told.reduce((sum, { rows }) => sum + rows.length, 0)).toBe(2_000);
      changes.push(...told);
    }
    expect(new Set(changes.flatMap(({ rows }) => rows.map(([n]) => n))).size).toBe(10_000);
    expect(changes.flatMap(({ facts }) => facts)).toEqual([]);
    watches[4_321]?.ended("error", "llm/failed");
    live.tick();
    expect(take()).toMatchObject([{ rows: [expect.arrayContaining([4_322, "failed", "llm/failed"])] }]);
    const { key } = live.list;
    subscription.close();
    time.at += 31_000;
    live.tick();
    expect(live.list.key).not.toBe(key);
    await live.close();
  });

  it("samples the whole node, for 15 minutes", () => {
    const time = { at: 0 };
    const recorder = { tokens: 0, running: 3 };
    const totals = createTotals(recorder, () => time.at);
    const meter = totals.count(noMeter);
    meter.readerJoined(false);
    meter.refused("run/too-many");
    for (let n = 1; n <= 500; n += 1) {
      time.at += 2_000;
      recorder.tokens += 100;
      totals.sample();
    }
    expect(totals.samples).toHaveLength(450);
    expect(totals.samples.at(-1)?.slice(0, 4)).toEqual([1_000_000, 50, 3, 1]);
    expect(totals.samples.at(-1)?.[7]).toBe(0);
  });
});
