import { SluiceError } from "../base/errors.ts";
import { noMeter } from "../base/meter.ts";
import type { NodeRequest, NodeResponse } from "../http/index.ts";
import { refuse } from "../http/reply.ts";
import type { Settings } from "./settings.ts";
import { callerOf, socketRequestOf } from "./upgrade.ts";
import { VOICE_WORKLET } from "./worklet.ts";

/**
 * A page cannot see why its socket was refused, so it asks once more without the upgrade: the answer is the same
 * refusal, or 426. And it gets the module that reads the microphone from here, where no policy forbids it.
 */
export function createPages(
  settings: Settings,
  takeSeat: (owner: string) => Promise<() => void>,
): (req: NodeRequest, res: NodeResponse) => Promise<boolean> {
  const { path, log } = settings;
  return async (req, res) => {
    if (req.method !== "GET" && req.method !== "HEAD") return false;
    const request = socketRequestOf(req);
    const { pathname } = request.location;
    if (pathname === `${path}/worklet.js`) {
      send(req, res, { status: 200, type: "text/javascript; charset=utf-8", body: VOICE_WORKLET, headers: WORKLET });
      return true;
    }
    if (pathname !== path) return false;
    try {
      // `authorize` is given what it is given for an upgrade: over HTTP/2 it is another class with the same fields.
      const { owner } = await callerOf(settings, request, req);
      const leave = await takeSeat(owner);
      leave();
      throw new SluiceError("request/upgrade-required", "Conversations are had over a WebSocket, on HTTP/1.1.");
    } catch (error) {
      const reply = refuse(error, request, { log, meter: noMeter });
      const upgrade = reply.status === 426 ? { upgrade: "websocket" } : {};
      const body = JSON.stringify(reply.kind === "json" ? reply.body : {});
      send(req, res, {
        status: reply.status,
        type: "application/json; charset=utf-8",
        body,
        headers: { ...reply.headers, ...("stream" in res ? {} : upgrade) },
      });
    }
    return true;
  };
}

const WORKLET: Readonly<Record<string, string>> = {
  "cache-control": "no-cache",
  // Loaded by pages of other origins too, where they are allowed to talk.
  "access-control-allow-origin": "*",
  "cross-origin-resource-policy": "cross-origin",
  "x-content-type-options": "nosniff",
};

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

function send(req: NodeRequest, res: NodeResponse, { status, type, body, headers }: Page): void {
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.setHeader("Content-Type", type);
  res.setHeader("Content-Length", Buffer.byteLength(body));
  if (req.method === "HEAD") res.end();
  else res.end(body);
}
