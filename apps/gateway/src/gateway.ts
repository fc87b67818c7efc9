import { existsSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import cors from "cors";
import { createSluice, requestOf, type Logger } from "sluice/http";
import { createMemoryLog } from "sluice/log";
import type { Config } from "./config.ts";
import { GRAPHS, createAnswer } from "./graphs.ts";
import { createModels, type Models } from "./models.ts";
import { createOwnerTokens } from "./owner-tokens.ts";
import { createOwners } from "./owners.ts";
import { createPages, type Pages } from "./pages.ts";
import { keptSecret } from "./secret.ts";
import { sessionRoute } from "./session.ts";

export interface Gateway {
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

// Readers get their terminal within this after the last run has ended, or are cut off.
const LAST_FRAMES_MS = 2_000;
const POLL_MS = 50;

export async function startGateway(config: Config, log: Logger): Promise<Gateway> {
  const store = createMemoryLog();
  const tokens = createOwnerTokens(config.secret ?? (await keptSecret(store)));
  const owners = createOwners(config, tokens);
  const models = createModels(config);
  const sluice = createSluice({
    store,
    log,
    authorize: owners.authorize,
    answer: createAnswer(models),
    registry: () => ({ graphs: GRAPHS, models: models.list }),
    routes: [sessionRoute(owners)],
  });
  const directory = fileURLToPath(new URL("../../studio/dist", import.meta.url));
  const pages: Pages = existsSync(directory)
    ? createPages(directory, (req) => owners.welcome(requestOf(req)))
    : async () => false;
  const allowOrigins = corsOf(config.corsOrigins);

  const server = createServer((req, res) => {
    res.setHeader("X-Content-Type-Options", "nosniff");
    allowOrigins(req, res, () => void answer(req, res));
  });

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      if (await pages(req, res)) return;
      await sluice.handleNode(req, res);
    } catch (error) {
      log("error", "request failed", { code: "PROCESSING_ERROR", error });
      res.destroy();
    }
  }

  const url = await listen(server, config);
  return {
    url,
    models: models.list,
    get producing() {
      return sluice.runs.producing;
    },
    async close(deadline) {
      await sluice.drain(deadline);
      await closeServer(server);
      await store[Symbol.asyncDispose]();
    },
  };
}

type Middleware = (req: IncomingMessage, res: ServerResponse, next: () => void) => void;

function corsOf(origins: readonly string[]): Middleware {
  if (origins.length === 0) return (_req, _res, next) => next();
  return cors({
    origin: [...origins],
    methods: ["GET", "POST"],
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
      resolve(`http://${host.includes(":") ? `[${host}]` : host}:${bound}`);
    });
  });
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
