import type { Json } from "../base/json.ts";
import type { RunState } from "../run/index.ts";
import { seated } from "./limits.ts";
import { pageOf } from "./page.ts";
import { authorized, formFor, ownRun, readReply } from "./read.ts";
import { messageOf } from "./replay.ts";
import { runNotFound } from "../run/state.ts";
import { json } from "./reply.ts";
import type { Service } from "./service.ts";
import type { Call, Reply, ResumeOptions } from "./types.ts";

/** `GET /runs/<id>/events`: the run's frames after `Last-Event-ID`, or `?after=`. */
export async function getEvents(
  service: Service,
  call: Call,
  runId: string,
  { dialect, owner: known, ...as }: ResumeOptions = {},
): Promise<Reply> {
  const { run, caller } = await ownRun(service, call, { kind: "read", runId, owner: known });
  const { owner, headers } = caller;
  return seated(service, { owner, action: "read", method: call.method }, (seat) => {
    seat.at(runId);
    return readReply(service, call, run, { ...as, form: formFor(service, call, run, dialect), headers });
  });
}

/** `GET /runs/<id>`: everything known of a run, the message folded so far included. */
export async function getRun(service: Service, call: Call, runId: string): Promise<Reply> {
  const { run, caller } = await ownRun(service, call, { kind: "read", runId });
  const message = await messageOf(service, run);
  return json(200, { ...describe(run), meta: run.meta, message }, caller.headers);
}

/** `GET /runs?limit=&before=`: the caller's runs, newest first. */
export async function listRuns(service: Service, call: Call): Promise<Reply> {
  const { owner, headers } = await authorized(service, call, { kind: "list" });
  const page = pageOf(call);
  await service.turn(); // a page may hold much: many such calls must not come in a row
  const { runs, next } = await service.runs.list({ ...page, owner });
  return json(200, { runs: runs.map(describe), ...(next === undefined ? {} : { next }) }, headers);
}

/** `POST /runs/<id>/stop` */
export async function stopRun(service: Service, call: Call, runId: string, owner?: string): Promise<Reply> {
  const { run, caller } = await ownRun(service, call, { kind: "stop", runId, owner });
  return stopped(service, run, caller.headers);
}

/** `POST /cancel/<requestId>`: stop, by the caller's own key. */
export async function cancelRequest(service: Service, call: Call, requestId: string): Promise<Reply> {
  const { owner, headers } = await authorized(service, call, { kind: "cancel", requestId });
  const run = await service.runs.find(owner, requestId);
  if (!run) throw runNotFound();
  return stopped(service, run, headers);
}

// 202 until the producer has acknowledged.
async function stopped(service: Service, { id }: RunState, headers: Readonly<Record<string, string>>): Promise<Reply> {
  const run = await service.runs.stop(id);
  return json(run.status === "running" ? 202 : 200, { id, status: run.status }, headers);
}

function describe(run: RunState): Record<string, Json | undefined> {
  const { id, status, requestId, createdAt, closedAt, firstOffset, lastOffset, bytes, stopRequested } = run;
  const { finishReason, error, firstTokenMs, meta } = run;
  return {
    id,
    status,
    requestId,
    threadId: meta["threadId"],
    createdAt,
    closedAt,
    firstOffset,
    lastOffset,
    bytes,
    stopRequested,
    finishReason,
    usage: run.usage && { ...run.usage },
    error,
    timings: {
      firstTokenMs,
      durationMs: closedAt === undefined ? undefined : closedAt - createdAt,
    },
  };
}
