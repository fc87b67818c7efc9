import { once } from "node:events";
import {
  connect as connectHttp2,
  createServer,
  type ClientHttp2Session,
  type Http2Server,
  type ServerHttp2Stream,
} from "node:http2";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createSessions, type Sessions } from "../src/sessions.ts";

let server: Http2Server | undefined;
let sessions: Sessions | undefined;
afterEach(() => {
  sessions?.destroy();
  server?.close();
});

/** A server whose time passes only by `tick`. Its streams are left open. */
async function start(): Promise<{
  readonly port: number;
  readonly sessions: Sessions;
  readonly streams: readonly ServerHttp2Stream[];
}> {
  const created = createSessions();
  const streams: ServerHttp2Stream[] = [];
  server = createServer();
  server.on("session", created.add);
  server.on("stream", (stream) => {
    streams.push(stream);
    stream.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  sessions = created;
  const address = server.address();
  return { port: typeof address === "object" ? (address?.port ?? 0) : 0, sessions: created, streams };
}

async function client(port: number): Promise<ClientHttp2Session> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  await once(session, "remoteSettings");
  return session;
}

/** Time passes, and what the server says of it has been answered. */
async function tick(count: number, at: Sessions, answers: ClientHttp2Session): Promise<void> {
  for (let n = 0; n < count && !answers.destroyed; n += 1) {
    at.tick();
    if (!answers.destroyed) await new Promise<void>((resolve) => answers.ping(() => resolve()) || resolve());
  }
}

describe("the sessions of HTTP/2", () => {
  it("end after a minute without a stream, with a GOAWAY", async () => {
    const { port, sessions: at } = await start();
    const session = await client(port);
    const told = once(session, "goaway");
    const closed = once(session, "close");
    await tick(3, at, session);
    expect(session.closed).toBe(false);
    at.tick();
    expect((await told)[0]).toBe(0);
    await closed;
  });

  it("go on for as long as a stream is open and the client answers", async () => {
    const { port, sessions: at, streams } = await start();
    const session = await client(port);
    const request = session.request({ ":path": "/" });
    await once(server!, "stream");
    streams[0]?.respond();
    await once(request, "response");
    await tick(40, at, session);
    expect([session.closed, request.closed]).toEqual([false, false]);
    request.close();
    session.destroy();
  });

  it("are cut when the client answers no ping for 45 s", async () => {
    const { port, sessions: at, streams } = await start();
    // The preface, SETTINGS, and GET / on stream 1: all that this client ever says.
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.resume();
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    const block = Buffer.from([0x82, 0x86, 0x84, 0x01, 0x01, 0x78]);
    const headers = Buffer.from([0, 0, block.length, 1, 5, 0, 0, 0, 1]);
    socket.write(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings, headers, block]));
    await once(server!, "stream");
    streams[0]?.respond();
    for (let n = 0; n < 3; n += 1) at.tick();
    expect(socket.destroyed || streams[0]?.destroyed).toBe(false);
    const closed = once(socket, "close");
    at.tick();
    await closed;
    expect(streams[0]?.destroyed).toBe(true);
  });

  it("give a request 300 s to arrive; one that is answered meanwhile has all the time", async () => {
    const { port, sessions: at, streams } = await start();
    const session = await client(port);
    const [late, answered] = [1, 2].map(() => session.request({ ":method": "POST", ":path": "/" }));
    for (const request of [late, answered]) request?.on("error", () => {});
    while (streams.length < 2) await once(server!, "stream");
    streams[1]?.respond();
    await tick(20, at, session);
    expect(late?.closed).toBe(false);
    const closed = new Promise<void>((resolve) => late?.once("close", () => resolve()));
    at.tick();
    await closed;
    expect(late?.rstCode).toBe(11);
    expect(answered?.closed).toBe(false);
  });

  it("give no more to a request that was answered to the end before all of it was there", async () => {
    const { port, sessions: at, streams } = await start();
    const session = await client(port);
    const request = session.request({ ":method": "POST", ":path": "/" });
    request.on("error", () => {});
    request.resume();
    request.write("a part");
    await once(server!, "stream");
    const [stream] = streams;
    await once(stream!, "data"); // Node itself closes one of whose body nothing was read
    stream?.respond({ ":status": 413 });
    stream?.end("too large");
    await once(request, "end");
    await tick(20, at, session);
    expect(stream?.closed).toBe(false);
    const closed = once(request, "close");
    at.tick();
    await closed;
    expect(request.rstCode).toBe(0);
  });
});
