import { SluiceError } from "../base/errors.ts";
import { canonicalJson, type JsonObject } from "../base/json.ts";
import type { RunInput, RunState, StartRun } from "../run/index.ts";
import { parseAsk, parseJson, readBody, wrongField, type Ask } from "./ask.ts";
import { FROM_START, authorized, dialectOf, ownRun, positionOf, readReply, wordingOf, type Authorized, type Service } from "./read.ts";
import { runNotFound } from "./reply.ts";
import type { Call, Reply } from "./types.ts";

/** Makes the source for a question, or throws what is wrong with it (`graph/unknown`, `request/invalid`) before a run exists. */
export type Answer = (ask: Ask, context: { readonly owner: string }) => RunInput;

interface Begun {
  readonly run: RunState;
  readonly ask: Ask;
  readonly caller: Authorized;
}

/** `POST /stream`: starts a run, or attaches to the one that has the key, and streams it. */
export async function postStream(service: Service, answer: Answer, call: Call): Promise<Reply> {
  const from = positionOf(call);
  const { run, ask, caller } = await startOrAttach(service, answer, call, { mustExist: from !== undefined });
  if (from?.runId !== undefined && from.runId !== run.id) throw runNotFound();
  return readReply(service, call, run, {
    dialect: dialectOf(service, call, defaultDialect(ask)),
    after: from?.position ?? FROM_START,
    headers: caller.headers,
  });
}

/**
 * `POST /generate` and `/stream`: the run for a question.
 * @param options.mustExist the caller has a part of the answer already, so nothing may be started for it
 */
export async function startOrAttach(
  service: Service,
  answer: Answer,
  call: Call,
  options: { readonly mustExist: boolean },
): Promise<Begun> {
  const caller = await authorized(service, call, { kind: "start" });
  const ask = withKey(parseAsk(await readBody(call)), call.headers.get("idempotency-key"));
  dialectOf(service, call, defaultDialect(ask)); // refused before anything is started
  if (options.mustExist) {
    if (ask.requestId === undefined) {
      throw new SluiceError("request/missing-key", "A POST with Last-Event-ID needs the requestId it was started with.", {
        details: { field: "requestId" },
      });
    }
    if (!(await service.runs.find(caller.owner, ask.requestId))) throw runNotFound();
  }
  return { run: await begin(service, answer, ask, caller.owner), ask, caller };
}

/** `GET /stream`: what a bare EventSource can do. With Last-Event-ID it never starts a run. */
export function createGetStream(service: Service, answer: Answer): (call: Call) => Promise<Reply> {
  // Runs of this node that were started by GET without a key and may still run. A reconnect that comes before the
  // first frame did has no Last-Event-ID: while the run lasts, the same question of the same owner attaches to it.
  const running = new Map<string, string>();

  return async (call) => {
    refuseForeignPages(call);
    const from = positionOf(call);
    if (from) return resume(service, call, from);
    const caller = await authorized(service, call, { kind: "start" });
    const ask = withKey(parseAsk(payloadOf(call)), call.headers.get("idempotency-key"));
    const dialect = dialectOf(service, call, defaultDialect(ask));
    const question = canonicalJson([caller.owner, dialect.name, ask]);
    const known = ask.requestId === undefined ? running.get(question) : undefined;
    let run = known === undefined ? undefined : await service.runs.get(known);
    if (run?.status !== "running") {
      run = await begin(service, answer, ask, caller.owner);
      if (ask.requestId === undefined) remember(question, run.id);
    }
    return readReply(service, call, run, { dialect, after: FROM_START, qualifiedIds: true, headers: caller.headers });
  };

  function remember(question: string, runId: string): void {
    running.set(question, runId);
    const forget = (): void => {
      if (running.get(question) === runId) running.delete(question);
    };
    void service.runs.ended(runId).then(forget, forget);
  }
}

async function resume(
  service: Service,
  call: Call,
  from: NonNullable<ReturnType<typeof positionOf>>,
): Promise<Reply> {
  if (from.runId === undefined) {
    throw new SluiceError("offset/malformed", "Last-Event-ID on GET /stream must be an id that GET /stream gave.", {
      details: { field: "Last-Event-ID" },
    });
  }
  const { run, caller } = await ownRun(service, call, "read", from.runId);
  const dialect = wordingOf(service, call, run);
  return readReply(service, call, run, { dialect, after: from.position, qualifiedIds: true, headers: caller.headers });
}

function defaultDialect(ask: Ask): string {
  return ask.graphType === undefined ? "simple" : "graph";
}

async function begin(service: Service, answer: Answer, ask: Ask, owner: string): Promise<RunState> {
  const { requestId, ...request } = ask;
  const options: StartRun = { owner, request, meta: metaOf(ask), ...(requestId === undefined ? {} : { requestId }) };
  const { id } = await service.runs.start(options, answer(ask, { owner }));
  const run = await service.runs.get(id);
  if (!run) throw runNotFound();
  return run;
}

function metaOf(ask: Ask): JsonObject {
  const { threadId, userId, agentId, graphType, model, metadata } = ask;
  const meta = { threadId, userId, agentId, graphType, model, metadata };
  return Object.fromEntries(Object.entries(meta).filter(([, value]) => value !== undefined));
}

function withKey(ask: Ask, header: string | null): Ask {
  if (header === null || header === "") return ask;
  if (header.length > 256) throw wrongField("Idempotency-Key", "Idempotency-Key may have 256 characters.");
  if (ask.requestId !== undefined && ask.requestId !== header) {
    throw new SluiceError("request/key-mismatch", "requestId and Idempotency-Key are two keys for one request.", {
      details: { field: "requestId" },
    });
  }
  return { ...ask, requestId: header };
}

function payloadOf(call: Call): unknown {
  const payload = call.location.searchParams.get("payload");
  if (payload !== null) return parseJson(payload);
  throw new SluiceError("request/missing-payload", "GET /stream needs ?payload= with the body of POST /stream as JSON.", {
    details: { field: "payload" },
  });
}

// A GET that starts something can be sent by any page, or by a link; browsers say so. On plain http with a name they
// do not, but only somebody who opens a link wants HTML.
function refuseForeignPages(call: Call): void {
  const site = call.headers.get("sec-fetch-site");
  const byLink = call.headers.get("sec-fetch-mode") === "navigate" || call.headers.get("accept")?.includes("text/html");
  if (site === "cross-site" || byLink === true) {
    throw new SluiceError("request/refused-origin", "GET /stream is for an EventSource of the same site.");
  }
}

