import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { connect, type PeerCertificate } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../src/config.ts";
import { readCertificate } from "../src/tls.ts";
import { startCli } from "./cli.ts";
import { makeCertificate, makeDirectory, openSession, type CertificateFiles } from "./secure.ts";
import { question, raw, site, type Env } from "./support.ts";

let certificate: CertificateFiles;
beforeAll(() => {
  certificate = makeCertificate();
});

/** What a client sees that offers these protocols. */
function handshake(
  url: string,
  ALPNProtocols: string[],
): Promise<{ readonly protocol: string | false | null; readonly peer: PeerCertificate }> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: "127.0.0.1",
      port: Number(new URL(url).port),
      ALPNProtocols,
      rejectUnauthorized: false,
    });
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      resolve({ protocol: socket.alpnProtocol, peer: socket.getPeerCertificate() });
      socket.destroy();
    });
  });
}

describe("the certificate's settings", () => {
  const refused = (env: Env): unknown => {
    try {
      const { tls } = parseConfig(env);
      return tls && readCertificate(tls);
    } catch (error) {
      return error;
    }
  };
  const wrong = (field: string, message: RegExp): object => ({
    code: "option/invalid",
    message: expect.stringMatching(message) as string,
    details: { field },
  });

  it("are both set or neither", () => {
    expect(parseConfig({}).tls).toBeUndefined();
    expect(refused({ SLUICE_TLS_CERT: "a" })).toMatchObject(wrong("SLUICE_TLS_KEY", /^SLUICE_TLS_KEY: .*not set/));
    expect(refused({ SLUICE_TLS_KEY: "a" })).toMatchObject(wrong("SLUICE_TLS_CERT", /^SLUICE_TLS_CERT: .*not set/));
  });

  it("name files that can be read, of the right kind, that belong together", () => {
    const { cert, key } = certificate;
    const other = makeCertificate();
    expect(refused(certificate.env)).toMatchObject({ cert: expect.any(Buffer) as Buffer });
    const cases: readonly [Env, string, RegExp][] = [
      [{ SLUICE_TLS_CERT: "/none", SLUICE_TLS_KEY: key }, "SLUICE_TLS_CERT", /\/none cannot be read \(ENOENT\)/],
      [{ SLUICE_TLS_CERT: cert, SLUICE_TLS_KEY: "/" }, "SLUICE_TLS_KEY", /cannot be read \(EISDIR\)/],
      [{ SLUICE_TLS_CERT: key, SLUICE_TLS_KEY: key }, "SLUICE_TLS_CERT", /is not a certificate, in PEM/],
      [{ SLUICE_TLS_CERT: cert, SLUICE_TLS_KEY: cert }, "SLUICE_TLS_KEY", /is not a private key/],
      [{ SLUICE_TLS_CERT: cert, SLUICE_TLS_KEY: other.key }, "SLUICE_TLS_KEY", /is not the key of the certificate/],
    ];
    for (const [env, field, message] of cases) expect(refused(env)).toMatchObject(wrong(field, message));
  });

  it("take no key that has a password", () => {
    const locked = join(makeDirectory(), "key.pem");
    execFileSync("openssl", ["ec", "-in", certificate.key, "-aes128", "-passout", "pass:secret", "-out", locked], {
      stdio: "ignore",
    });
    const error = refused({ SLUICE_TLS_CERT: certificate.cert, SLUICE_TLS_KEY: locked });
    expect(error).toMatchObject(wrong("SLUICE_TLS_KEY", /without a password/));
  });

  it("are looked at before anything listens", async () => {
    const cli = startCli({ ...certificate.env, SLUICE_TLS_KEY: "/none" });
    expect(await cli.ended).toBe(1);
    expect(cli.stderr()).toBe("SLUICE_TLS_KEY: /none cannot be read (ENOENT).\n");
  });
});

