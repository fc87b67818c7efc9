import { attachSocketConversation, loopback, type SocketConversations, type UpgradingServer } from "sluice/socket";
import type { Logger } from "sluice/http";
import { tooManyConnections, type Connections } from "./connections.ts";
import type { Limits } from "./limits.ts";
import type { Owners } from "./owners.ts";

export interface SocketParts {
  readonly owners: Pick<Owners, "authorize">;
  readonly limits: Pick<Limits, "admit">;
  readonly connections: Connections;
  readonly log: Logger;
  readonly stallMs: number;
}

/**
 * `GET /ws`: conversations with the loopback, for the same owners as all the rest. An open one counts as a stream of its
 * owner, a talk as a start.
 */
export function createConversations(server: UpgradingServer, parts: SocketParts): SocketConversations {
  const { owners, limits, connections, log, stallMs } = parts;
  return attachSocketConversation(server, {
    handler: loopback(),
    log,
    stallMs,
    authorize(request, req) {
      if (connections.isSurplus(req)) throw tooManyConnections();
      return owners.authorize(request, { kind: "start" });
    },
    admit: (owner, action) => limits.admit(owner, action === "connect" ? "read" : "start"),
  });
}
