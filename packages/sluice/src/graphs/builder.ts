import type { JsonObject } from "../base/json.ts";
import type { Ask, AskMessage } from "../http/index.ts";
import type { RunSource } from "../run/index.ts";
import type { IssueCallback } from "./callbacks.ts";
import type { CompiledGraph } from "./compiled.ts";

/** What a graph is asked: the body of `/stream` or `/generate`, whichever form it came in, checked. */
export interface GraphPayload {
  /** What was resolved: `name::version`. */
  readonly graphType: string;
  readonly graphSettings: JsonObject;
  /** Empty where a graph was asked with an `input` of its own alone. */
  readonly messages: readonly AskMessage[];
  /** How many of `messages` were said in this thread before. */
  readonly history: number;
  /** The newest of the user's; empty where there is none. */
  readonly message: { readonly content: string };
  /** True where `messages` beat what the thread holds. */
  readonly replaces: boolean;
  /** What else the body's `input` held: given to a compiled graph with the messages. */
  readonly state: JsonObject;
  /** Set by `preparePayload`: what a compiled graph is given in place of state and messages. */
  readonly input?: unknown;
  readonly context: JsonObject;
  readonly metadata: JsonObject;
  readonly requestId?: string;
  readonly threadId?: string;
  /** As the body says: not who is asking. */
  readonly userId?: string;
  readonly agentId?: string;
  readonly model?: string;
  /** Who is asking. */
  readonly owner: string;
  readonly runId: string;
  /** Fires when the run ends in any other way than well. A compiled graph has it in its config. */
  readonly signal: AbortSignal;
  /** A token for `POST /callback`, which this owner alone can use. The handler is one of this graph's `callbacks`. */
  readonly issueCallback: IssueCallback;
}

/** What LangGraph takes beside the input. */
export interface GraphConfig {
  readonly configurable: GraphConfigurable;
  readonly signal: AbortSignal;
  readonly [key: string]: unknown;
}

export interface GraphConfigurable {
  /** Owner, name of the graph and `threadId` in one: no two owners share a checkpoint. */
  readonly thread_id: string;
  readonly context: JsonObject;
  readonly metadata: JsonObject;
  readonly graphSettings: JsonObject;
  readonly [key: string]: unknown;
}

/** A compiled graph of LangGraph, or whatever a run can be made of: an async generator of strings and events, a stream. */
export type BuiltGraph = CompiledGraph | RunSource;

export type BuildGraph = (payload: GraphPayload) => BuiltGraph | Promise<BuiltGraph>;

/** Makes the graph for each request. A plain object with `version` and `buildGraph` is one too. */
export interface GraphBuilder {
  /** `major.minor.patch` */
  readonly version: string;
  buildGraph: BuildGraph;
  /** Says what is wrong with a question, by throwing a SluiceError, before there is a run for it. */
  check?(ask: Ask): void;
  /** What is asked, before anything is built: set `input`, look something up. What it throws ends the run. */
  preparePayload?(payload: GraphPayload): GraphPayload | Promise<GraphPayload>;
  /** The last word on what a compiled graph is configured with. A changed `thread_id` is yours to keep owners apart in. */
  customizeConfig?(config: GraphConfig, payload: GraphPayload): GraphConfig | Promise<GraphConfig>;
}

/** The same as a class to extend. */
export abstract class AbstractGraphBuilder implements GraphBuilder {
  abstract readonly version: string;

  abstract buildGraph(payload: GraphPayload): BuiltGraph | Promise<BuiltGraph>;

  preparePayload(payload: GraphPayload): GraphPayload | Promise<GraphPayload> {
    return payload;
  }

  customizeConfig(config: GraphConfig, _payload: GraphPayload): GraphConfig | Promise<GraphConfig> {
    return config;
  }
}
