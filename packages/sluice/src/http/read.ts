import { SluiceError } from "../base/errors.ts";
import { START, formatOffset, parsePosition, type Position } from "../base/offset.ts";
import type { Dialect } from "../dialects/index.ts";
import type { RunState } from "../run/index.ts";
import { checkOwner } from "../run/owner.ts";
import { sseHeaders } from "../sse/index.ts";
import { negotiate } from "./compress/negotiate.ts";
import { createWire } from "./compress/wire.ts";
import { runNotFound } from "../run/state.ts";
import { empty } from "./reply.ts";
import { RunStream } from "./run-stream.ts";
import type { Service } from "./service.ts";
import type { Action, Call, Reply, RequestLike } from "./types.ts";

export interface Authorized {
  readonly owner: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** An owner without a name is nobody. @throws SluiceError `auth/required`, or what `authorize` throws */
export async function authorized(service: Service, request: RequestLike, action: Action): Promise<Authorized> {
  const caller = await service.authorize(request, action);
  const { owner, headers } = typeof caller === "object" && caller !== null ? caller : { owner: caller, headers: {} };
  if (typeof owner === "string" && owner !== "") return { owner: checkOwner(owner), headers };
  throw new SluiceError("auth/required", "This needs credentials.");
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
  /**
   * Ids are `<runId>~<offset>`, for a bare EventSource, which reconnects to the URL that started the run. Default: as
   * the reader has them.
   */
  readonly qualifiedIds?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The answer to a reader: SSE after the position it has, or 204 when the run is over and the reader has all of it.
 * @throws SluiceError `offset/malformed`, `offset/beyond-end`, `log/gap`
 */
export async function readReply(service: Service, call: Call, run: RunState, options: ReadOptions): Promise<Reply> {
  const from = positionOf(call);
  if (from?.runId !== undefined && from.runId !== run.id) throw foreignOffset();
  const { position: after } = from ?? FROM_START;
  const { dialect, qualifiedIds = from?.runId !== undefined } = options;
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

  const live = next.entries.length === 0;
  const idPrefix = qualifiedIds ? `${run.id}~` : "";
  const encoding = negotiate(call.headers.get("accept-encoding"), service.encodings);
  const wire = encoding === "identity" ? undefined : createWire(encoding, service.compression);
  return {
    kind: "events",
    status: 200,
    headers: {
      ...sseHeaders({ keepAlive: call.keepAlive }),
      ...(wire ? { "content-encoding": encoding } : {}),
      ...dialect.headers,
      ...headers,
      "sluice-heartbeat-ms": String(service.heartbeatMs),
    },
    events: new RunStream(service, { run, dialect, after, idPrefix, live }, wire),
  };
}

function eventsUrl(service: Service, runId: string, dialect: Dialect): string {
  return `${service.basePath}/runs/${runId}/events?dialect=${encodeURIComponent(dialect.name)}`;
}

interface ReaderPosition {
  /** Where the id came from a bare EventSource. */
  readonly runId?: string;
  readonly position: Position;
}

/**
 * What a reader says it has: `Last-Event-ID` beats `?after=`.
 * @throws SluiceError `offset/malformed`
 */
export function positionOf(call: Call): ReaderPosition | undefined {
  const header = call.headers.get("last-event-id");
  const text = header === null || header === "" ? call.location.searchParams.get("after") : header;
  if (text === null) return undefined;
  // Node hands headers over as latin1; ids are ASCII.
  const separator = text.indexOf("~");
  if (separator < 0) return { position: parsePosition(text) };
  return { runId: text.slice(0, separator), position: parsePosition(text.slice(separator + 1)) };
}

const FROM_START: ReaderPosition = { position: parsePosition(START) };

function foreignOffset(): SluiceError {
  return new SluiceError("offset/malformed", "This Last-Event-ID belongs to another run.", {
    details: { field: "Last-Event-ID" },
  });
}

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
