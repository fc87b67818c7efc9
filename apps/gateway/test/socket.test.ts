import { request } from "node:http";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket, type ClientOptions } from "ws";
import { makeCertificate } from "./secure.ts";
import { bearer, raw, site, type Site } from "./support.ts";

const KEYS = { SLUICE_API_KEYS: "alice:key-a,bob:key-b" };
const PCM = { mimeType: "audio/pcm", sampleRate: 24_000, channels: 1 };

const sockets: WebSocket[] = [];
afterEach(() => sockets.splice(0).forEach((socket) => socket.terminate()));

interface Tried {
  /** 101, or that of the refusal. */
  readonly status: number;
  readonly code: unknown;
  readonly socket: WebSocket;
  readonly headers: Readonly<Record<string, unknown>>;
}

type Options = ClientOptions & { readonly protocols?: string[] };

function wsOf(at: Site): string {
  return `${at.url.replace("http", "ws")}/ws`;
}

/** One handshake, as a page or a program makes it. */
function attempt(at: Site, { protocols = ["sluice.voice.v1"], ...options }: Options = {}): Promise<Tried> {
  const socket = new WebSocket(wsOf(at), protocols, options);
  sockets.push(socket);
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.once("upgrade", ({ headers }) => {
      socket.once("open", () => resolve({ status: 101, code: undefined, socket, headers }));
    });
    socket.once("unexpected-response", (_request, response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      response.on("end", () => {
        const { code } = (JSON.parse(text) as { readonly error: { readonly code: string } }).error;
        resolve({ status: response.statusCode ?? 0, code, socket, headers: response.headers });
      });
    });
  });
}

/** Says all of it in one talk; what comes back, with the end's or the error's message last. */
function talk(socket: WebSocket, audio: Buffer): Promise<{ readonly heard: Buffer; readonly last: string }> {
  const heard: Buffer[] = [];
  const done = new Promise<{ heard: Buffer; last: string }>((resolve) => {
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) heard.push(data);
      const text = isBinary ? "" : data.toString();
      if (/"(voice:received_end_of_response_stream|error)"/.test(text))
        resolve({ heard: Buffer.concat(heard), last: text });
    });
  });
  socket.send(JSON.stringify({ type: "voice:send_chunk", data: { turn: 1, format: PCM } }));
  socket.send(audio);
  socket.send(JSON.stringify({ type: "voice:commit", data: { turn: 1, chunks: 1, bytes: audio.byteLength } }));
  return done;
}

const AUDIO = Buffer.from(Array.from({ length: 9_600 }, (_, at) => (at * 7) % 251));

