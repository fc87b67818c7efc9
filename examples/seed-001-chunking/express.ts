import express, { type Express } from "express";
import { toNodeHandler, type Logger, type WebHandler } from "sluice/http";
import { page } from "./page.ts";
import * as routes from "./routes.ts";

/** All of the document's routes on one server. */
export function createApp(log: Logger = console.log): Express {
  const app = express();
  const get = (path: string, handler: WebHandler): unknown => app.get(path, toNodeHandler(handler, { log }));
  get("/chat/stream", routes.stream);
  get("/chat/context", routes.streamWithContext);
  get("/chat/monitored", (request) => routes.streamWithMonitoring(request, log));
  get("/chat/fallback", (request) => routes.streamWithFallback(request, log));
  get("/chat/resumable", routes.resumableStream);
  get("/test-stream", routes.testStream);
  app.get("/", (_, res) => void res.type("html").send(page));
  return app;
}
