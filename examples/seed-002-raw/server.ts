import { createServer, type Server } from "node:http";
import { toNodeHandler, type WebHandler } from "sluice/http";
import * as answers from "./app/api/answers/[[...path]]/route.ts";
import * as raw from "./app/api/stream/route.ts";
import { chat } from "./chat.ts";

/** Serves the two routes as a framework would, and beside them what the chat of `components/chat.tsx` asks. */
export const server: Server = createServer(
  toNodeHandler((request) => {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith("/api/")) return chat.handle(request);
    const routes: Readonly<Record<string, WebHandler>> = pathname === "/api/stream" ? { POST: raw.POST } : answers;
    return routes[request.method]?.(request) ?? new Response(null, { status: 405 });
  }),
);
