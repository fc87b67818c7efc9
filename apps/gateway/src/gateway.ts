import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import cors from "cors";
import { createSluice, type Logger } from "sluice/http";
import type { LogStore } from "sluice/log";
import type { Config } from "./config.ts";
import { GRAPHS, createAnswer } from "./graphs.ts";
import { createModels, type Models } from "./models.ts";
import { createOwnerTokens } from "./owner-tokens.ts";
import { createOwners } from "./owners.ts";
import { createPages } from "./pages.ts";
import { keptSecret } from "./secret.ts";
import { sessionRoute } from "./session.ts";

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
  /**
   * No new runs from now on; resolves when those that run have ended and their readers have everything. When the
   * signal fires first, what is left ends with `error`, code `run/shutdown`.
   */
  close(deadline: AbortSignal): Promise<void>;
}

// The same place from src/ and from dist/.
const STUDIO = fileURLToPath(new URL("../../studio/dist", import.meta.url));

// Readers get their terminal within this after the last run has ended, or are cut off.
const LAST_FRAMES_MS = 2_000;
const POLL_MS = 50;

export async function startGateway(config: Config, options: GatewayOptions): Promise<Gateway> {
  const { store, log } = options;
  const tokens = createOwnerTokens(config.secret ?? (await keptSecret(store)));
  const owners = createOwners(config, tokens);
  const models = createModels(config);
  const sluice = createSluice({
    store,
    log,
    leaseMs: config.leaseMs,
    authorize: owners.authorize,
    answer: createAnswer(models),
    registry: () => ({ graphs: GRAPHS, models: models.list }),
    routes: [sessionRoute(owners)],
  });
  const pages = createPages(options.pages ?? STUDIO, { welcome: owners.welcome });
  const allowOrigins = corsOf(config.corsOrigins);

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      if (!(await pages(req, res))) await sluice.handleNode(req, res);
    } catch (error) {
      log("error", "request failed", { code: "PROCESSING_ERROR", error });
      res.destroy();
    }
  }

  const server = createServer((req, res) => {
    res.setHeader("X-Content-Type-Options", "nosniff");
    allowOrigins(req, res, () => void answer(req, res));
  });
  const url = await listen(server, config);
  // A connection that cannot be taken (no more file descriptors, say) is no reason to end the others.
  server.on("error", (error) => log("error", "connection refused", { code: "PROCESSING_ERROR", error }));

  return {
    url,
    models: models.list,
    get producing() {
      return sluice.runs.producing;
    },
    async close(deadline) {
      await sluice.drain(deadline);
      await closeServer(server);
    },
  };
}

type Middleware = (req: IncomingMessage, res: ServerResponse, next: () => void) => void;

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

function listen(server: Server, { host, port }: Pick<Config, "host" | "port">): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.removeListener("error", reject);
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : port;
      resolve(`http://${reachable(host)}:${bound}`);
    });
  });
}

// Browsers open no address that stands for all.
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection that was kept alive becomes idle when its last answer ends.
  const idle = setInterval(() => server.closeIdleConnections(), POLL_MS);
  const last = setTimeout(() => server.closeAllConnections(), LAST_FRAMES_MS);
  await closed;
  clearInterval(idle);
  clearTimeout(last);
}
