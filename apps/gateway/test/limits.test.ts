import { once } from "node:events";
import { request } from "node:http";
import { constants } from "node:http2";
import { request as secureRequest } from "node:https";
import { connect, type Socket } from "node:net";
import { connect as encrypt } from "node:tls";
import { describe, expect, it } from "vitest";
import { networkOf } from "../src/limits.ts";
import { makeCertificate, openSession } from "./secure.ts";
import { bearer, openStream, question, raw, site, type Answer } from "./support.ts";

const LONG = "words=1000000 rate=50";
const KEYS = { SLUICE_API_KEYS: "alice:key1,bob:key2" };

const told = (answer: Answer): readonly unknown[] => [answer.status, answer.code];
const retryAfter = (answer: Answer): number => Number(answer.headers["retry-after"]);

describe("limits of this gateway", () => {
  it("starts no more runs than SLUICE_MAX_RUNS, and says when to come back", async () => {
    const at = await site({ SLUICE_MAX_RUNS: "1", ...KEYS });
    await openStream(at.url, { body: question(LONG), headers: bearer("key1") });
    const refused = await at.ask({ body: question(LONG), headers: bearer("key2") });
    expect([...told(refused), refused.headers["retry-after"]]).toEqual([503, "run/too-many", "2"]);
    expect(at.gateway.producing).toBe(1);
  });

  it("lets no more readers in than SLUICE_MAX_READERS, nor of one answer than SLUICE_MAX_READERS_PER_RUN", async () => {
    const at = await site({ SLUICE_MAX_READERS: "2", SLUICE_MAX_READERS_PER_RUN: "1", ...KEYS });
    const headers = bearer("key1");
    const first = await openStream(at.url, { body: question(LONG), headers });
    const again = await at.ask({ at: `GET /runs/${first.runId}/events`, headers });
    expect(told(again)).toEqual([503, "run/too-many-readers"]);
    await openStream(at.url, { body: question(LONG), headers });
    expect(told(await at.ask({ body: question(LONG), headers }))).toEqual([503, "run/too-many-readers"]);
    expect(at.gateway.producing).toBe(2);
  });

  it("refuses 2,000 starts at once with 503 and 429, and answers /health meanwhile", async () => {
    const at = await site({
      SLUICE_MAX_RUNS: "12",
      SLUICE_OWNER_STREAMS: "6",
      SLUICE_OWNER_STARTS_PER_MINUTE: "15",
      ...KEYS,
    });
    const statuses = new Map<number, number>();
    const sent = Array.from(
      { length: 2_000 },
      (_, index) =>
        new Promise<void>((resolve, reject) => {
          const headers = { "content-type": "application/json", ...bearer(index % 4 === 0 ? "key2" : "key1") };
          const call = request(`${at.url}/stream`, { method: "POST", agent: false, headers }, (message) => {
            const { statusCode = 0 } = message;
            statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1);
            if (statusCode >= 400 && message.headers["retry-after"] === undefined) reject(new Error("no Retry-After"));
            message.on("error", () => {}); // the site ends with streams that are open
            message.resume();
            resolve();
          });
          call.once("error", reject);
          call.end(JSON.stringify(question(LONG)));
        }),
    );
    const health = at.ask({ at: "GET /health" });
    expect((await health).status).toBe(200);
    await Promise.all(sent);
    expect(new Set(statuses.keys())).toEqual(new Set([200, 429, 503]));
    expect(statuses.get(200)).toBe(12);
    expect(at.gateway.producing).toBe(12);
    expect((await at.ask({ at: "GET /health" })).status).toBe(200);
  }, 60_000);
});

