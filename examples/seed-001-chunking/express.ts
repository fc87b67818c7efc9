import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import express, { type Express, type Request as ExpressRequest, type Response as ExpressResponse } from "express";
import { requestOf, type Logger } from "sluice/http";
import { page } from "./page.ts";
import * as routes from "./routes.ts";

type Handler = (request: Request) => Promise<Response>;

/** All of the document's routes on one server. */
export function createApp(log: Logger = console.log): Express {
  const app = express();
  const get = (path: string, handler: Handler): unknown => app.get(path, (req, res) => answer(req, res, handler));
  get("/chat/stream", routes.stream);
  get("/chat/context", routes.streamWithContext);
  get("/chat/monitored", (request) => routes.streamWithMonitoring(request, log));
  get("/chat/fallback", (request) => routes.streamWithFallback(request, log));
  get("/chat/resumable", routes.resumableStream);
  get("/test-stream", routes.testStream);
  app.get("/", (_, res) => void res.type("html").send(page));
  return app;
}

/** A handler of web requests under Express. It waits for the socket, and breaks off visibly what is not complete. */
async function answer(req: ExpressRequest, res: ExpressResponse, handler: Handler): Promise<void> {
  const { url, method } = requestOf(req);
  const leaving = new AbortController();
  res.once("close", () => leaving.abort());
  const headers = Object.entries(req.headers).map(([name, value]): [string, string] => [name, String(value)]);
  const response = await handler(new Request(url, { method, headers, signal: leaving.signal }));
  res.writeHead(response.status, Object.fromEntries(response.headers));
  if (!response.body) return void res.end();
  await pipeline(Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]), res).catch(() => {
    // The reader has left, or the stream was broken off: the pipeline has closed both ends.
  });
}
