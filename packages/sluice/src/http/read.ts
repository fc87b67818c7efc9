import { SluiceError } from "../base/errors.ts";
import { START, formatOffset, parsePosition, type Position } from "../base/offset.ts";
import { parseUuid } from "../base/uuid.ts";
import type { RunState } from "../run/index.ts";
import { checkOwner } from "../run/owner.ts";
import { sseHeaders } from "../sse/index.ts";
import { negotiate } from "./compress/negotiate.ts";
import { createWire, type Wire } from "./compress/wire.ts";
import { formOf, type Form } from "./form.ts";
import { createFraming, markOf } from "./framing.ts";
import { runNotFound } from "../run/state.ts";
import { empty } from "./reply.ts";
import { RunStream } from "./run-stream.ts";
import type { Service } from "./service.ts";
import type { Action, Call, EventStream, Reply, RequestLike } from "./types.ts";

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

/**
 * The caller's own run. A stranger's gives the same error as none (promise 7).
 * @param owner who asks, where it is known: `authorize` is not asked then
 * @throws SluiceError `run/not-found`
 */
export async function ownRun(
  service: Service,
  request: RequestLike,
  asked: { readonly kind: "read" | "stop"; readonly runId: string; readonly owner?: string | undefined },
): Promise<{ readonly run: RunState; readonly caller: Authorized }> {
  const { kind, runId, owner } = asked;
  const run = await service.runs.get(runId);
  const caller =
    owner === undefined
      ? await authorized(service, request, { kind, runId, run })
      : { owner: checkOwner(owner), headers: {} };
  if (!run || run.owner !== caller.owner) throw runNotFound();
  return { run, caller };
}

export interface ReadOptions {
  readonly form: Form;
  /**
   * Ids are `<runId>~<offset>`, for a bare EventSource, which reconnects to the URL that started the run. Default: as
   * the reader has them.
   */
  readonly qualifiedIds?: boolean | undefined;
  /** What `Location` begins with. Default: the service's. */
  readonly basePath?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The answer to a reader: SSE after the position it has, or 204 when the run is over and the reader has all of it.
 * @throws SluiceError `offset/malformed`, `offset/beyond-end`, `log/gap`
 */
export async function readReply(service: Service, call: Call, run: RunState, options: ReadOptions): Promise<Reply> {
  const from = positionOf(call);
  if (from && !belongsTo(from, run.id)) throw foreignOffset();
  const { position: after } = from ?? FROM_START;
  const { form, qualifiedIds = from?.runId !== undefined } = options;
  const { dialect, bare } = form;
  const headers = {
    ...options.headers,
    "sluice-run-id": run.id,
    location: `${options.basePath ?? service.basePath}/runs/${run.id}/events?${form.query}`,
  };
  // Judged against the store; also finds a gap before any header is out.
  const { store } = service.runs;
  const next = await store.read(run.id, { after: after.sequence, maxEntries: 1 });
  if (after.skip > 0 && next.entries.length === 0) {
    throw new SluiceError("offset/beyond-end", "This offset is beyond the end of the log.", {
      details: { last: formatOffset(after.sequence) },
    });
  }
  // Of this place, and not of this address: whoever keeps answers would have it for one who has nothing.
  if (next.end && next.entries.length === 0) return empty(204, { "cache-control": "no-store", ...headers });

  const live = next.entries.length === 0;
  const framing = createFraming(form, run.id, qualifiedIds);
  const reply = streamReply(service, call, { ...dialect.headers, ...headers }, (wire) => {
    return new RunStream(service, { run, dialect, framing, after, live, bare }, wire);
  });
  return bare ? { ...reply, headers: bareHeaders(reply.headers) } : reply;
}

/** The answer that a stream is, compressed as its reader asks for it. */
export function streamReply(
  service: Service,
  call: Call,
  headers: Readonly<Record<string, string>>,
  open: (wire: Wire | undefined) => EventStream,
): Reply {
  const encoding = negotiate(call.headers.get("accept-encoding"), service.encodings);
  const wire = encoding === "identity" ? undefined : createWire(encoding, service.compression);
  return {
    kind: "events",
    status: 200,
    headers: {
      ...sseHeaders({ keepAlive: call.keepAlive }),
      ...(wire ? { "content-encoding": encoding } : {}),
      ...headers,
      "sluice-heartbeat-ms": String(service.heartbeatMs),
    },
    events: open(wire),
  };
}

function bareHeaders(headers: Reply["headers"]): Reply["headers"] {
  const { "sluice-heartbeat-ms": _none, ...rest } = headers;
  return {
    ...rest,
    "Content-Type": "text/plain; charset=utf-8",
    // Browsers that look for what a text is hold its beginning back.
    "X-Content-Type-Options": "nosniff",
    Vary: "Accept, Accept-Encoding",
  };
}

interface ReaderPosition {
  /** Where the id came from a bare EventSource. */
  readonly runId?: string;
  /** Where it is a UUID: what it tells of its run. */
  readonly mark?: string;
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
  const id = text.slice(separator + 1);
  const place = parseUuid(id) ?? { position: parsePosition(id) };
  return separator < 0 ? place : { ...place, runId: text.slice(0, separator) };
}

const FROM_START: ReaderPosition = { position: parsePosition(START) };

function belongsTo({ runId, mark }: ReaderPosition, id: string): boolean {
  return (runId === undefined || runId === id) && (mark === undefined || mark === markOf(id));
}

function foreignOffset(): SluiceError {
  return new SluiceError("offset/malformed", "This Last-Event-ID belongs to another run.", {
    details: { field: "Last-Event-ID" },
  });
}

/** How a run that exists is told: as given, as asked for, else as it was started. @throws as `formOf` */
export function formFor(service: Service, call: Call, run: RunState, given?: string): Form {
  const { dialect, graphType } = run.meta;
  const fallback = typeof dialect === "string" ? dialect : graphType === undefined ? "simple" : "graph";
  return formOf(service, call, fallback, given);
}
