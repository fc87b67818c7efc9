import { SluiceError, isSluiceError } from "../base/errors.ts";
import { canonicalJson } from "../base/json.ts";
import { envelopeDialect } from "../dialects/index.ts";
import type { NodeRequest, NodeResponse, RequestLike, StartedRun, StreamOptions } from "../http/index.ts";
import { isHarmless } from "../http/ask.ts";
import { parseJson, readBody } from "../http/body.ts";
import { ConnectionEnds } from "../http/connection-ends.ts";
import { callOf } from "../http/node.ts";
import { positionOf } from "../http/read.ts";
import { refuseForeignPages } from "../http/start.ts";
import type { Call } from "../http/types.ts";
import * as web from "../http/web.ts";
import { createWhileRunning } from "../http/while-running.ts";
import type { Exposed, ExposedAPI, ExposeRequest, RequestNames } from "./exposed.ts";
import { ANONYMOUS, ownerOf } from "./owner.ts";
import { beginRun } from "./run.ts";
import { startOf } from "./start.ts";

/** What is to be done for a request. */
type Task =
  | { readonly kind: "run"; readonly run: StartedRun }
  | { readonly kind: "resume" | "stop"; readonly runId: string; readonly owner: string };

const BELOW = /^(.*)\/runs\/(run_[0-9a-f]{32})\/(events|stop)$/;

/** Requests to runs. Everything that a request can be refused for is found before its run exists. */
export function createEndpoint(exposed: Exposed): ExposedAPI {
  const { sluice, options } = exposed;
  const running = createWhileRunning<StartedRun>(sluice.runs, (known) => known);
  const ends = new ConnectionEnds();

  async function taskOf(call: Call, asked: ExposeRequest): Promise<Task> {
    const [, , below, what] = BELOW.exec(call.location.pathname) ?? [];
    const allowed = below === undefined ? ["GET", "POST"] : what === "stop" ? ["POST"] : ["GET"];
    if (!allowed.includes(call.method)) throw notAllowed(allowed.join(" and "));
    if (below === undefined) refuseForeign(call);
    const position = below === undefined ? positionOf(call) : undefined;
    const runId = below ?? (position && (position.runId ?? unqualified()));
    const owner = await ownerOf(options.auth, asked);
    if (owner === ANONYMOUS && options.sluice) throw new SluiceError("auth/required", "Nobody owns this run.");
    if (runId !== undefined) return { kind: what === "stop" ? "stop" : "resume", runId, owner };
    sluice.checkDialect(call, envelopeDialect.name);
    return { kind: "run", run: await start(call, asked, owner) };
  }

  async function start(call: Call, asked: ExposeRequest, owner: string): Promise<StartedRun> {
    const begin = await startOf(exposed, { asked, payload: await payloadOf(call), key: keyOf(call), owner });
    // Whoever has gone before anything exists is not answered, nor does it cost a model's call.
    call.signal.throwIfAborted();
    const go = (): Promise<StartedRun> => beginRun(exposed, begin);
    // Without a key and without an owner two who ask the same are two.
    if (call.method === "POST" || begin.requestId !== undefined || owner === ANONYMOUS) return go();
    // Path and query: `onRequest` may look at more than the payload.
    const { named, meta } = begin;
    const { pathname, search } = call.location;
    return running.startOrAttach(canonicalJson([owner, named ? meta.contextId : null, pathname + search]), go);
  }

  async function handle(request: Request, names?: Names): Promise<Response> {
    try {
      const call = web.callOf(request);
      const task = await taskOf(call, { request, ...given(names) });
      const as = wordingOf(call);
      if (task.kind === "run") return await task.run.toResponse(request, as);
      const { runId, owner } = task;
      if (task.kind === "stop") return await sluice.stop(request, runId, { owner });
      return await sluice.resume(request, runId, { ...as, owner });
    } catch (error) {
      return errorResponse(exposed, error, request);
    }
  }

  async function handleNode(req: NodeRequest, res: NodeResponse, names?: Names): Promise<void> {
    const call = callOf(req, res, ends);
    try {
      const task = await taskOf(call, { request: call, req, res, ...given(names) });
      const as = wordingOf(call);
      if (task.kind === "run") return await task.run.pipeToNode(req, res, as);
      const { runId, owner } = task;
      if (task.kind === "stop") return await sluice.stopFromNode(req, res, runId, { owner });
      return await sluice.resumeToNode(req, res, runId, { ...as, owner });
    } catch (error) {
      if (call.signal.aborted) return;
      await send(errorResponse(exposed, error, call), res);
    }
  }

  return { protocol: "sse", sluice, handle, handleNode };
}