describe("limits of an owner", () => {
  it("has no more streams open than SLUICE_OWNER_STREAMS, and another one when one has ended", async () => {
    const at = await site({ SLUICE_OWNER_STREAMS: "2", ...KEYS });
    const alice = bearer("key1");
    const first = await openStream(at.url, { body: question(LONG), headers: alice });
    await openStream(at.url, { at: `GET /runs/${first.runId}/events`, headers: alice });
    const refused = await at.ask({ body: question(), headers: alice });
    expect([...told(refused), retryAfter(refused)]).toEqual([429, "request/too-many-streams", 5]);
    expect(told(await at.ask({ at: `GET /runs/${first.runId}/events`, headers: alice }))[0]).toBe(429);
    expect((await at.ask({ body: question(), headers: bearer("key2") })).status).toBe(200);
    // What is no stream is answered all the same: a stop above all.
    expect((await at.ask({ at: `POST /runs/${first.runId}/stop`, headers: alice })).status).toBeLessThan(300);
    await first.rest();
    expect((await at.ask({ body: question(), headers: alice })).status).toBe(200);
  });

  it("starts no more runs in a minute than SLUICE_OWNER_STARTS_PER_MINUTE; a key that is taken starts none", async () => {
    const at = await site({ SLUICE_OWNER_STARTS_PER_MINUTE: "2", ...KEYS });
    const headers = bearer("key1");
    const keyed = question("words=3 rate=max", { requestId: "r1" });
    const answers: Answer[] = [];
    for (const body of [keyed, keyed, keyed, question(), question(), keyed])
      answers.push(await at.ask({ body, headers }));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 429, 200]);
    const refused = answers[4] as Answer;
    expect(refused.code).toBe("request/rate-limited");
    expect(retryAfter(refused)).toBeGreaterThan(50);
    expect(retryAfter(refused)).toBeLessThanOrEqual(60);
    expect((await at.ask({ at: "POST /generate", body: question(), headers })).status).toBe(429);
    expect((await at.ask({ body: question(), headers: bearer("key2") })).status).toBe(200);
  });

  it("takes 0 for no limit", async () => {
    const none = Object.fromEntries(
      ["CONNECTIONS", "RUNS", "READERS", "READERS_PER_RUN"].map((name) => [`SLUICE_MAX_${name}`, "0"]),
    );
    const at = await site({
      ...none,
      SLUICE_OWNER_STREAMS: "0",
      SLUICE_OWNER_STARTS_PER_MINUTE: "0",
      SLUICE_OWNER_TELLINGS_PER_MINUTE: "0",
      SLUICE_FAILED_LOGINS_PER_MINUTE: "0",
      ...KEYS,
    });
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => at.ask({ body: question(), headers: bearer("key1") })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const logins = await Promise.all(
      Array.from({ length: 30 }, () => at.ask({ at: "POST /session", body: { key: "no" } })),
    );
    expect(new Set(logins.map(({ status }) => status))).toEqual(new Set([401]));
  });
});

describe("POST /session", () => {
  it("takes no more wrong keys from an address in a minute than allowed, and right ones as often as they come", async () => {
    const at = await site({ SLUICE_FAILED_LOGINS_PER_MINUTE: "3", ...KEYS });
    const login = (key: string): Promise<Answer> => at.ask({ at: "POST /session", body: { key } });
    for (let round = 0; round < 10; round += 1) expect((await login("key1")).status).toBe(204);
    const failed = [await login("x"), await login("y"), await login("z")];
    expect(failed.map(({ status }) => status)).toEqual([401, 401, 401]);
    const refused = await login("key1");
    expect(told(refused)).toEqual([429, "request/rate-limited"]);
    expect(retryAfter(refused)).toBeGreaterThan(50);
    // Whoever has a key is not kept from using it.
    expect((await at.ask({ body: question(), headers: bearer("key1") })).status).toBe(200);
  });

  it("believes no header about the address", async () => {
    const at = await site({ SLUICE_FAILED_LOGINS_PER_MINUTE: "1", ...KEYS });
    const login = (from: string): Promise<Answer> =>
      at.ask({
        at: "POST /session",
        body: { key: "no" },
        headers: { "x-forwarded-for": from, forwarded: `for=${from}` },
      });
    expect([(await login("10.0.0.1")).status, (await login("10.0.0.2")).status]).toEqual([401, 429]);
  });

  it("counts guesses that are sent together", async () => {
    const at = await site({ SLUICE_FAILED_LOGINS_PER_MINUTE: "5", ...KEYS });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => at.ask({ at: "POST /session", body: { key: `guess${index}` } })),
    );
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(95);
  });

  it("takes the addresses of one IPv6 network for one", () => {
    expect(networkOf("2001:db8:0:1::1")).toBe(networkOf("2001:db8:0:1:ffff::2"));
    expect(networkOf("2001:db8::1")).toBe("2001:db8:0:0::/64");
    expect(networkOf("2001:db8:0:1::1")).not.toBe(networkOf("2001:db8:0:2::1"));
    expect(networkOf("fe80::1%eth0")).toBe("fe80:0:0:0::/64");
    expect(networkOf("::ffff:192.0.2.1")).toBe("192.0.2.1");
    expect(networkOf("192.0.2.1")).toBe("192.0.2.1");
    expect(networkOf("::1")).toBe("::1");
  });
});

const opened: Socket[] = [];
const hold = async (port: number, count: number): Promise<readonly Socket[]> => {
  const sockets = Array.from({ length: count }, () => connect(port, "127.0.0.1"));
  opened.push(...sockets);
  for (const socket of sockets) socket.on("error", () => {});
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
  return sockets;
};