describe("GET /ws of the gateway", () => {
  it("gives back what is said, to whoever asks from this machine without keys", async () => {
    const at = await site();
    const { status, socket, headers } = await attempt(at);
    expect(status).toBe(101);
    expect(headers["sluice-owner-token"]).toBeDefined();
    const { heard, last } = await talk(socket, AUDIO);
    expect(heard.equals(AUDIO)).toBe(true);
    expect(last).toContain('"reason":"finish"');
  });

  it("with keys set asks for one: as a header, among the protocols, or as the cookie that was given for it", async () => {
    const at = await site(KEYS);
    expect(await attempt(at)).toMatchObject({ status: 401, code: "auth/required" });
    expect(await attempt(at, { headers: bearer("wrong") })).toMatchObject({ status: 401 });
    expect(await attempt(at, { headers: bearer("key-a") })).toMatchObject({ status: 101 });
    const named = ["sluice.voice.v1", `bearer.${Buffer.from("key-b").toString("base64url")}`];
    expect(await attempt(at, { protocols: named })).toMatchObject({ status: 101 });
    const { cookie = "" } = await at.ask({ at: "POST /session", body: { key: "key-a" } });
    expect(await attempt(at, { headers: { cookie }, origin: at.url })).toMatchObject({ status: 101 });
  });

  it("takes no cookie from a page of another site, and no page of another site without a key", async () => {
    const at = await site(KEYS);
    const { cookie = "" } = await at.ask({ at: "POST /session", body: { key: "key-a" } });
    for (const origin of ["https://evil.example", "http://127.0.0.1:1", "null", "http://localhost"]) {
      expect({ origin, ...(await attempt(at, { headers: { cookie }, origin })) }).toMatchObject({
        status: 403,
        code: "request/refused-origin",
      });
    }
    expect(await attempt(at, { headers: bearer("key-a"), origin: "https://evil.example" })).toMatchObject({
      status: 101,
    });
    const open = await site();
    expect(await attempt(open, { origin: "https://evil.example" })).toMatchObject({ status: 403 });
  });

  it("takes a page of an origin that is allowed with a key, and not with a cookie", async () => {
    const at = await site({ ...KEYS, SLUICE_CORS_ORIGINS: "https://app.example" });
    const { cookie = "" } = await at.ask({ at: "POST /session", body: { key: "key-a" } });
    expect(await attempt(at, { headers: { cookie }, origin: "https://app.example" })).toMatchObject({ status: 401 });
    expect(await attempt(at, { headers: bearer("key-a"), origin: "https://app.example" })).toMatchObject({
      status: 101,
    });
  });

  it("is not for those behind a proxy where no keys are set", async () => {
    const at = await site();
    expect(await attempt(at, { headers: { "x-forwarded-for": "1.2.3.4" } })).toMatchObject({ status: 401 });
    expect(await attempt(at, { headers: { host: "rebound.example" } })).toMatchObject({ status: 401 });
  });

  it("counts as a stream of its owner until it is closed, and a talk as a start", async () => {
    const at = await site({ ...KEYS, SLUICE_OWNER_STREAMS: "2", SLUICE_OWNER_STARTS_PER_MINUTE: "1" });
    const first = await attempt(at, { headers: bearer("key-a") });
    expect((await talk(first.socket, AUDIO)).last).toContain('"finish"');
    const second = await attempt(at, { headers: bearer("key-a") });
    expect(await attempt(at, { headers: bearer("key-a") })).toMatchObject({
      status: 429,
      code: "request/too-many-streams",
    });
    expect(await attempt(at, { headers: bearer("key-b") })).toMatchObject({ status: 101 });
    first.socket.close();
    await expect.poll(async () => (await attempt(at, { headers: bearer("key-a") })).status).toBe(101);
    expect((await talk(second.socket, AUDIO)).last).toMatch(/request\/(rate-limited|too-many-streams)/);
  });

  it("tells a page why it gets no socket", async () => {
    const at = await site(KEYS);
    expect(await at.ask({ at: "GET /ws" })).toMatchObject({ status: 401, code: "auth/required" });
    expect(await at.ask({ at: "GET /ws", headers: bearer("key-a") })).toMatchObject({
      status: 426,
      code: "request/upgrade-required",
    });
    const worklet = await at.ask({ at: "GET /ws/worklet.js" });
    expect(worklet.headers["content-type"]).toContain("javascript");
  });

  it("is told of the connections that are too many", async () => {
    const at = await site({ SLUICE_MAX_CONNECTIONS: "1" });
    await attempt(at);
    expect(await attempt(at)).toMatchObject({ status: 503, code: "request/too-many-connections" });
  });

  it("answers clients that offer HTTP/2 with each request, as Java's does", async () => {
    const at = await site();
    const body = JSON.stringify({ requestId: "r", message: { content: "words=3 rate=max" } });
    const text = await raw(
      at.port,
      [
        "POST /generate HTTP/1.1",
        `Host: 127.0.0.1:${at.port}`,
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
        "Content-Type: application/json",
        `Content-Length: ${body.length}`,
        "",
        body,
      ].join("\r\n"),
    );
    expect(text).toMatch(/^HTTP\/1\.1 200 [\s\S]*"status":"finished"/);
  });

  it("does not wait for ever for those who offer HTTP/2 and never send their question", async () => {
    const at = await site();
    const head = ["POST /stream HTTP/1.1", "Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: h2c"];
    const socket = connect(at.port, "127.0.0.1");
    socket.on("error", () => {});
    const taken = new Promise((resolve) => socket.once("data", resolve));
    const gone = new Promise((resolve) => socket.once("close", () => resolve("cut")));
    socket.write([...head, "Content-Length: 9", "Expect: 100-continue", "", ""].join("\r\n"));
    await taken;
    await at.close(AbortSignal.abort());
    expect(await gone).toBe("cut");
  });

  it("sends those who are in no talk away when it drains, and refuses the next ones", async () => {
    const at = await site();
    const { socket } = await attempt(at);
    const closed = new Promise((resolve) => socket.once("close", (status) => resolve(status)));
    const ended = at.close(new AbortController().signal);
    expect(await closed).toBe(1012);
    await ended;
  });

  it("is there over TLS too, beside HTTP/2", async () => {
    const certificate = makeCertificate();
    const at = await site({ ...certificate.env, SLUICE_ALLOW_ANONYMOUS: "1" });
    const { socket, status } = await attempt(at, { ca: certificate.pem() });
    expect(status).toBe(101);
    expect((await talk(socket, AUDIO)).heard.equals(AUDIO)).toBe(true);
  });

  it("keeps nothing of a client that asks for an upgrade and leaves", async () => {
    const at = await site();
    for (let round = 0; round < 20; round += 1) {
      const call = request(wsOf(at).replace("ws:", "http:"), {
        agent: false,
        headers: {
          connection: "Upgrade",
          upgrade: "websocket",
          "sec-websocket-version": "13",
          "sec-websocket-key": "A".repeat(22) + "==",
        },
      });
      call.on("error", () => {});
      const gone = new Promise((resolve) => call.once("close", resolve));
      call.flushHeaders();
      call.once("socket", (socket) => socket.once("connect", () => setImmediate(() => call.destroy())));
      await gone;
    }
    // Eight conversations are what an owner has; each anonymous caller is another one, so a key tells.
    expect((await attempt(at)).status).toBe(101);
    expect(at.lines.filter((line) => line["level"] === 50)).toEqual([]);
  });
});
