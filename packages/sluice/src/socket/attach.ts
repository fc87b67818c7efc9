import type { IncomingMessage, Server as HttpServer } from "node:http";
import type { Http2SecureServer } from "node:http2";
import type { Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { SluiceError } from "../base/errors.ts";
import { whenAborted } from "../base/abort.ts";
import { SOCKET_PROTOCOL } from "../client/socket-messages.ts";
import type { NodeRequest, NodeResponse } from "../http/index.ts";
import type { Release } from "../http/limits.ts";
import { startConversation, type Conversation } from "./conversation.ts";
import { createHandBack } from "./hand-back.ts";
import { createPages } from "./pages.ts";
import { breach } from "./refusals.ts";
import { settingsOf } from "./settings.ts";
import type { SocketConversationOptions } from "./types.ts";
import { callerOf, checkProtocols, isWebSocket, refuseUpgrade, socketRequestOf } from "./upgrade.ts";

/** What `attachSocketConversation` can be attached to. Over HTTP/2 there are no sockets: their clients use HTTP/1.1. */
export type UpgradingServer = HttpServer | HttpsServer | Http2SecureServer;

export interface SocketConversations {
  /** Conversations on this node. */
  readonly open: number;
  /**
   * Answers `GET <path>`, which tells a page why it gets no socket, and `GET <path>/worklet.js`. To be asked before
   * your own routes; false when the request is for others.
   */
  handleRequest(req: NodeRequest, res: NodeResponse): Promise<boolean>;
  /**
   * No conversation and no talk from now on; who is in none is told to come back (code 1012). Resolves when the last
   * one is over. When the signal fires first, answers that go on end with `run/shutdown`.
   */
  drain(deadline: AbortSignal): Promise<void>;
}

/**
 * Lets people talk with what your handler is, over a WebSocket: PROTOCOL.md section 12. Needs the package `ws`.
 * Requests for other upgrades are left to others who listen, and answered as plain requests where there are none.
 * @throws SluiceError `option/invalid`
 */
export function attachSocketConversation(
  server: UpgradingServer,
  options: SocketConversationOptions,
): SocketConversations {
  const settings = settingsOf(options);
  const { path, admit, maxConversations, maxPerOwner, maxMessageBytes, log } = settings;
  const handBack = createHandBack(server);
  const conversations = new Set<Conversation>();
  /** Those whose caller is still being looked at. */
  const arriving = new Set<Duplex>();
  const owners = new Map<string, number>();
  const replyHeaders = new WeakMap<IncomingMessage, Readonly<Record<string, string>>>();
  let seats = 0;
  let draining = false;

  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: maxMessageBytes,
    // Speech is compressed already, and contexts would cost 300 KB a connection.
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(SOCKET_PROTOCOL) ? SOCKET_PROTOCOL : false),
  });
  sockets.on("headers", (lines, req) => {
    for (const [name, value] of Object.entries(replyHeaders.get(req) ?? {})) lines.push(`${name}: ${value}`);
  });
  sockets.on("wsClientError", (error, socket, req) => {
    refuseUpgrade(breach(`This is no handshake of a WebSocket: ${error.message}.`), socket, refusal(req));
  });
  server.on("upgrade", (req: IncomingMessage, socket: Duplex, head: Buffer) => void upgrade(req, socket, head));

  const refusal = (req: IncomingMessage): { request: ReturnType<typeof socketRequestOf>; log: typeof log } => ({
    request: socketRequestOf(req),
    log,
  });

  async function upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const request = socketRequestOf(req);
    const isOurs = isWebSocket(req) && request.location.pathname === path;
    if (!isOurs && server.listenerCount("upgrade") > 1) return;
    if (isAnswering(socket)) {
      socket.destroy();
      return;
    }
    if (!isOurs) {
      handBack(req, socket, head);
      return;
    }
    // A socket without a listener for errors takes the process with it; who has left is noticed below.
    const ignore = (): void => {};
    socket.on("error", ignore);
    arriving.add(socket);
    let leave: Release;
    try {
      checkProtocols(request);
      const { owner, headers } = await callerOf(settings, request, req);
      leave = await takeSeat(owner);
      if (socket.destroyed) {
        leave();
        return;
      }
      replyHeaders.set(req, checkedHeaders(headers));
      socket.removeListener("error", ignore);
      // Calls back at once, or says `wsClientError`.
      sockets.handleUpgrade(req, socket, head, (opened) => begin(opened, owner, leave));
      if (socket.destroyed || socket.writableEnded) leave();
    } catch (error) {
      leave?.();
      refuseUpgrade(error, socket, { request, log });
    } finally {
      arriving.delete(socket);
    }
  }

  function begin(socket: WebSocket, owner: string, leave: Release): void {
    const conversation = startConversation(socket, { settings, owner });
    conversations.add(conversation);
    void conversation.closed.then(() => {
      conversations.delete(conversation);
      leave?.();
    });
    if (draining) conversation.drain();
  }

  /** @throws SluiceError when there is none; what `admit` throws */
  async function takeSeat(owner: string): Promise<() => void> {
    if (draining) throw new SluiceError("run/draining", "This server is shutting down.");
    const mine = owners.get(owner) ?? 0;
    if (mine >= maxPerOwner) {
      throw new SluiceError("request/too-many-streams", "You have as many conversations open as you can have.", {
        details: { retryAfterMs: 5_000 },
      });
    }
    if (seats >= maxConversations) {
      throw new SluiceError("request/too-many-connections", "This server has as many conversations as it can have.", {
        details: { retryAfterMs: 2_000 },
      });
    }
    seats += 1;
    owners.set(owner, mine + 1);
    let left = false;
    let release: Release;
    const leave = (): void => {
      if (left) return;
      left = true;
      seats -= 1;
      const rest = (owners.get(owner) ?? 1) - 1;
      if (rest > 0) owners.set(owner, rest);
      else owners.delete(owner);
      release?.();
    };
    try {
      release = await admit?.(owner, "connect");
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  }

  return {
    get open() {
      return conversations.size;
    },
    handleRequest: createPages(settings, takeSeat),
    async drain(deadline) {
      draining = true;
      for (const conversation of conversations) conversation.drain();
      const waiting = whenAborted(deadline);
      void waiting.promise.then(() => {
        for (const socket of arriving) socket.destroy();
        for (const conversation of conversations) conversation.shutDown();
      });
      await Promise.all(Array.from(conversations, ({ closed }) => closed));
      waiting.dispose();
    },
  };
}

/**
 * Whether the answer to a request before this one is still being written: Node does not wait for it, and what is written
 * from here on would be read as a part of it.
 */
function isAnswering(socket: Duplex): boolean {
  // Node's own note on its sockets: the answer that has its turn. There is no public one.
  return "_httpMessage" in socket && Boolean(socket._httpMessage);
}

/** @throws TypeError for headers that cannot be written: a line break would let them say anything */
function checkedHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(new Headers(headers));
}
