import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { attachSocketConversation, type SocketConversationOptions, type SocketConversations } from "sluice/socket";
import { afterEach } from "vitest";
import { WebSocket, type ClientOptions } from "ws";

export const PCM = { mimeType: "audio/pcm", sampleRate: 24_000, channels: 1 };

export interface Place {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  readonly conversations: SocketConversations;
  readonly lines: readonly Line[];
}

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** A server on a free port that serves conversations, and says `plain <method> <url> <body>` to all else. */
export async function place(options: Partial<SocketConversationOptions> = {}): Promise<Place> {
  const lines: Line[] = [];
  const server = createServer((req, res) => {
    void conversations.handleRequest(req, res).then(async (done) => {
      if (done) return;
      let body = "";
      for await (const piece of req) body += String(piece);
      res.end(`plain ${req.method} ${req.url} ${body}`);
    });
  });
  const conversations = attachSocketConversation(server, {
    authorize: (request) => request.headers.get("x-owner") ?? "alice",
    async *handler() {},
    log: (level, message, fields) => void lines.push({ level, message, fields }),
    ...options,
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  closing.push(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    await conversations.drain(AbortSignal.abort());
    server.closeAllConnections();
    await closed;
  });
  return { url: `ws://127.0.0.1:${port}/ws`, port, server, conversations, lines };
}

export interface Down {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A client that does nothing by itself but read. */
export interface Client {
  readonly socket: WebSocket;
  readonly texts: readonly Down[];
  readonly audio: () => Buffer;
  say(type: string, data?: object): void;
  send(...pieces: readonly Uint8Array[]): void;
  /** Opens a talk, says all of it and commits. */
  talk(turn: number, pieces: readonly Uint8Array[], more?: object): void;
  /** The first message of this type (and turn) that has come or comes. */
  until(type: string, turn?: number): Promise<Down>;
  readonly closed: Promise<{ readonly status: number; readonly reason: string }>;
}

export async function open(
  url: string,
  options: ClientOptions & { readonly protocols?: string[] } = {},
): Promise<Client> {
  const { protocols = ["sluice.voice.v1"], ...rest } = options;
  const socket = new WebSocket(url, protocols, rest);
  closing.push(async () => socket.terminate());
  const texts: Down[] = [];
  const audio: Buffer[] = [];
  const waiters: (() => void)[] = [];
  const wake = (): void => waiters.splice(0).forEach((go) => go());
  const closed = new Promise<{ status: number; reason: string }>((resolve) => {
    socket.once("close", (status, reason) => {
      resolve({ status, reason: reason.toString() });
      wake();
    });
  });
  socket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) audio.push(data);
    else texts.push(JSON.parse(data.toString()) as Down);
    wake();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  const client: Client = {
    socket,
    texts,
    audio: () => Buffer.concat(audio),
    closed,
    say: (type, data) => socket.send(JSON.stringify({ type, data })),
    send: (...pieces) => pieces.forEach((piece) => socket.send(piece)),
    talk(turn, pieces, more = {}) {
      client.say("voice:send_chunk", { turn, format: PCM, ...more });
      client.send(...pieces);
      client.say("voice:commit", { turn, chunks: pieces.length, bytes: bytesOf(pieces) });
    },
    async until(type, turn) {
      for (;;) {
        const found = texts.find((text) => text.type === type && (turn === undefined || text.data["turn"] === turn));
        if (found) return found;
        if (socket.readyState === WebSocket.CLOSED) throw new Error(`closed without ${type}: ${JSON.stringify(texts)}`);
        await new Promise<void>((resolve) => waiters.push(resolve));
      }
    },
  };
  await client.until("ready");
  return client;
}

function bytesOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
}

/** PCM that is different everywhere, so that nothing lost, doubled or moved goes unnoticed. */
export function speech(bytes: number, seed = 1): Buffer {
  const audio = Buffer.alloc(bytes);
  for (let at = 0, value = seed; at < bytes; at += 1) {
    value = (value * 1_103_515_245 + 12_345) % 2_147_483_648;
    audio[at] = value >> 16;
  }
  return audio;
}

/** The status and code that a handshake is refused with. */
export async function refusalOf(
  url: string,
  options: ClientOptions & { readonly protocols?: string[] } = {},
): Promise<{ readonly status: number; readonly code: unknown; readonly headers: Readonly<Record<string, unknown>> }> {
  const { protocols = ["sluice.voice.v1"], ...rest } = options;
  const socket = new WebSocket(url, protocols, rest);
  return new Promise((resolve, reject) => {
    socket.once("open", () => {
      socket.terminate();
      reject(new Error("It was let in."));
    });
    socket.on("error", reject);
    socket.once("unexpected-response", (_request, response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      response.on("end", () => {
        const body = JSON.parse(text) as { readonly error: { readonly code: string } };
        resolve({ status: response.statusCode ?? 0, code: body.error.code, headers: response.headers });
      });
    });
  });
}

/** What comes back for these bytes until the server closes the connection. `then` is sent once something has come. */
export function raw(port: number, text: string, then?: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let answer = "";
    if (then !== undefined) socket.once("data", () => socket.write(then));
    socket.setEncoding("latin1").on("data", (piece: string) => (answer += piece));
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
  });
}

export const lines = (...text: readonly string[]): string => text.join("\r\n");
