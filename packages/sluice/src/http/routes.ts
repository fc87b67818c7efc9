import { SluiceError } from "../base/errors.ts";
import { postGenerate } from "./generate.ts";
import { json } from "./reply.ts";
import type { Service } from "./service.ts";
import { cancelRequest, getEvents, getRun, listRuns, stopRun } from "./run-handlers.ts";
import { createGetStream, postStream, type Answer } from "./start.ts";
import { routeStreams, topicRoutes, type RouteStreams, type TopicsOptions } from "./topics.ts";
import type { TopicPieces } from "./topics-stream.ts";
import { deleteThread, getThread, listThreads, renameThread } from "./threads.ts";
import { authorized, type Authorized } from "./read.ts";
import type { Action, Call, Reply } from "./types.ts";

/**
 * @param parameter the decoded part of the path that stands for `*`; empty where the path has none
 * @param authorize who is asking, as everywhere else; throws `auth/required` for nobody
 * @param streams for an answer that is a stream
 */
export type RouteHandler = (
  call: Call,
  parameter: string,
  authorize: (action: Action) => Promise<Authorized>,
  streams: RouteStreams,
) => Reply | Promise<Reply>;

export interface Route {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below the base path; one segment may be `*`. */
  readonly path: string;
  readonly handle: RouteHandler;
}

export interface RoutesOptions {
  /** Without it nothing can be started over HTTP, only read and stopped. */
  readonly answer?: Answer;
  /** What `GET /registry` tells beside the dialects. */
  readonly registry?: () => Readonly<Record<string, unknown>>;
  /** `/topics/<key>`. Without it there are none. */
  readonly topics?: TopicsOptions;
  /** Routes of your own; what they throw is answered and logged like all the rest. */
  readonly routes?: readonly Route[];
}

/** The HTTP contract: one line per call. */
export function createRoutes(service: Service, options: RoutesOptions): (call: Call) => Promise<Reply> {
  const { answer, registry, topics, routes: own = [] } = options;
  const pieces: TopicPieces = new WeakMap();
  const routes: Route[] = [
    { method: "GET", path: "/runs", handle: (call) => listRuns(service, call) },
    { method: "GET", path: "/runs/*", handle: (call, id) => getRun(service, call, id) },
    { method: "GET", path: "/runs/*/events", handle: (call, id) => getEvents(service, call, id) },
    { method: "POST", path: "/runs/*/stop", handle: (call, id) => stopRun(service, call, id) },
    { method: "POST", path: "/cancel/*", handle: (call, requestId) => cancelRequest(service, call, requestId) },
    { method: "GET", path: "/threads", handle: (call) => listThreads(service, call) },
    { method: "GET", path: "/threads/*", handle: (call, id) => getThread(service, call, id) },
    { method: "PATCH", path: "/threads/*", handle: (call, id) => renameThread(service, call, id) },
    { method: "DELETE", path: "/threads/*", handle: (call, id) => deleteThread(service, call, id) },
    { method: "GET", path: "/health", handle: () => json(200, { status: "ok" }) },
    { method: "GET", path: "/ready", handle: () => ready(service) },
    {
      method: "GET",
      path: "/registry",
      handle: () => json(200, { ...registry?.(), dialects: service.dialects.names }),
    },
    ...(topics ? topicRoutes(service, topics, pieces) : []),
    ...own,
  ];
  if (answer) {
    routes.push(
      { method: "POST", path: "/stream", handle: (call) => postStream(service, answer, call) },
      { method: "GET", path: "/stream", handle: createGetStream(service, answer) },
      { method: "POST", path: "/generate", handle: (call) => postGenerate(service, answer, call) },
    );
  }
  const streams = routeStreams(service, pieces);
  return async (call) => {
    const handle = find(routes, call, service.basePath);
    return handle((action) => authorized(service, call, action), streams);
  };
}

type Found = (authorize: Parameters<RouteHandler>[2], streams: RouteStreams) => Reply | Promise<Reply>;

function find(routes: readonly Route[], call: Call, basePath: string): Found {
  const path = call.location.pathname;
  const segments = path.startsWith(`${basePath}/`) ? path.slice(basePath.length).split("/") : [];
  const allow: string[] = [];
  for (const { method, path: pattern, handle } of routes) {
    const parameter = match(pattern, segments);
    if (parameter === undefined) continue;
    if (method === call.method || (method === "GET" && call.method === "HEAD" && !isStream(pattern))) {
      return (authorize, streams) => handle(call, parameter, authorize, streams);
    }
    allow.push(method);
  }
  if (allow.length === 0) throw new SluiceError("request/not-found", "There is nothing at this path.");
  throw new SluiceError("request/method-not-allowed", `This path takes ${allow.join(" and ")}.`, {
    details: { allow: allow.join(", ") },
  });
}

// A HEAD must not start a run, nor hold a connection open.
function isStream(pattern: string): boolean {
  return pattern === "/stream" || pattern.endsWith("/events") || pattern.startsWith("/topics/");
}

function match(pattern: string, segments: readonly string[]): string | undefined {
  const wanted = pattern.split("/");
  if (wanted.length !== segments.length) return undefined;
  let parameter = "";
  for (const [index, name] of wanted.entries()) {
    const segment = segments[index] ?? "";
    if (name === "*") parameter = decode(segment);
    else if (name !== segment) return undefined;
  }
  return wanted.includes("*") && parameter === "" ? undefined : parameter;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return "";
  }
}

function ready(service: Service): Reply {
  if (service.runs.draining) throw new SluiceError("run/draining", "This server is shutting down.");
  return json(200, { status: "ready" });
}