describe("SLUICE_MAX_CONNECTIONS", () => {
  const head = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;

  it("answers the next one 503 with Retry-After and closes it, and serves those that were there before", async () => {
    const at = await site({ SLUICE_MAX_CONNECTIONS: "3" });
    const [first] = await hold(at.port, 3);
    const refused = await raw(at.port, head("/runs"));
    expect(refused).toMatch(/^HTTP\/1\.1 503 /);
    expect(refused).toMatch(/^retry-after: 2\r$/im);
    expect(refused).toMatch(/^connection: close\r$/im);
    expect(refused).toContain('"code":"request/too-many-connections"');
    const old = new Promise<string>((resolve) => first?.once("data", (piece) => resolve(piece.toString())));
    first?.write(head("/registry"));
    expect(await old).toMatch(/^HTTP\/1\.1 200 /);
    for (const socket of opened.splice(0)) socket.destroy();
  });

  it("answers /health also then, once on each connection", async () => {
    const at = await site({ SLUICE_MAX_CONNECTIONS: "1" });
    await hold(at.port, 1);
    const health = await raw(at.port, head("/health") + head("/health"));
    expect(health.match(/HTTP\/1\.1 200 /g)).toHaveLength(1);
    for (const socket of opened.splice(0)) socket.destroy();
  });

  it("takes a POST's body before it closes, so that its sender reads the refusal", async () => {
    const at = await site({ SLUICE_MAX_CONNECTIONS: "1" });
    await hold(at.port, 1);
    const refused = await at.ask({ body: question("x".repeat(500_000)) });
    expect(told(refused)).toEqual([503, "request/too-many-connections"]);
    for (const socket of opened.splice(0)) socket.destroy();
  });

  it("drops what is beyond the margin, and takes new ones when there is room again", async () => {
    const at = await site({ SLUICE_MAX_CONNECTIONS: "4" });
    await hold(at.port, 4 + 16);
    expect(await raw(at.port, head("/health"))).toBe("");
    for (const socket of opened.splice(0)) socket.destroy();
    let status = 0;
    while (status !== 200) status = (await at.ask({ at: "GET /registry" }).catch(() => undefined))?.status ?? 0;
    expect(status).toBe(200);
  });
});

describe("SLUICE_MAX_CONNECTIONS over TLS", () => {
  it("tells an HTTP/2 client beyond it by GOAWAY, and an HTTP/1.1 client by 503", async () => {
    const certificate = makeCertificate();
    const ca = certificate.pem();
    const at = await site({ ...certificate.env, SLUICE_MAX_CONNECTIONS: "1" });
    const first = openSession(at.url, { ca });
    expect((await first.ask({ at: "GET /health" })).status).toBe(200);
    const second = openSession(at.url, { ca });
    const [code] = (await once(second.session, "goaway")) as [number];
    expect(code).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    // TCP connections are counted: the one that was refused has to have gone.
    if (!second.session.destroyed) await new Promise((resolve) => second.session.once("close", resolve));
    const status = await new Promise((resolve, reject) => {
      const call = secureRequest(`${at.url}/registry`, { agent: false, ca }, (message) => {
        message.resume();
        resolve([message.statusCode, message.headers["retry-after"], message.headers.connection]);
      });
      call.once("error", reject);
      call.end();
    });
    expect(status).toEqual([503, "2", "close"]);
    expect((await first.ask({ at: "GET /registry" })).status).toBe(200);
  });

  it("serves as many as allowed of those that come at once, and refuses the others", async () => {
    const certificate = makeCertificate();
    const at = await site({ ...certificate.env, SLUICE_MAX_CONNECTIONS: "10" });
    const sockets = await hold(at.port, 20);
    const statuses = await Promise.all(
      sockets.map(async (socket) => {
        const encrypted = encrypt({ socket, ca: certificate.pem(), servername: "localhost" });
        encrypted.write("GET /registry HTTP/1.1\r\nHost: localhost\r\n\r\n");
        const [piece] = (await once(encrypted, "data")) as [Buffer];
        return Number(piece.toString().slice("HTTP/1.1 ".length).split(" ")[0]);
      }),
    );
    for (const socket of opened.splice(0)) socket.destroy();
    expect(statuses.filter((status) => status === 200)).toHaveLength(10);
    expect(statuses.filter((status) => status === 503)).toHaveLength(10);
  });

  it("counts wrong keys by the address over HTTP/2 too", async () => {
    const certificate = makeCertificate();
    const at = await site({ ...certificate.env, SLUICE_FAILED_LOGINS_PER_MINUTE: "1", ...KEYS });
    const { ask } = openSession(at.url, { ca: certificate.pem() });
    const statuses = [];
    for (const key of ["key1", "no", "key1"]) {
      statuses.push((await ask({ at: "POST /session", body: { key } })).status);
    }
    expect(statuses).toEqual([204, 401, 429]);
  });
});
