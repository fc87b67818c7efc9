import { SluiceError } from "../base/errors.ts";
import { canonicalJson, type JsonObject } from "../base/json.ts";
import type { RunInput, RunState } from "../run/index.ts";
import { tooManyRuns } from "../run/limits.ts";
import { parseAsk, wrongField, type Ask } from "./ask.ts";
import { parseJson, readBody } from "./body.ts";
import { seated, type Seat } from "./limits.ts";
import { formOf, type Form } from "./form.ts";
import { authorized, formFor, ownRun, positionOf, readReply, type Authorized } from "./read.ts";
import { runNotFound } from "../run/state.ts";
import type { Service } from "./service.ts";
import { announceTurn, keepTurn, withHistory } from "./threads.ts";
import type { Call, Reply } from "./types.ts";
import { createWhileRunning } from "./while-running.ts";

/** Makes the source for a question, or throws what is wrong with it (`graph/unknown`, `request/invalid`) before a run exists. */
export type Answer = (ask: Ask, context: { readonly owner: string }) => RunInput;

interface Question {
  readonly call: Call;
  readonly ask: Ask;
  readonly caller: Authorized;
}

/** `POST /stream`: starts a run, or attaches to the one that has the key, and streams it. */
export async function postStream(service: Service, answer: Answer, call: Call): Promise<Reply> {
  const mustExist = positionOf(call) !== undefined;
  return startOrAttach(service, answer, call, { mustExist }, ({ run, form, caller }) =>
    readReply(service, call, run, { form, headers: caller.headers }),
  );
}

export interface Started {
  readonly run: RunState;
  readonly form: Form;
  readonly caller: Authorized;
}

/**
 * `POST /generate` and `/stream`: the run for a question, and the answer to its reader.
 * @param options.mustExist the caller has a part of the answer already, so nothing may be started for it
 */
export async function startOrAttach(
  service: Service,
  answer: Answer,
  call: Call,
  options: { readonly mustExist: boolean },
  reply: (started: Started) => Promise<Reply>,
): Promise<Reply> {
  const caller = await authorized(service, call, { kind: "start" });
  const ask = withKey(parseAsk(await readBody(call, service.maxBodyBytes)), call.headers.get("idempotency-key"));
  const form = formOf(service, call, defaultDialect(ask)); // refused before anything is started
  if (options.mustExist) {
    if (ask.requestId === undefined) {
      const message = "A POST with Last-Event-ID needs the requestId it was started with.";
      throw new SluiceError("request/missing-key", message, { details: { field: "requestId" } });
    }
    if (!(await hasRun(service, caller, ask))) throw runNotFound();
  }
  const question: Question = { call, ask, caller };
  const exists = (): Promise<boolean> => hasRun(service, caller, ask);
  return seatedStart(service, question, exists, async (seat) => {
    const run = await begin(service, answer, question);
    seat.at(run.id);
    return reply({ run, form, caller });
  });
}

/** `GET /stream`: what a bare EventSource can do. With Last-Event-ID it never starts a run. */
export function createGetStream(service: Service, answer: Answer): (call: Call) => Promise<Reply> {
  const running = createWhileRunning<RunState>(service.runs, (_known, run) => run);

  return async (call) => {
    refuseForeignPages(call);
    if (positionOf(call)) return resume(service, call);
    const caller = await authorized(service, call, { kind: "start" });
    const ask = withKey(parseAsk(payloadOf(call)), call.headers.get("idempotency-key"));
    const form = formOf(service, call, defaultDialect(ask));
    const start = (): Promise<RunState> => begin(service, answer, { call, ask, caller });
    const question = canonicalJson([caller.owner, form.dialect.name, ask]);
    const keyed = ask.requestId !== undefined;
    const exists = async (): Promise<boolean> => (keyed ? hasRun(service, caller, ask) : running.has(question));
    return seatedStart(service, { call, ask, caller }, exists, async (seat) => {
      const run = keyed ? await start() : await running.startOrAttach(question, start);
      seat.at(run.id);
      return readReply(service, call, run, { form, qualifiedIds: true, headers: caller.headers });
    });
  };
}

async function resume(service: Service, call: Call): Promise<Reply> {
  const runId = positionOf(call)?.runId;
  if (runId === undefined) {
    throw new SluiceError("offset/malformed", "Last-Event-ID on GET /stream must be an id that GET /stream gave.", {
      details: { field: "Last-Event-ID" },
    });
  }
  const { run, caller } = await ownRun(service, call, { kind: "read", runId });
  const { owner, headers } = caller;
  return seated(service, { owner, action: "read", method: call.method }, (seat) => {
    seat.at(runId);
    return readReply(service, call, run, { form: formFor(service, call, run), headers });
  });
}

async function hasRun({ runs }: Service, { owner }: Authorized, { requestId }: Ask): Promise<boolean> {
  return requestId !== undefined && (await runs.find(owner, requestId)) !== undefined;
}

/** Refuses what this node, or its limits, have no room for before any work. */
async function seatedStart(
  service: Service,
  { call, caller }: Question,
  exists: () => Promise<boolean>,
  answer: (seat: Seat) => Promise<Reply>,
): Promise<Reply> {
  const { runs, seats } = service;
  // Looked up only where it makes a difference: a store may be far away.
  const starts = !((seats.asks || runs.full) && (await exists()));
  if (starts && runs.full) throw tooManyRuns();
  return seated(service, { owner: caller.owner, action: starts ? "start" : "read", method: call.method }, answer);
}

function defaultDialect(ask: Ask): string {
  if (ask.nested === true) return "graph-channels";
  return ask.graphType === undefined ? "simple" : "graph";
}

async function begin(service: Service, answer: Answer, { call, ask, caller }: Question): Promise<RunState> {
  // Whoever has gone before anything exists is not answered, nor does it cost a model's call.
  call.signal.throwIfAborted();
  const { owner } = caller;
  const { requestId, continues: _how, ...request } = ask;
  const source = answer(await withHistory(service, owner, ask), { owner });
  const announce = (runId: string): Promise<void> => announceTurn(service, owner, ask, runId);
  const options = { owner, requestId, request, meta: metaOf(ask), announce };
  const { id, attached } = await service.runs.start(options, source);
  if (!attached) await keepTurn(service, owner, ask, id);
  const run = await service.runs.get(id);
  if (!run) throw runNotFound();
  return run;
}

function metaOf(ask: Ask): JsonObject {
  const { threadId, userId, agentId, graphType, model, metadata } = ask;
  const dialect = ask.nested === true ? defaultDialect(ask) : undefined;
  const meta = { threadId, userId, agentId, graphType, model, metadata, dialect };
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
  const message = "GET /stream needs ?payload= with the body of POST /stream as JSON.";
  throw new SluiceError("request/missing-payload", message, { details: { field: "payload" } });
}

/**
 * A GET that starts something can be sent by any page, or by a link; browsers say so. On plain http with a name they
 * do not, but only somebody who opens a link wants HTML.
 * @throws SluiceError `request/refused-origin`
 */
export function refuseForeignPages(call: Call): void {
  const site = call.headers.get("sec-fetch-site");
  const byLink = call.headers.get("sec-fetch-mode") === "navigate" || call.headers.get("accept")?.includes("text/html");
  if (site === "cross-site" || byLink === true) {
    throw new SluiceError("request/refused-origin", "A GET that starts a run is for an EventSource of the same site.");
  }
}
