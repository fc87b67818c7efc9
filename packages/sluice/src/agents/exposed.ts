import type { Logger } from "../base/log.ts";
import type { NodeRequest, NodeResponse, RequestLike, Sluice } from "../http/index.ts";
import type { EventDefinition, UnboundEvent } from "./event.ts";
import type { EventPlane } from "./plane.ts";
import type { NetworkPlan } from "./plan.ts";

/** A request, as `auth` and `onRequest` see it. */
export interface ExposeRequest {
  /** A Web `Request`, or what it has of one of `node:http`. */
  readonly request: RequestLike;
  /** Of `node:http` or Express. */
  readonly req?: NodeRequest;
  readonly res?: NodeResponse;
  readonly contextId?: string;
  readonly runId?: string;
}

export type AuthResult =
  | {
      readonly allowed: true;
      /**
       * Whose the run is: nobody else may read, resume or stop it, or see what its context keeps. Without an owner
       * whoever has a run's id may, which has 128 random bits; a context keeps nothing then, and a key counts only when
       * it has 32 characters or more, since shorter ones can be guessed.
       */
      readonly owner?: string;
    }
  | { readonly allowed: false; readonly status?: number; readonly message?: string };

export interface OnRequestContext {
  readonly req: ExposeRequest;
  /** The body of a POST, or `?payload=` of a GET; `{}` where there is none. */
  readonly payload: unknown;
  /** The caller's own name for the run: see `EndpointOptions.requestToRunId`. */
  setRunId(runId: string): void;
  setContextId(contextId: string): void;
  /** Says what the run begins with; several begin it in order. None: it ends at once. */
  emitStartEvent(start: { readonly event: UnboundEvent; readonly contextId?: string; readonly runId?: string }): void;
}

export interface ExposeOptions {
  readonly protocol: "sse";
  /** Asked before anything is started, read, resumed or stopped. What is not allowed is 401, or its own status. */
  readonly auth?: (request: ExposeRequest) => AuthResult | Promise<AuthResult>;
  /**
   * What is streamed. Default: all events of the channels that have `httpStream()`, or of `client` where none has.
   */
  readonly select?: { readonly channels?: string | readonly string[]; readonly events?: readonly string[] };
  /** The event that the payload of a request becomes, on the main channel. Default `request`. */
  readonly startEventName?: string;
  /** The same by definition; the first one counts. */
  readonly triggerEvents?: readonly EventDefinition[];
  /** Called for each request that may start a run, in the place of the start event. */
  readonly onRequest?: (context: OnRequestContext) => void | Promise<void>;
  /**
   * When the last reader on this node leaves a run that goes on: `stop` stops it, `throw` ends it with `reader/left`,
   * which `emit` rejects with. Who comes back has left before. Default `continue`.
   */
  readonly onDisconnect?: "continue" | "stop" | "throw";
  /** Default: one of its own. */
  readonly plane?: EventPlane;
  /**
   * Where runs are kept and how they are served. It speaks `envelope`. `auth` has to name an owner then; `authorize` of
   * the sluice is asked on its own routes alone, and names the same ones. Default: one with a store in memory.
   */
  readonly sluice?: Sluice;
  /** Told of every run that fails and every refusal, with what was thrown. Default: nothing is told. Not with `sluice`, which has its own. */
  readonly log?: Logger;
}

/** What an endpoint serves. At its own path: GET with `?payload=`, POST. Below: `/runs/<id>/events`, `/runs/<id>/stop`. */
export interface ExposedAPI {
  readonly protocol: "sse";
  /** Never rejects: errors are answers, those of a function that names too. */
  handle(request: Request, names?: RequestNames | (() => RequestNames)): Promise<Response>;
  handleNode(req: NodeRequest, res: NodeResponse, names?: RequestNames | (() => RequestNames)): Promise<void>;
  readonly sluice: Sluice;
}

/** What an endpoint makes of a request: names of 1 to 256 characters; an empty one is none. */
export interface RequestNames {
  readonly contextId?: string | undefined;
  readonly runId?: string | undefined;
}

/** What of a network is streamed, and how its runs begin. */
export interface Exposed {
  readonly plan: NetworkPlan;
  readonly plane: EventPlane;
  readonly sluice: Sluice;
  readonly options: ExposeOptions;
  readonly channels: ReadonlySet<string>;
  readonly events: ReadonlySet<string> | undefined;
  readonly startEvent: string;
}
