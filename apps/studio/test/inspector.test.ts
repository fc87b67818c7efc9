import { SluiceError } from "sluice/errors";
import { describe, expect, it, vi } from "vitest";
import { follow, type FollowState } from "../src/inspector/follow.ts";
import { happeningsOf } from "../src/inspector/happening.ts";
import { knownRun } from "../src/inspector/known-run.ts";
import { countAt, merged, timesOf } from "../src/inspector/report.ts";
import { changed, countByStatus, FIRST_VIEW, loaded, runOf, shown, type Run } from "../src/inspector/runs.ts";
import { eventOf, indented } from "../src/inspector/shown-event.ts";
import type { ReaderLine, RunFacts, RunReport, RunRow, Series, Status } from "../src/inspector/wire.ts";
import { age, bytes, duration } from "../src/inspector/words.ts";

function facts(n: number, more: Partial<RunFacts> = {}): RunFacts {
  return { n, id: `run_${n}`, owner: "alice", startedAt: n * 1_000, here: true, ...more };
}

function row(n: number, status: Status = "running", tokens: number | null = 0, code = ""): RunRow {
  return [
    n,
    status,
    code,
    status === "running" ? null : n * 1_000 + 500,
    40,
    tokens,
    null,
    0,
    null,
    100,
    3,
    "simple",
    0,
  ];
}

const ids = (runs: readonly Run[]): readonly number[] => runs.map(({ n }) => n);

describe("the list of runs", () => {
  const runs = loaded({
    facts: [facts(1, { model: "demo" }), facts(2, { owner: "bob" }), facts(3), facts(4, { threadId: "Canals" })],
    rows: [row(1, "finished", 7), row(2, "running", 30), row(3, "failed", null, "llm/failed"), row(4, "aborted", 2)],
  });

  it("keeps runs that nothing is said of as they are", () => {
    const after = changed(runs, { facts: [facts(5)], rows: [row(2, "running", 31), row(5)], gone: [1] });
    expect([...after.keys()]).toEqual([2, 3, 4, 5]);
    expect(after.get(2)?.tokens).toBe(31);
    expect(after.get(3)).toBe(runs.get(3));
    expect(runs.get(2)?.tokens).toBe(30);
  });

  it("passes over a row of a run that it was not told of", () => {
    expect(changed(runs, { facts: [], rows: [row(9)], gone: [] }).has(9)).toBe(false);
  });

  it("shows the newest first, and finds by every word in any field", () => {
    expect(ids(shown(runs, FIRST_VIEW))).toEqual([4, 3, 2, 1]);
    expect(ids(shown(runs, { ...FIRST_VIEW, search: "ALICE fail" }))).toEqual([3]);
    expect(ids(shown(runs, { ...FIRST_VIEW, search: "canals" }))).toEqual([4]);
    expect(ids(shown(runs, { ...FIRST_VIEW, search: "alice bob" }))).toEqual([]);
    expect(ids(shown(runs, { ...FIRST_VIEW, status: "aborted" }))).toEqual([4]);
  });

  it("sorts by a column, with what is not known last either way", () => {
    expect(ids(shown(runs, { ...FIRST_VIEW, column: "tokens" }))).toEqual([2, 1, 4, 3]);
    expect(ids(shown(runs, { ...FIRST_VIEW, column: "tokens", descending: false }))).toEqual([4, 1, 2, 3]);
    expect(ids(shown(runs, { ...FIRST_VIEW, column: "owner", descending: false }))).toEqual([4, 3, 1, 2]);
  });

  it("counts by status", () => {
    expect(countByStatus(runs)).toEqual({ all: 4, running: 1, finished: 1, aborted: 1, failed: 1, unknown: 0 });
  });
});