describe("a server with a certificate", () => {
  it("speaks HTTP/2 to whom it suits, and HTTP/1.1 to all others", async () => {
    const at = await site(certificate.env);
    expect(at.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const protocols = await Promise.all(
      [["h2", "http/1.1"], ["http/1.1"], ["h2"], []].map(async (offer) => (await handshake(at.url, offer)).protocol),
    );
    expect(protocols).toEqual(["h2", "http/1.1", "h2", false]);
  });

  it("streams on HTTP/1.1 as on HTTP/2, and marks its cookies as Secure on both", async () => {
    const at = await site(certificate.env);
    const ca = certificate.pem();
    const two = await openSession(at.url, { ca }).ask({ body: question() });
    const one = await new Promise<{ cookie: string; text: string }>((resolve, reject) => {
      const call = request(
        at.url,
        { ca, agent: false, method: "POST", path: "/stream", headers: { "content-type": "application/json" } },
        (answer) => {
          let text = "";
          answer.setEncoding("utf8").on("data", (piece: string) => (text += piece));
          answer.once("end", () => resolve({ cookie: String(answer.headers["set-cookie"]), text }));
        },
      );
      call.once("error", reject);
      call.end(JSON.stringify(question()));
    });
    for (const { cookie, text } of [one, { cookie: String(two.headers["set-cookie"]), text: two.text }]) {
      expect(cookie).toMatch(/^sluice_owner=.*; Secure/);
      expect(text).toContain("event: done");
    }
    expect((await openSession(at.url, { ca }).ask({ at: "GET /" })).headers["set-cookie"]).toEqual([
      expect.stringContaining("; Secure"),
    ]);
  });

  it("takes curl's HTTP/2", async () => {
    const at = await site(certificate.env);
    const args = ["-sS", "--http2", "--cacert", certificate.cert, "-H", "Content-Type: application/json", "-d"];
    args.push(JSON.stringify(question()), "-w", "%{http_version} %{http_code}", `${at.url}/stream`);
    const curl = spawn("curl", args);
    let text = "";
    for await (const piece of curl.stdout) text += String(piece);
    expect(text).toContain("event: done");
    expect(text).toMatch(/\n2 200$/);
  });

  it("answers nothing to who speaks without TLS, and goes on", async () => {
    const at = await site(certificate.env);
    expect(await raw(at.port, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")).not.toContain("ok");
    expect((await openSession(at.url, { ca: certificate.pem() }).ask({ at: "GET /health" })).status).toBe(200);
  });
});

describe("a renewed certificate", () => {
  it("is taken on SIGHUP by new connections, unless it is no good; open answers go on", async () => {
    const files = makeCertificate("first.example");
    const cli = startCli({ ...files.env, SLUICE_STORE: "memory:", SLUICE_DRAIN_MS: "1" });
    const url = await cli.printed(/^Sluice is at (https:\/\/\S+)$/m);
    const nameOf = async (): Promise<unknown> => (await handshake(url, ["h2"])).peer.subject.CN;
    expect(await nameOf()).toBe("first.example");
    const open = await openSession(url, { ca: files.pem() }).open({ body: question("words=100000 rate=50") });

    makeCertificate("second.example", join(files.cert, ".."));
    cli.kill("SIGHUP");
    await cli.printed(/certificate reloaded/);
    expect(await nameOf()).toBe("second.example");

    writeFileSync(files.key, "no key");
    cli.kill("SIGHUP");
    await cli.printed(/certificate not reloaded/);
    expect(await nameOf()).toBe("second.example");
    expect(cli.log().at(-1)).toMatchObject({ level: 50, reason: expect.stringMatching(/^SLUICE_TLS_KEY/) as string });
    expect(open.stream.destroyed).toBe(false);
    const rest = open.rest();
    cli.kill("SIGTERM");
    expect(await rest).toMatchObject({ reset: 0, text: expect.stringContaining("run/shutdown") as string });
    expect(await cli.ended).toBe(0);
  });
});
