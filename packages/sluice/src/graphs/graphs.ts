import { wrongOption } from "../base/options.ts";
import { z } from "zod";
import { SluiceError } from "../base/errors.ts";
import type { Json } from "../base/json.ts";
import { json, readBody, type Answer, type Ask, type Route, type RoutesOptions } from "../http/index.ts";
import type { RunSource } from "../run/index.ts";
import type { BuildGraph, GraphBuilder, GraphConfig, GraphPayload } from "./builder.ts";
import { createCallbacks, type CallbackHandler, type Callbacks, type CallbacksOptions } from "./callbacks.ts";
import { isCompiledGraph } from "./compiled.ts";
import { checkState } from "./state.ts";
import { graphEvents, inputOf } from "./langgraph.ts";
import { createRegistry, type Registry, type Versioned } from "./registry.ts";
import { formatGraphType, parseGraphType, parseVersion } from "./version.ts";

/** A graph that can be asked for. A function needs its version beside it, a builder has it. */
export type Graph = GraphOptions &
  (
    | { readonly builder: GraphBuilder; readonly version?: never; readonly build?: never }
    | { readonly version: string; readonly build: BuildGraph; readonly builder?: never }
  );

interface GraphOptions {
  /** Without `::`. */
  readonly name: string;
  /** The version that is meant when none is asked for. Default: the latest. */
  readonly isDefault?: boolean;
  /** What its action tokens do, by name. */
  readonly callbacks?: Readonly<Record<string, CallbackHandler>>;
  /** Models of a compiled graph stream also where they were not told to (`streaming: true`). Default false. */
  readonly streamAll?: boolean;
}

export interface GraphsOptions {
  readonly graphs: readonly Graph[];
  /** The name of the graph that answers when none is named. Default: the only one; of several none. */
  readonly defaultGraph?: string;
  /** A version that is asked for is that version or none. Default false. */
  readonly strict?: boolean;
  /** Where action tokens are kept, and how patiently they are tried. */
  readonly callbacks?: CallbacksOptions;
}

/** `createSluice({ authorize, ...createGraphs({ graphs }) })` serves them. */
export interface Graphs extends Required<Pick<RoutesOptions, "answer" | "registry" | "routes">> {
  readonly callbacks: Callbacks;
  /** All as `name::version`. */
  readonly types: readonly string[];
}

interface Entry extends Versioned {
  readonly graph: Graph;
  readonly builder: GraphBuilder;
}

/**
 * Graphs behind `/stream` and `/generate`, with `GET /graph-types` and `POST /callback`.
 * @throws SluiceError `option/invalid`
 */
export function createGraphs(options: GraphsOptions): Graphs {
  const { strict = false } = options;
  const registry = createRegistry(options.graphs.map(entryOf));
  const fallback = defaultName(options);
  const find = (graphType: string, handler: string): CallbackHandler | undefined => {
    const { graph, version } = registry.resolve(graphType);
    // A token may outlive its version, but another major is another graph.
    if (majorOf(version) !== majorOf(parseGraphType(graphType).version ?? "")) return undefined;
    const { callbacks } = graph;
    return callbacks && Object.hasOwn(callbacks, handler) ? callbacks[handler] : undefined;
  };
  const callbacks = createCallbacks(quietly(find), options.callbacks);
  const answer: Answer = (ask, { owner }) => {
    const entry = resolve(registry, ask, { fallback, strict });
    checkState(ask.input ?? {});
    entry.builder.check?.(ask);
    return async ({ runId, signal }) => {
      const graphType = formatGraphType(entry.name, entry.version);
      const { threadId } = ask;
      const issueCallback: GraphPayload["issueCallback"] = (callback) =>
        callbacks.issue(callback, { graphType, owner, threadId, runId });
      const { requestId, userId, agentId, model } = ask;
      const named = { requestId, threadId, userId, agentId, model };
      return source(entry, {
        ...(Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)) as Partial<
          typeof ask
        >),
        graphType,
        graphSettings: ask.graphSettings ?? {},
        messages: ask.messages,
        history: ask.history ?? 0,
        message: { content: ask.messages.findLast(({ role }) => role === "user")?.content ?? "" },
        replaces: ask.continues !== true,
        state: ask.input ?? {},
        context: ask.context ?? {},
        metadata: ask.metadata ?? {},
        owner,
        runId,
        signal,
        issueCallback,
      });
    };
  };
  return {
    answer,
    callbacks,
    types: registry.types,
    registry: () => ({ graphs: registry.types }),
    routes: [graphTypes(registry.types), redeemCallback(callbacks)],
  };
}

