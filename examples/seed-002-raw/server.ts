import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { requestOf } from "sluice/http";
import * as answers from "./app/api/answers/[[...path]]/route.ts";
import * as raw from "./app/api/stream/route.ts";

/** Serves the two routes as a framework would. */
export const server: Server = createServer((req, res) => void answer(req, res));

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { url, method, location } = requestOf(req);
  const leaving = new AbortController();
  res.once("close", () => leaving.abort());
  const headers = Object.entries(req.headers).map(([name, value]): [string, string] => [name, String(value)]);
  const request = new Request(url, { method, headers, signal: leaving.signal });
  const routes: Readonly<Record<string, (request: Request) => Promise<Response>>> =
    location.pathname === "/api/stream" ? { POST: raw.POST } : answers;
  const response = (await routes[method]?.(request)) ?? new Response(null, { status: 405 });
  res.writeHead(response.status, Object.fromEntries(response.headers));
  if (!response.body) return void res.end();
  await pipeline(Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]), res).catch(() => {
    // The reader has left, or the stream was broken off: the pipeline has closed both ends.
  });
}
