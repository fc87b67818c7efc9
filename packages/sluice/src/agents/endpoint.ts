import { SluiceError, isSluiceError } from "../base/errors.ts";
import { canonicalJson } from "../base/json.ts";
import type { NodeRequest, NodeResponse, RequestLike, StartedRun, StreamOptions } from "../http/index.ts";
import { parseJson, readBody } from "../http/body.ts";
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
  | { readonly kind: "resume" | "stop"; readonly runId: string };

const BELOW = /^(.*)\/runs\/(run_[0-9a-f]{32})\/(events|stop)$/;

/** Requests to runs. Everything that a request can be refused for is found before its run exists. */
export function createEndpoint(exposed: Exposed): ExposedAPI {
  const { sluice, options } = exposed;
  const running = createWhileRunning<StartedRun>(sluice.runs, (known) => known);

  async function taskOf(call: Call, asked: ExposeRequest): Promise<Task> {
    const [, , runId, what] = BELOW.exec(call.location.pathname) ?? [];
    if (runId !== undefined) return below(call, runId, what === "stop" ? "POST" : "GET");
    if (call.method !== "GET" && call.method !== "POST") throw notAllowed("GET and POST");
    if (call.method === "GET") refuseForeignPages(call);
    const position = positionOf(call);
    if (position) return { kind: "resume", runId: position.runId ?? unqualified() };
    return { kind: "run", run: await start(call, asked) };
  }

  async function start(call: Call, asked: ExposeRequest): Promise<StartedRun> {
    const owner = await ownerOf(options.auth, asked);
    if (owner === ANONYMOUS && options.sluice) throw new SluiceError("auth/required", "Nobody owns this run.");
    const begin = await startOf(exposed, { asked, payload: await payloadOf(call), key: keyOf(call), owner });
    // Whoever has gone before anything exists is not answered, nor does it cost a model's call.
    call.signal.throwIfAborted();
    const go = (): Promise<StartedRun> => beginRun(exposed, begin);
    // Without a key and without an owner two who ask the same are two.
    if (call.method === "POST" || begin.requestId !== undefined || owner === ANONYMOUS) return go();
    const { named, meta, request } = begin;
    return running.startOrAttach(canonicalJson([owner, named ? meta.contextId : null, request]), go);
  }

  async function handle(request: Request, names: RequestNames = {}): Promise<Response> {
    try {
      const call = web.callOf(request);
      const task = await taskOf(call, { request, ...given(names) });
      const as = wordingOf(call);
      if (task.kind === "run") return await task.run.toResponse(request, as);
      return await (task.kind === "stop" ? sluice.stop(request, task.runId) : sluice.resume(request, task.runId, as));
    } catch (error) {
      return errorResponse(exposed, error, request);
    }
  }

  async function handleNode(req: NodeRequest, res: NodeResponse, names: RequestNames = {}): Promise<void> {
    const call = callOf(req, res);
    try {
      const task = await taskOf(call, { request: call, req, res, ...given(names) });
      const as = wordingOf(call);
      if (task.kind === "run") return await task.run.pipeToNode(req, res, as);
      if (task.kind === "stop") return await sluice.stopFromNode(req, res, task.runId);
      return await sluice.resumeToNode(req, res, task.runId, as);
    } catch (error) {
      if (call.signal.aborted) return;
      await send(errorResponse(exposed, error, call), res);
    }
  }

  return { protocol: "sse", sluice, handle, handleNode };
}

function below(call: Call, runId: string, method: "GET" | "POST"): Task {
  if (call.method !== method) throw notAllowed(method);
  return { kind: method === "POST" ? "stop" : "resume", runId };
}

// The ids of all frames name their run, so that this URL resumes as well as starts.
function wordingOf(call: Call): StreamOptions {
  const path = call.location.pathname;
  const basePath = (BELOW.exec(path)?.[1] ?? path).replace(/\/+$/, "");
  return { qualifiedIds: true, basePath };
}

async function payloadOf(call: Call): Promise<unknown> {
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

function given({ contextId, runId }: RequestNames): { contextId?: string; runId?: string } {
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