async function source({ name, graph, builder }: Entry, asked: GraphPayload): Promise<RunSource> {
  const payload = (await builder.preparePayload?.(asked)) ?? asked;
  const built = await builder.buildGraph(payload);
  if (!isCompiledGraph(built)) return built;
  const plain = configOf(name, payload);
  const config = (await builder.customizeConfig?.(plain, payload)) ?? plain;
  return graphEvents(built, {
    input: await inputOf(built, payload, config),
    config,
    streamAll: graph.streamAll ?? false,
  });
}

function configOf(name: string, payload: GraphPayload): GraphConfig {
  const { owner, threadId, runId, context, metadata, graphSettings, signal } = payload;
  // All versions of a graph go on with a thread; another graph has another state. Without a thread nothing is gone on with.
  const thread = threadId === undefined ? { runId } : threadId;
  return {
    configurable: { thread_id: JSON.stringify([owner, name, thread]), context, metadata, graphSettings },
    signal,
  };
}

function entryOf(graph: Graph): Entry {
  const builder: GraphBuilder = graph.builder ?? { version: graph.version, buildGraph: graph.build };
  return { name: graph.name, version: builder.version, isDefault: graph.isDefault ?? false, graph, builder };
}

function defaultName({ graphs, defaultGraph }: GraphsOptions): string | undefined {
  const names = new Set(graphs.map(({ name }) => name));
  if (defaultGraph === undefined) return names.size === 1 ? graphs[0]?.name : undefined;
  if (names.has(defaultGraph)) return defaultGraph;
  throw wrongOption("defaultGraph", "defaultGraph names no graph.");
}

/**
 * `graphType` and `graphSettings.graphType` may both be there, as in the document; then they name one graph, and one of
 * them may say which version.
 */
function resolve(
  registry: Registry<Entry>,
  ask: Ask,
  { fallback, strict }: { readonly fallback: string | undefined; readonly strict: boolean },
): Entry {
  const inSettings = ask.graphSettings?.["graphType"];
  if (inSettings !== undefined && typeof inSettings !== "string") {
    throw wrong("graphSettings.graphType", "graphSettings.graphType: must be a string.");
  }
  const [asked = fallback, other] = [ask.graphType, inSettings].filter((type) => type !== undefined);
  if (asked === undefined) throw wrong("graphType", "graphType: say which graph is asked.", registry.types);
  const entry = registry.resolve(asked, { strict });
  if (other === undefined || other === asked) return entry;
  const exact = registry.resolve(other, { strict });
  const [one, two] = [parseGraphType(asked), parseGraphType(other)];
  if (one.name !== two.name || (one.version !== undefined && two.version !== undefined && entry !== exact)) {
    throw wrong("graphSettings.graphType", "graphSettings.graphType names another graph than graphType.");
  }
  return two.version === undefined ? entry : exact;
}

function graphTypes(types: readonly string[]): Route {
  return { method: "GET", path: "/graph-types", handle: () => json(200, types) };
}

const token = z.object({ token: z.string().min(1).max(1_024) });

/** `POST /callback {token}`: the caller must be the owner the token was issued for. */
function redeemCallback(callbacks: Callbacks): Route {
  return {
    method: "POST",
    path: "/callback",
    async handle(call, _parameter, authorize) {
      const { owner, headers } = await authorize({ kind: "callback" });
      const parsed = token.safeParse(await readBody(call));
      if (!parsed.success) throw wrong("token", "token: the text of 1 to 1,024 characters that came with the answer.");
      const result: Json = await callbacks.redeem(parsed.data.token, owner);
      return json(200, { result }, headers);
    },
  };
}

function majorOf(version: string): number | undefined {
  return parseVersion(version)?.[0];
}

// A graph that is gone has no handlers; that is for whoever asks to say.
function quietly(find: (graphType: string, handler: string) => CallbackHandler | undefined): typeof find {
  return (graphType, handler) => {
    try {
      return find(graphType, handler);
    } catch {
      return undefined;
    }
  };
}

function wrong(field: string, message: string, allowed?: readonly string[]): SluiceError {
  return new SluiceError("request/invalid", message, { details: { field, ...(allowed ? { allowed } : {}) } });
}
