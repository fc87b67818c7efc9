import { z } from "zod";
import { SluiceError } from "sluice/errors";
import { empty, json, readBody, type Call, type Logger, type Reply, type Route, type RouteStreams } from "sluice/http";
import type { RunState, Runs } from "sluice/run";
import type { Live } from "./inspector-live.ts";
import type { Recorder } from "./inspector-recorder.ts";
import type { InspectorSessions, OperatorBy } from "./inspector-session.ts";
import { SAMPLE_MS, type Totals } from "./inspector-totals.ts";

export interface InspectorRoutesOptions {
  readonly sessions: InspectorSessions;
  readonly recorder: Recorder;
  readonly live: Live;
  readonly totals: Totals;
  readonly runs: () => Runs;
  readonly log: Logger;
  readonly now: () => number;
  /** What the page says of this node. */
  readonly node: Readonly<Record<string, string | number>>;
}

const PAGE = 2_000;
const ENTRIES = { maxEntries: 1_000, maxLength: 262_144 };

/** What `/inspector` reads. Everything but the page itself asks who it is, each time. */
export function inspectorRoutes(options: InspectorRoutesOptions): readonly Route[] {
  const { sessions, recorder, live, totals, log, now, node } = options;

  type Answer = (call: Call, parameter: string, by: OperatorBy, streams: RouteStreams) => Reply | Promise<Reply>;
  const route = (method: Route["method"], path: string, answer: Answer): Route => ({
    method,
    path: `/inspector/${path}`,
    handle: async (call, parameter, _authorize, streams) =>
      answer(call, parameter, await sessions.check(call), streams),
  });

  /** Who looked at what somebody was told, or ended it. */
  const note = (what: string, call: Call, by: OperatorBy, { id, owner }: RunState): void =>
    log("info", what, { run: id, owner, by, address: call.address });

  // Conversations, and what the store keeps for itself, have ids of another form.
  const find = async (id: string): Promise<RunState | undefined> =>
    id.startsWith("run_") ? options.runs().get(id) : undefined;

  async function stored(id: string): Promise<RunState> {
    const run = await find(id);
    if (!run) throw new SluiceError("run/not-found", "There is no such run.");
    return run;
  }

  return [
    {
      method: "POST",
      path: "/inspector/session",
      async handle(call) {
        const parsed = login.safeParse(await readBody(call));
        if (!parsed.success) {
          throw new SluiceError("request/invalid", "key: the operator's key is needed.", { details: { field: "key" } });
        }
        const { cookie, by } = await sessions.open(call, parsed.data.key);
        log("info", "inspector opened", { by, address: call.address });
        return empty(204, { "set-cookie": cookie, "cache-control": "no-store" });
      },
    },
    {
      method: "DELETE",
      path: "/inspector/session",
      handle: (call) => empty(204, { "set-cookie": sessions.close(call), "cache-control": "no-store" }),
    },
    {
      method: "GET",
      path: "/inspector/session",
      async handle(call) {
        const { by, keyIsSet } = await sessions.who(call);
        return json(200, by === undefined ? { keyIsSet } : { by, node });
      },
    },

    route("GET", "runs", async (call) => {
      const owner = call.location.searchParams.get("owner");
      if (owner !== null && owner !== "") return storedRuns(options.runs(), call, owner);
      const after = Number(call.location.searchParams.get("after") ?? 0);
      const place = await live.listPlace();
      const part = [...recorder.recordings].filter(({ facts }) => facts.n > after).slice(0, PAGE + 1);
      const shown = part.slice(0, PAGE);
      return json(200, {
        node,
        place,
        at: now(),
        facts: shown.map(({ facts }) => facts),
        rows: shown.map((recording) => recording.row()),
        ...(part.length > PAGE ? { next: shown.at(-1)?.facts.n } : {}),
      });
    }),
    route("GET", "events", (call, _none, _by, streams) => streams.topic(call, live.list)),
    route("GET", "totals", () => json(200, { everyMs: SAMPLE_MS, samples: totals.samples })),

    route("GET", "runs/*", async (_call, id) => {
      const recording = recorder.get(id);
      const watching = recording && (await live.watch(recording));
      const run = watching ? await find(id) : await stored(id);
      return json(200, { node, at: now(), facts: recording?.facts, ...watching, stored: run && describe(run) });
    }),
    route("GET", "runs/*/live", (call, id, _by, streams) => {
      const topic = live.run(id);
      if (!topic) throw new SluiceError("log/gap", "Nobody has asked for this run of late. Ask for it anew.");
      return streams.topic(call, topic);
    }),
    route("POST", "runs/*/stop", async (call, id, by) => {
      note("inspector stop", call, by, await stored(id));
      const run = await options.runs().stop(id);
      return json(run.status === "running" ? 202 : 200, { id, status: run.status });
    }),
    route("GET", "runs/*/entries", async (call, id, by) => {
      const run = await stored(id);
      const after = placeOf(call);
      note("inspector content", call, by, run);
      const slice = await options.runs().store.read(id, { after, ...ENTRIES });
      const entries = slice.entries.map((text, index) => [slice.after + 1 + index, text]);
      return json(200, { entries, end: slice.end, last: run.lastOffset });
    }),
    route("GET", "runs/*/events", async (call, id, by, streams) => {
      note("inspector content", call, by, await stored(id));
      return streams.run(call, id, { basePath: "/inspector" });
    }),
  ];
}

const login = z.object({ key: z.string().min(1).max(1_024) });

// The number of an entry: this is no reader, and nothing is worded here.
function placeOf(call: Call): number {
  const after = Number(call.location.searchParams.get("after") ?? 0);
  if (Number.isSafeInteger(after) && after >= 0) return after;
  throw new SluiceError("request/invalid-parameter", "after: the number of an entry is needed.", {
    details: { field: "after" },
  });
}

/** What the store has of one owner: the only list that all stores keep. Of runs of all nodes. */
async function storedRuns(runs: Runs, call: Call, owner: string): Promise<Reply> {
  const before = call.location.searchParams.get("before");
  const page = await runs.list({ owner, limit: 100, ...(before === null ? {} : { before }) });
  const stored = page.runs.filter(({ id }) => id.startsWith("run_")).map(describe);
  return json(200, { stored, ...(page.next === undefined ? {} : { next: page.next }) });
}

/** All but what was said, and what an application has given along with it: that may be anything. */
function describe({ lastOffset, firstOffset, meta, ...run }: RunState): object {
  const { metadata: _given, ...names } = meta;
  return { ...run, meta: names, entries: Number(lastOffset.slice(1)), firstEntry: Number(firstOffset.slice(1)) };
}