describe("a report", () => {
  const series = (more: Partial<Series> = {}): Series => ({
    stepMs: 50,
    from: 0,
    tokens: [1, 2],
    last: [2, 4],
    pauses: [0, 20],
    ...more,
  });
  const line = (n: number, over = false): ReaderLine => ({
    line: n,
    dialect: "simple",
    compressed: false,
    stretches: [{ joinedAt: n, after: 0, bytes: 10, ...(over ? { leftAt: n + 5, code: "end" } : {}) }],
  });
  const report = (more: Partial<RunReport> = {}): RunReport => ({
    row: row(1),
    series: series(),
    gaps: [0],
    marks: { from: 0, list: [{ ms: 0, kind: "lease-taken" }] },
    lease: { renewals: 0, renewedAt: [], longestMs: 0 },
    readers: { joined: 0, hidden: 0, lines: [] },
    ...more,
  });

  it("goes on with what is new of the series, or begins anew where its steps became longer", () => {
    const next = series({ from: 1, tokens: [5, 1], last: [7, 8], pauses: [20, 9] });
    expect(merged(report(), report({ series: next })).series).toEqual(
      series({ tokens: [1, 5, 1], last: [2, 7, 8], pauses: [0, 20, 9] }),
    );
    const longer = series({ stepMs: 100, tokens: [9], last: [9], pauses: [20] });
    expect(merged(report(), report({ series: longer })).series).toEqual(longer);
  });

  it("replaces marks by their number, and begins anew where there is a hole", () => {
    const stop = { ms: 9, kind: "stop-asked" } as const;
    const both = merged(report(), report({ marks: { from: 1, list: [stop] } })).marks;
    expect(both).toEqual({ from: 0, list: [{ ms: 0, kind: "lease-taken" }, stop] });
    expect(merged(report(), report({ marks: { from: 700, list: [stop] } })).marks.list.at(-1)).toEqual(stop);
  });

  it("replaces readers by their number, and has a hundred of them at most", () => {
    const many = Array.from({ length: 100 }, (_none, n) => line(n + 1, n < 3));
    const before = report({ readers: { joined: 100, hidden: 0, lines: many } });
    const after = merged(before, report({ readers: { joined: 101, hidden: 1, lines: [line(2, true), line(101)] } }));
    expect(after.readers.lines).toHaveLength(100);
    expect(after.readers.lines[0]?.line).toBe(2);
    expect(after.readers.lines.at(-1)?.line).toBe(101);
  });

  it("is told in words, in order of time", () => {
    const run = runOf(facts(1), row(1, "failed", 3, "llm/failed"));
    const stretches = [
      { joinedAt: 2, after: 0, leftAt: 100, code: "reader-left", at: 5, bytes: 300, merged: 40, mergedInto: 2 },
      { joinedAt: 200, after: 4, leftAt: 501, code: "end", at: 9, bytes: 200 },
    ];
    const told = happeningsOf(
      run,
      report({
        marks: {
          from: 0,
          list: [
            { ms: 0, kind: "lease-taken" },
            { ms: 300, kind: "stop-asked" },
          ],
        },
        lease: { renewals: 3, renewedAt: [150], longestMs: 100 },
        readers: { joined: 1, hidden: 0, lines: [{ line: 1, dialect: "graph", compressed: true, stretches }] },
      }),
    );
    expect(told.map(({ ms, words }) => `${ms} ${words}`)).toEqual([
      "0 Started here",
      "0 Lease taken",
      "2 Reader 1 joined (graph, compressed)",
      "40 First token",
      "100 Reader 1 left or was cut at entry 5, 40 entries merged into 2, 300 B",
      "150 Lease renewed, 3 times by now",
      "200 Reader 1 resumed after entry 4 (graph, compressed)",
      "300 Stop asked for, on this node",
      "500 Failed: llm/failed",
      "501 Reader 1 has everything, 200 B",
    ]);
  });

  it("is completed by what only the store knows", () => {
    const stored = {
      id: "run_1",
      owner: "alice",
      status: "finished",
      meta: { model: "demo", threadId: 7 },
      createdAt: 5,
      closedAt: 9,
      entries: 12,
      bytes: 40,
      stopRequested: false,
      usage: { outputTokens: 3 },
    } as const;
    expect(knownRun({ seen: undefined, stored })).toMatchObject({
      model: "demo",
      endedAt: 9,
      usage: { outputTokens: 3 },
    });
    const run = runOf(facts(1, { here: false }), [...row(1).slice(0, 9), null, null, "", 0] as unknown as RunRow);
    const both = knownRun({ seen: { run, report: report() }, stored });
    expect(both).toMatchObject({ status: "running", entries: 12, bytes: 40, here: false });
    expect(knownRun({ seen: undefined, stored: undefined })).toBeUndefined();
  });
});

