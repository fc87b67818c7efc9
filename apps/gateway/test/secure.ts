import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type ClientSessionOptions } from "node:http2";
import type { IncomingHttpHeaders } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach } from "vitest";
import type { Env } from "./support.ts";

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** The certificate, which signs itself: who trusts it takes it as `ca`. */
  readonly pem: () => Buffer;
  readonly env: Env;
}

const directories: string[] = [];
afterAll(() => directories.splice(0).forEach((directory) => rmSync(directory, { recursive: true })));

export function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "sluice-tls-"));
  directories.push(directory);
  return directory;
}

/** For localhost and 127.0.0.1, into a directory of its own or over what is there. */
export function makeCertificate(name = "localhost", directory: string = makeDirectory()): CertificateFiles {
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  const names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
  const how = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync(
    "openssl",
    ["req", "-x509", ...how, "-keyout", key, "-out", cert, "-subj", `/CN=${name}`, "-addext", names],
    { stdio: "ignore" },
  );
  return { cert, key, pem: () => readFileSync(cert), env: { SLUICE_TLS_CERT: cert, SLUICE_TLS_KEY: key } };
}

export interface Session {
  readonly session: ClientHttp2Session;
  /** Resolves when the answer's head is there; its body is not read. */
  open(call: Call): Promise<Opened>;
  ask(call: Call): Promise<Answered>;
}

export interface Call {
  /** `POST /stream`. */
  readonly at?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

export interface Opened {
  readonly stream: ClientHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly status: number;
  /** Reads what is left. */
  rest(): Promise<Answered>;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** What the stream was closed with; 0 is a clean end. */
  readonly reset: number;
}

const sessions: ClientHttp2Session[] = [];
afterEach(() => sessions.splice(0).forEach((session) => session.destroy()));

/** One connection of HTTP/2, ended after the test. */
export function openSession(url: string, options: ClientSessionOptions & { readonly ca: Buffer }): Session {
  const session = connect(url, options);
  session.on("error", () => {}); // told by its streams
  sessions.push(session);

  const open = ({ at = "POST /stream", headers = {}, body }: Call): Promise<Opened> =>
    new Promise((resolve, reject) => {
      const [method = "", path = ""] = at.split(" ");
      const type = body ? { "content-type": "application/json" } : {};
      const stream = session.request({ ":method": method, ":path": path, ...type, ...headers });
      stream.on("error", reject); // after the head, nobody hears it: `rest` tells
      stream.once("response", (answer) => {
        const status = answer[":status"] ?? 0;
        resolve({ stream, headers: answer, status, rest: () => restOf(stream, { status, headers: answer }) });
      });
      stream.end(body === undefined ? undefined : JSON.stringify(body));
    });

  return {
    session,
    open,
    ask: async (call) => (await open(call)).rest(),
  };
}

function restOf(stream: ClientHttp2Stream, head: Pick<Answered, "status" | "headers">): Promise<Answered> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    stream.on("data", (piece: Buffer) => pieces.push(piece)).resume(); // somebody may have paused it
    const done = (): void =>
      resolve({ ...head, text: Buffer.concat(pieces).toString("utf8"), reset: stream.rstCode ?? 0 });
    if (stream.destroyed) done();
    else stream.once("close", done);
  });
}