// A form, or a `fetch` that is not asked about beforehand, can be sent by any page, with the cookies of its visitor.
function refuseForeign(call: Call): void {
  if (call.method === "GET") return refuseForeignPages(call);
  const asked = /^\s*application\/[^;]*json/i.test(call.headers.get("content-type") ?? "");
  if (asked || call.headers.get("sec-fetch-site") !== "cross-site") return;
  throw new SluiceError("request/refused-origin", "A page of another site has to send application/json.");
}

// The ids of all frames name their run, so that this URL resumes as well as starts.
function wordingOf(call: Call): StreamOptions {
  const path = call.location.pathname;
  const basePath = (BELOW.exec(path)?.[1] ?? path).replace(/\/+$/, "");
  return { qualifiedIds: true, basePath };
}

/** @throws SluiceError `request/*` */
async function payloadOf(call: Call): Promise<unknown> {
  const payload = await readPayload(call);
  if (isHarmless(payload)) return payload;
  throw new SluiceError("request/invalid", "The payload is too deep, or has keys that reach prototypes.", {
    details: { field: "payload" },
  });
}

async function readPayload(call: Call): Promise<unknown> {
  if (call.method === "GET") {
    const payload = call.location.searchParams.get("payload");
    return payload === null ? {} : parseJson(payload);
  }
  const body: Call["body"] = async (limit) => {
    const read = await call.body(limit);
    return "text" in read && read.text.trim() === "" ? { value: {} } : read;
  };
  return readBody({ headers: call.headers, body });
}

function keyOf(call: Call): string | undefined {
  const key = call.headers.get("idempotency-key") ?? "";
  if (key.length > 256) {
    throw new SluiceError("request/invalid", "Idempotency-Key may have 256 characters.", {
      details: { field: "Idempotency-Key" },
    });
  }
  return key === "" ? undefined : key;
}

type Names = RequestNames | (() => RequestNames);

function given(names: Names = {}): { contextId?: string; runId?: string } {
  const { contextId, runId } = typeof names === "function" ? names() : names;
  return { ...(contextId === undefined ? {} : { contextId }), ...(runId === undefined ? {} : { runId }) };
}

function unqualified(): never {
  throw new SluiceError("offset/malformed", "Last-Event-ID here must be an id that came from here.", {
    details: { field: "Last-Event-ID" },
  });
}

function notAllowed(allow: string): SluiceError {
  return new SluiceError("request/method-not-allowed", `This path takes ${allow}.`, { details: { allow } });
}

// `auth` may ask for a status that no code of ours has.
function errorResponse({ sluice }: Exposed, error: unknown, request: RequestLike): Response {
  const response = sluice.toErrorResponse(error, request);
  const status = isSluiceError(error, "auth/forbidden") ? error.details["status"] : undefined;
  const own = typeof status === "number" && status >= 400 && status <= 599;
  return own ? new Response(response.body, { status, headers: response.headers }) : response;
}

async function send(response: Response, res: NodeResponse): Promise<void> {
  if (res.headersSent) return;
  const body = await response.text();
  res.statusCode = response.status;
  for (const [name, value] of response.headers) res.setHeader(name, value);
  res.end(body);
}