describe("a replay", () => {
  const series: Series = { stepMs: 100, from: 0, tokens: [2, 0, 3], last: [4, 4, 7], pauses: [0, 0, 90] };

  it("has the times of the recorder's steps, and what follows the last content at the end", () => {
    const { source, at, totalMs } = timesOf(9, series, 450);
    expect([source, totalMs]).toEqual(["recorded", 450]);
    expect([...at]).toEqual([20, 40, 60, 80, 225, 250, 275, 450, 450]);
    expect([0, 20, 79, 100, 449, 450].map((ms) => countAt(at, ms))).toEqual([0, 1, 3, 4, 7, 9]);
  });

  it("never has fewer events than are loaded, nor more", () => {
    expect(timesOf(2, series, 450).at).toHaveLength(2);
    expect(countAt(timesOf(2, series, 450).at, 450)).toBe(2);
    expect(countAt(timesOf(0, undefined, undefined).at, 10)).toBe(0);
  });

  it("goes at an even pace where nobody has seen when they were written", () => {
    const { source, at } = timesOf(3, undefined, 900);
    expect([source, ...at]).toEqual(["even", 0, 25, 50]);
  });

  it("knows an entry's offset, name and text", () => {
    expect(eventOf(12, '{"type":"text-delta","id":"t","delta":" is"}')).toMatchObject({
      id: "212",
      name: "text-delta",
      delta: " is",
    });
    expect(eventOf(3, '{"event":"ticket","data":{"delta":"no"}}')).toMatchObject({
      id: "13",
      name: "ticket",
      delta: "",
    });
    expect(indented('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(indented("[DONE")).toBe("[DONE");
  });
});

describe("following the gateway", () => {
  const stream = (body: string): Response => new Response(body, { headers: { "content-type": "text/event-stream" } });

  it("goes on after the place that was loaded, and loads anew where too much was missed", async () => {
    const left = new AbortController();
    const asked: (string | null)[] = [];
    const seen: string[] = [];
    let loads = 0;
    const gap = { error: { code: "log/gap", message: "Gone." } };
    await follow({
      url: "http://gateway.test/inspector/events",
      signal: left.signal,
      load: async () => ({ place: `0123456789abcdef_1${(loads += 1)}`, value: loads }),
      onLoad: (value) => void seen.push(`load ${value}`),
      onEvent({ event, data }) {
        seen.push(`${event} ${data}`);
        left.abort();
      },
      onState: () => {},
      async fetch(_url, init) {
        const headers = new Headers(init?.headers);
        asked.push(headers.get("last-event-id"));
        if (asked.length === 1) return Response.json(gap, { status: 410 });
        return stream('event: connected\nid: x\ndata: {}\n\nevent: change\nid: y\ndata: {"at":1}\n\n');
      },
    });
    expect(asked).toEqual(["0123456789abcdef_11", "0123456789abcdef_12"]);
    expect(seen).toEqual(["load 1", "load 2", 'change {"at":1}']);
  });

  // Whose gateway was away, or busy, for the moment in which the list was asked for had a dead page until they reloaded it.
  it("tries again where the gateway is away, or says that it cannot just now", async () => {
    vi.useFakeTimers();
    try {
      const left = new AbortController();
      const states: string[] = [];
      const refused = [0, 503].map((status) => new SluiceError("client/refused", "No.", { details: { status } }));
      const following = follow({
        url: "http://gateway.test/inspector/events",
        signal: left.signal,
        async load() {
          const error = refused.shift();
          if (error) throw error;
          return { place: "0123456789abcdef_11", value: 1 };
        },
        onLoad: () => left.abort(),
        onEvent: () => {},
        onState: ({ kind }) => void states.push(kind),
        fetch: () => Promise.reject(new Error("not asked")),
      });
      await vi.advanceTimersByTimeAsync(10_000);
      await following;
      // "Loading" in between would be read out with each attempt.
      expect(states).toEqual(["loading", "waiting", "waiting"]);
    } finally {
      vi.useRealTimers();
    }
  });

  // Who left the page open while the gateway was away for an hour had a dead one when it was back.
  it("waits for a gateway that is away as long as it takes", async () => {
    vi.useFakeTimers();
    try {
      const left = new AbortController();
      let attempts = 0;
      const following = follow({
        url: "http://gateway.test/inspector/events",
        signal: left.signal,
        load: async () => ({ place: "0123456789abcdef_11", value: 1 }),
        onLoad: () => {},
        onEvent: () => left.abort(),
        onState: () => {},
        async fetch() {
          attempts += 1;
          if (attempts < 2_000) throw new TypeError("Failed to fetch");
          return stream('event: change\nid: y\ndata: {"at":1}\n\n');
        },
      });
      await vi.advanceTimersByTimeAsync(2_000 * 5_000);
      await following;
      expect(attempts).toBe(2_000);
    } finally {
      vi.useRealTimers();
    }
  });

  it("ends when the gateway does not let it in any more", async () => {
    const states: FollowState[] = [];
    const out = new SluiceError("client/refused", "No.", { details: { status: 401 } });
    await follow({
      url: "http://gateway.test/inspector/events",
      signal: new AbortController().signal,
      load: () => Promise.reject(out),
      onLoad: () => {},
      onEvent: () => {},
      onState: (state) => void states.push(state),
      fetch: () => Promise.reject(new Error("not asked")),
    });
    expect(states).toEqual([{ kind: "loading" }, { kind: "failed", error: out }]);
  });
});

describe("words for numbers", () => {
  it("are short, and tell the unit", () => {
    expect([0, 999, 1_250, 61_000, 3_725_000, 90_000_000].map(duration)).toEqual([
      "0 ms",
      "999 ms",
      "1.25 s",
      "1 m 01 s",
      "1 h 02 m",
      "1 d 1 h",
    ]);
    expect([duration(null), bytes(null)]).toEqual(["–", "–"]);
    expect([5, 2_048, 5_242_880, 3_221_225_472].map(bytes)).toEqual(["5 B", "2.0 KiB", "5.0 MiB", "3.0 GiB"]);
    expect([-5, 59_999, 60_000, 7_200_000, 172_800_000].map(age)).toEqual(["0 s", "59 s", "1 m", "2 h", "2 d"]);
  });
});
