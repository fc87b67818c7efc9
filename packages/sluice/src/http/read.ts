import type { Clock } from "../base/clock.ts";
import { SluiceError } from "../base/errors.ts";
import { START, formatOffset, parsePosition, type Position } from "../base/offset.ts";
import type { Logger } from "../base/log.ts";
import type { Dialect, Dialects } from "../dialects/index.ts";
import type { RunState, Runs } from "../run/index.ts";
import { deliver } from "./deliver.ts";
import type { Readers } from "./readers.ts";
import { empty, runNotFound } from "./reply.ts";
import type { Action, Authorize, Call, Reply, RequestLike } from "./types.ts";
import { sseHeaders } from "../sse/index.ts";

/** What every handler works with. */
export interface Service {
  readonly runs: Runs;
  readonly clock: Clock;
  readonly log: Logger;
  readonly dialects: Dialects;
  readonly authorize: Authorize;
  readonly readers: Readers;
  readonly heartbeatMs: number;
  readonly retryMs: number;
  /** Where the routes are mounted: empty, or `/api`. */
  readonly basePath: string;
}

export interface Authorized {
  readonly owner: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** @throws SluiceError `auth/required`, or what `authorize` throws */
export async function authorized(service: Service, request: RequestLike, action: Action): Promise<Authorized> {
  const caller = await service.authorize(request, action);
  if (caller === undefined) throw new SluiceError("auth/required", "This needs credentials.");
  return typeof caller === "string" ? { owner: caller, headers: {} } : caller;
}

/** The caller's own run. A stranger's gives the same error as none (promise 7). @throws SluiceError `run/not-found` */
export async function ownRun(
  service: Service,
  request: RequestLike,
  kind: "read" | "stop",
  runId: string,
): Promise<{ readonly run: RunState; readonly caller: Authorized }> {
  const run = await service.runs.get(runId);
  const caller = await authorized(service, request, { kind, runId, run });
  if (!run || run.owner !== caller.owner) throw runNotFound();
  return { run, caller };
}

export interface ReadOptions {
  readonly dialect: Dialect;
  readonly after: Position;
  /** Ids are `<runId>~<offset>`, for a bare EventSource, which reconnects to the URL that started the run. */
  readonly qualifiedIds?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The answer to a reader: SSE after a position, or 204 when the run is over and the reader has all of it.
 * @throws SluiceError `offset/beyond-end`, `log/gap`
 */
export async function readReply(service: Service, call: Call, run: RunState, options: ReadOptions): Promise<Reply> {
  const { dialect, after, qualifiedIds = false } = options;
  const headers = {
    ...options.headers,
    "sluice-run-id": run.id,
    location: eventsUrl(service, run.id, dialect),
  };
  // Judged against the store; also finds a gap before any header is out.
  const { store } = service.runs;
  const next = await store.read(run.id, { after: after.sequence, maxEntries: 1 });
  if (after.skip > 0 && next.entries.length === 0) {
    throw new SluiceError("offset/beyond-end", "This offset is beyond the end of the log.", {
      details: { last: formatOffset(after.sequence) },
    });
  }
  if (next.end && next.entries.length === 0) return empty(204, headers);

  const idPrefix = qualifiedIds ? `${run.id}~` : "";
  const startedAt = service.clock.now();
  return {
    kind: "events",
    status: 200,
    headers: {
      ...sseHeaders({ keepAlive: call.keepAlive }),
      ...dialect.headers,
      ...headers,
      "sluice-heartbeat-ms": String(service.heartbeatMs),
    },
    events: {
      runId: run.id,
      heartbeatMs: service.heartbeatMs,
      retryMs: service.retryMs,
      enter: service.readers.add,
      open: (signal) => deliver({ store, run, dialect, after, idPrefix, signal }),
      closed({ error, left, writes, bytes }) {
        if (error === undefined && !left) return;
        const code = left ? "reader-left" : error instanceof SluiceError ? error.code : "PROCESSING_ERROR";
        const ms = service.clock.now() - startedAt;
        const fields = { run: run.id, code, chunks: writes, bytes, ms };
        service.log(left ? "info" : "error", "reader interrupted", left ? fields : { ...fields, error });
      },
    },
  };
}

function eventsUrl(service: Service, runId: string, dialect: Dialect): string {
  return `${service.basePath}/runs/${runId}/events?dialect=${dialect.name}`;
}

/**
 * What a reader says it has: `Last-Event-ID` beats `?after=`.
 * @throws SluiceError `offset/malformed`
 */
export function positionOf(call: Call): { readonly runId?: string; readonly position: Position } | undefined {
  const header = call.headers.get("last-event-id");
  const text = header === null || header === "" ? call.location.searchParams.get("after") : header;
  if (text === null) return undefined;
  // `<runId>~<offset>` comes from a bare EventSource. Node hands headers over as latin1; ids are ASCII.
  const separator = text.indexOf("~");
  if (separator < 0) return { position: parsePosition(text) };
  return { runId: text.slice(0, separator), position: parsePosition(text.slice(separator + 1)) };
}

export const FROM_START: Position = parsePosition(START);

/** Chosen by `?dialect=`, or `Accept: text/event-stream; profile="…"`, else the fallback. @throws SluiceError `dialect/unknown` */
export function dialectOf(service: Service, call: RequestLike & { readonly location: URL }, fallback: string): Dialect {
  const profile = /;\s*profile="?([^",;]+)"?/i.exec(call.headers.get("accept") ?? "")?.[1];
  return service.dialects.get(call.location.searchParams.get("dialect") ?? profile ?? fallback);
}

/** The wording of a run that exists: the one given, the one asked for, else the one it was started in. */
export function wordingOf(service: Service, call: Call, run: RunState, given?: string): Dialect {
  if (given !== undefined) return service.dialects.get(given);
  return dialectOf(service, call, run.meta["graphType"] === undefined ? "simple" : "graph");
}
