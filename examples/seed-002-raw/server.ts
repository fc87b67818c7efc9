import { createServer, type Server } from "node:http";
import { toNodeHandler, type WebHandler } from "sluice/http";
import * as answers from "./app/api/answers/[[...path]]/route.ts";
import * as raw from "./app/api/stream/route.ts";

/** Serves the two routes as a framework would. */
export const server: Server = createServer(
  toNodeHandler((request) => {
    const { pathname } = new URL(request.url);
    const routes: Readonly<Record<string, WebHandler>> = pathname === "/api/stream" ? { POST: raw.POST } : answers;
    return routes[request.method]?.(request) ?? new Response(null, { status: 405 });
  }),
);
