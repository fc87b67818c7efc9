import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import cors from "cors";
import { createSluice, requestOf, type Logger, type NodeRequest, type NodeResponse } from "sluice/http";
import type { LogStore } from "sluice/log";
import type { Config } from "./config.ts";
import { limitConnections, tooManyConnections } from "./connections.ts";
import { createGatewayGraphs } from "./graphs.ts";
import { createInspector } from "./inspector.ts";
import { createLimits } from "./limits.ts";
import { createMetrics } from "./metrics.ts";
import { createMetricsPage, metricsRoute } from "./metrics-page.ts";
import { createModels, type Models } from "./models.ts";
import { createOperator } from "./operator.ts";
import { createOwnerTokens } from "./owner-tokens.ts";
import { createOwners } from "./owners.ts";
import { createPages } from "./pages.ts";
import { sendRefusal } from "./refusal.ts";
import { keptSecret } from "./secret.ts";
import { createWebServer, type WebServer } from "./server.ts";
import { sessionRoute } from "./session.ts";
import { createConversations } from "./socket.ts";
import { createTopics } from "./topics.ts";

export interface GatewayOptions {
  /** Let go of by whoever made it, once the gateway is closed. */
  readonly store: LogStore;
  readonly log: Logger;
  /** The built web app. Default: the studio of this repository. */
  readonly pages?: string;
}

export interface Gateway {
  /** Where this machine reaches it. */
  readonly url: string;
  readonly models: Models["list"];
  /** Runs that are still being produced. */
  readonly producing: number;
  /** Takes a renewed certificate from the same files. @throws SluiceError `option/invalid`, and keeps the old one */
  reload(): void;
  /**
   * No new runs from now on; resolves when those that run have ended and their readers have everything. When the
   * signal fires first, what is left ends with `error`, code `run/shutdown`.
   */
  close(deadline: AbortSignal): Promise<void>;
}

// The same place from src/ and from dist/.
const STUDIO = fileURLToPath(new URL("../../studio/dist", import.meta.url));

export async function startGateway(config: Config, options: GatewayOptions): Promise<Gateway> {
  const { store, log } = options;
  const secret = config.secret ?? (await keptSecret(store));
  const tokens = createOwnerTokens(secret);
  const isOperator = createOperator(config, tokens);
  const owners = createOwners(config, tokens);
  const models = createModels(config);
  const graphs = createGatewayGraphs(models);
  const metrics = createMetrics();
  const limits = await createLimits(config, log);
  const topics = await createTopics(config, log);
  const inspector = createInspector({
    secret,
    operatorKey: config.operatorKey,
    isOperator,
    runs: () => sluice.runs,
    log,
    node: { name: `${hostname()} (${process.pid})`, store: config.store.kind, model: models.list[0]?.name ?? "" },
  });
  const { maxRuns, maxReaders, maxReadersPerRun } = config.limits;
  const sluice = createSluice({
    store,
    log,
    meter: inspector.count(metrics.meter),
    observer: inspector.observer,
    leaseMs: config.leaseMs,
    maxBodyBytes: config.maxBodyBytes,
    ...config.delivery,
    async authorize(request, action) {
      const caller = await owners.authorize(request, action);
      if (action.kind === "publish" && caller) await limits.tell(typeof caller === "string" ? caller : caller.owner);
      return caller;
    },
    admit: limits.admit,
    maxRuns: maxRuns || undefined,
    maxReaders: maxReaders || undefined,
    maxReadersPerRun: maxReadersPerRun || undefined,
    answer: graphs.answer,
    registry: () => ({ ...graphs.registry(), models: models.list }),
    topics: { hub: topics.hub },
    routes: [...graphs.routes, sessionRoute(owners), metricsRoute, ...inspector.routes],
  });
  const pages = createPages(options.pages ?? STUDIO, { welcome: owners.welcome });
  const metricsPage = createMetricsPage(metrics, isOperator);
  const allowOrigins = corsOf(config.corsOrigins);

  async function answer(req: NodeRequest, res: NodeResponse): Promise<void> {
    try {
      if (await refused(req, res)) return;
      if ((await pages(req, res)) || (await metricsPage(req, res))) return;
      if (await conversations.handleRequest(req, res)) return;
      await sluice.handleNode(req, res);
    } catch (error) {
      log("error", "request failed", { code: "PROCESSING_ERROR", error });
      res.destroy();
    }
  }

  async function refused(req: NodeRequest, res: NodeResponse): Promise<boolean> {
    const last = connections.isSurplus(req);
    try {
      const path = last || req.method === "POST" ? requestOf(req).location.pathname : "";
      if (last && !ALWAYS.has(path)) throw tooManyConnections();
      if (last && !("stream" in res)) res.setHeader("Connection", "close");
      if (LOGINS.has(path) && req.method === "POST") await limits.login(req.socket.remoteAddress, res);
      return false;
    } catch (error) {
      await sendRefusal(sluice, error, { req, res, last });
      return true;
    }
  }

  const web = createWebServer(config.tls, (req, res) => {
    res.setHeader("X-Content-Type-Options", "nosniff");
    allowOrigins(req, res, () => void answer(req, res));
  });
  const { server } = web;
  const connections = limitConnections(server, config.limits.maxConnections);
  const { stallMs } = config.delivery;
  const conversations = createConversations(server, { owners, limits, connections, log, stallMs });
  const url = await listen(web, config).catch(async (error: unknown) => {
    await Promise.all([limits.close(), topics.close(), inspector.close()]);
    throw error;
  });
  // A connection that cannot be taken (no more file descriptors, say) is no reason to end the others.
  server.on("error", (error) => log("error", "connection refused", { code: "PROCESSING_ERROR", error }));

  return {
    url,
    models: models.list,
    get producing() {
      return sluice.runs.producing;
    },
    reload: web.reload,
    async close(deadline) {
      web.leave();
      await Promise.all([sluice.drain(deadline), conversations.drain(deadline)]);
      await web.close();
      await Promise.all([limits.close(), topics.close(), inspector.close()]);
    },
  };
}

// Whoever asks after the server itself is to be told also when it is full.
const ALWAYS: ReadonlySet<string> = new Set(["/health", "/ready", "/metrics"]);
// Where keys are tried.
const LOGINS: ReadonlySet<string> = new Set(["/session", "/inspector/session"]);

type Middleware = (req: NodeRequest, res: NodeResponse, next: () => void) => void;

function corsOf(origins: readonly string[]): Middleware {
  if (origins.length === 0) return (_req, _res, next) => next();
  return cors({
    origin: [...origins],
    methods: ["GET", "POST", "PATCH", "DELETE"],
    allowedHeaders: ["Content-Type", "Last-Event-ID", "Authorization", "Idempotency-Key"],
    exposedHeaders: ["Location", "Retry-After", "Sluice-Run-Id", "Sluice-Heartbeat-Ms", "Sluice-Owner-Token"],
    maxAge: 600,
  });
}

// Connections that wait to be taken, as far as the system allows (4,096 on Linux). With Node's 511, a thousand clients
// that come at once are reset, or wait for a second or three.
const BACKLOG = 4_096;

function listen({ server, scheme }: WebServer, { host, port }: Pick<Config, "host" | "port">): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, BACKLOG, () => {
      server.removeListener("error", reject);
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : port;
      resolve(`${scheme}://${reachable(host)}:${bound}`);
    });
  });
}

// Browsers open no address that stands for all.
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
