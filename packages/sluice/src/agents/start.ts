import { SluiceError, isSluiceError } from "../base/errors.ts";
import { randomId } from "../base/id.ts";
import { CHECK, type EventMeta, type UnboundEvent } from "./event.ts";
import type { Exposed, ExposeRequest } from "./exposed.ts";
import { ANONYMOUS } from "./owner.ts";

/** A run that may begin: all of it is checked. */
export interface Start {
  readonly owner: string;
  readonly events: readonly UnboundEvent[];
  /** Without the run's id, which is not there yet. */
  readonly meta: Omit<EventMeta, "runId">;
  /** True where the app has named the context. */
  readonly named: boolean;
  readonly requestId?: string;
  /** What was asked, to be compared when the key comes again. */
  readonly request: unknown;
}

interface Question {
  readonly asked: ExposeRequest;
  readonly payload: unknown;
  /** The client's. */
  readonly key: string | undefined;
  readonly owner: string;
}

// A key that nobody guesses: of a UUID, say.
const GUESSED = 32;

/** @throws SluiceError `request/invalid`; what `onRequest` throws */
export async function startOf(exposed: Exposed, { asked, payload, key, owner }: Question): Promise<Start> {
  const { options, startEvent } = exposed;
  const events: UnboundEvent[] = [];
  let { contextId, runId } = asked;
  if (!options.onRequest) events.push({ name: startEvent, payload });
  await options.onRequest?.({
    req: asked,
    payload,
    setRunId: (id) => void (runId = id),
    setContextId: (id) => void (contextId = id),
    emitStartEvent(start) {
      contextId = start.contextId ?? contextId;
      runId = start.runId ?? runId;
      events.push(start.event);
    },
  });
  contextId = nameOf("contextId", contextId);
  runId = nameOf("runId", runId);
  const requestId = key ?? runId;
  const counts = requestId !== undefined && (owner !== ANONYMOUS || requestId.length >= GUESSED);
  return {
    owner,
    events: await Promise.all(events.map((event) => checked(exposed, event))),
    meta: {
      contextId: contextId ?? randomId("context"),
      ...(runId === undefined ? {} : { correlationId: runId }),
    },
    named: contextId !== undefined,
    ...(counts ? { requestId } : {}),
    request: payload,
  };
}

// The app takes it from the request: a query gives lists too, and an empty name would be everybody's.
function nameOf(field: string, name: unknown): string | undefined {
  if (name === undefined || name === null || name === "") return undefined;
  if (typeof name === "string" && name.length <= 256) return name;
  throw new SluiceError("request/invalid", `${field}: must be a text of at most 256 characters.`, {
    details: { field },
  });
}

/** What a request cannot begin with is the caller's mistake, not an agent's. */
async function checked({ plan, options }: Exposed, event: UnboundEvent): Promise<UnboundEvent> {
  const { triggerEvents = [] } = options;
  const definition = triggerEvents.find(({ name }) => name === event.name) ?? plan.events.get(event.name);
  try {
    return definition ? await definition[CHECK](event) : event;
  } catch (cause) {
    if (!isSluiceError(cause, "agents/invalid-event")) throw cause;
    // It is the caller's own value that the schema speaks of.
    const said = cause.cause instanceof Error ? ` ${cause.cause.message}` : "";
    throw new SluiceError("request/invalid", cause.message + said, { cause, details: cause.details });
  }
}
