import { createSecretKey, createHash, createHmac } from "node:crypto";
import { SignJWT } from "jose";
import { createMemoryLog } from "sluice/log";
import { describe, expect, it } from "vitest";
import { FORWARDING } from "../src/loopback.ts";
import { bearer, openStream, question, raw, runIdOf, runsOf, site, type Answer, type Site } from "./support.ts";

const KEYS = "alice:key1,bob:key2";
const cookieFor = async (at: Site, key: string): Promise<string> => {
  const { cookie } = await at.ask({ at: "POST /session", body: { key } });
  return cookie ?? "";
};

describe("keys", () => {
  it("name the owner: each sees its own runs, and a stranger's is the same 404 as one that never was", async () => {
    const at = await site({ SLUICE_API_KEYS: KEYS });
    const id = runIdOf(
      await at.ask({ headers: bearer("key1"), body: question("words=3 rate=max", { requestId: "r" }) }),
    );
    expect(await runsOf(at, bearer("key1"))).toEqual([id]);
    expect(await runsOf(at, bearer("key2"))).toEqual([]);
    for (const path of [`GET /runs/${id}`, `GET /runs/${id}/events`, `POST /runs/${id}/stop`, "POST /cancel/r"]) {
      const never = path.replace(id, "run_0").replace("cancel/r", "cancel/never");
      const [own, strange, none] = await Promise.all([
        at.ask({ at: path, headers: bearer("key1") }),
        at.ask({ at: path, headers: bearer("key2") }),
        at.ask({ at: never, headers: bearer("key2") }),
      ]);
      const shown = ({ status, json }: Answer): unknown => [status, { ...(json["error"] as object), traceId: "" }];
      expect(own?.status).toBe(200);
      expect(shown(strange)).toEqual(shown(none));
      expect([strange.status, strange.code]).toEqual([404, "run/not-found"]);
    }
  });

  it("are needed for everything that belongs to somebody", async () => {
    const at = await site({ SLUICE_API_KEYS: KEYS });
    const paths = [
      "POST /stream",
      "GET /stream?payload={}",
      "POST /generate",
      "GET /runs",
      "GET /runs/x",
      "GET /runs/x/events",
    ];
    for (const path of [...paths, "POST /runs/x/stop", "POST /cancel/x"]) {
      const answer = await at.ask({ at: path });
      expect([path, answer.status, answer.code]).toEqual([path, 401, "auth/required"]);
      expect(answer.headers["www-authenticate"]).toBe("Bearer");
    }
  });

  it("that are none are refused, in whatever form", async () => {
    const at = await site({ SLUICE_API_KEYS: KEYS });
    const cookie = await cookieFor(at, "key1");
    for (const token of [
      "Bearer key3",
      "Bearer key",
      "Bearer key11",
      "Bearer alice",
      "Bearer alice:key1",
      "Bearer",
      "Basic key1",
    ]) {
      expect((await at.ask({ at: "GET /runs", headers: { authorization: token } })).status).toBe(401);
    }
    // A wrong one is not made good by a cookie, but what is meant for a proxy is not looked at.
    expect((await at.ask({ at: "GET /runs", headers: { authorization: "Bearer key3", cookie } })).status).toBe(401);
    expect((await at.ask({ at: "GET /runs", headers: { authorization: "Bearer", cookie } })).status).toBe(401);
    expect((await at.ask({ at: "GET /runs", headers: { authorization: "Basic eA==", cookie } })).status).toBe(200);
  });

  it("beat the cookie", async () => {
    const at = await site({ SLUICE_API_KEYS: KEYS });
    const cookie = await cookieFor(at, "key1");
    const id = runIdOf(await at.ask({ headers: { ...bearer("key2"), cookie }, body: question() }));
    expect(await runsOf(at, bearer("key2"))).toEqual([id]);
    expect(await runsOf(at, { cookie })).toEqual([]);
  });

  it("never name the owner of what the gateway itself keeps in the store", async () => {
    const store = createMemoryLog();
    const at = await site({ SLUICE_API_KEYS: "system:key1,sluice:key2" }, { store });
    expect((await store.list({ owner: "sluice:system", limit: 10 })).logs).toHaveLength(1);
    expect(await runsOf(at, bearer("key1"))).toEqual([]);
    expect(await runsOf(at, bearer("key2"))).toEqual([]);
  });
});

describe("a session", () => {
  it("gives a signed cookie for a key, that scripts cannot read and other sites cannot use", async () => {
    const at = await site({ SLUICE_API_KEYS: KEYS });
    const answer = await at.ask({ at: "POST /session", body: { key: "key1" } });
    expect([answer.status, answer.text, answer.headers["cache-control"]]).toEqual([204, "", "no-store"]);
    const [cookie = ""] = answer.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/^sluice_owner=[\w-]+\.[\w-]+\.[\w-]+; Max-Age=31536000; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(cookie).not.toContain("key1");
    const id = runIdOf(await at.ask({ headers: { cookie: answer.cookie ?? "" }, body: question() }));
    expect(await runsOf(at, bearer("key1"))).toEqual([id]);
  });

  it("does not let its key be guessed from the cookie", async () => {
    const at = await site({ SLUICE_API_KEYS: KEYS });
    const payload = Buffer.from((await cookieFor(at, "key1")).split(".")[1] ?? "", "base64url").toString();
    expect(payload).toContain('"sub":"alice"');
    for (const encoding of ["hex", "base64", "base64url"] as const) {
      expect(payload).not.toContain(createHash("sha256").update("key1").digest(encoding).slice(0, 16));
    }
  });

  it("is Secure behind TLS", async () => {
    const at = await site({ SLUICE_API_KEYS: KEYS });
    const headers = { "x-forwarded-proto": "https, http" };
    const { headers: given } = await at.ask({ at: "POST /session", headers, body: { key: "key1" } });
    expect(given["set-cookie"]?.[0]).toContain("; Secure");
  });

  const WRONG: Readonly<Record<string, readonly [object | string, number, string]>> = {
    "a wrong key": [{ key: "key3" }, 401, "auth/required"],
    "the name of an owner": [{ key: "alice" }, 401, "auth/required"],
    "no key": [{}, 422, "request/invalid"],
    "a key that is no text": [{ key: ["key1"] }, 422, "request/invalid"],
    "no JSON": ["key1", 400, "request/malformed-json"],
  };
  for (const [what, [body, status, code]] of Object.entries(WRONG)) {
    it(`is refused to ${what}, and the log does not tell what was tried`, async () => {
      const at = await site({ SLUICE_API_KEYS: KEYS });
      const answer = await at.ask({ at: "POST /session", body });
      expect([answer.status, answer.code, answer.cookie]).toEqual([status, code, undefined]);
      expect(at.lines).toHaveLength(1);
      expect(at.text()).not.toMatch(/key[13]/);
    });
  }

  it("is refused to pages of other sites", async () => {
    const at = await site({ SLUICE_API_KEYS: KEYS, SLUICE_CORS_ORIGINS: "https://app.test" });
    for (const headers of [
      { "sec-fetch-site": "cross-site" },
      { origin: "https://evil.com" },
      { origin: "https://app.test" },
    ]) {
      const answer = await at.ask({ at: "POST /session", headers, body: { key: "key1" } });
      expect([answer.status, answer.code, answer.cookie]).toEqual([403, "request/refused-origin", undefined]);
    }
  });

  it("cannot be had where no keys are set", async () => {
    const at = await site();
    expect((await at.ask({ at: "POST /session", body: { key: "key1" } })).status).toBe(401);
  });
});

describe("cookies and owner tokens", () => {
  const SECRET = "the secret of this test";
  const key = createSecretKey(createHash("sha256").update(SECRET).digest());
  const sign = (claims: object, audience = "sluice"): Promise<string> =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg: "HS256" }).setAudience(audience).sign(key);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

  it("that were not signed here are worth nothing", async () => {
    const at = await site({ SLUICE_API_KEYS: KEYS, SLUICE_SECRET: SECRET });
    const good = (await cookieFor(at, "key1")).replace("sluice_owner=", "");
    const [, payload = "", signature = ""] = good.split(".");
    const fields = JSON.parse(Buffer.from(payload, "base64url").toString()) as { key: string };
    const header = part({ alg: "HS256" });
    const hmac = (text: string, secret: string | Buffer): string =>
      createHmac("sha256", secret).update(text).digest("base64url");
    const forged = [
      `${part({ alg: "none" })}.${payload}.`,
      `${part({ alg: "none" })}.${payload}.${signature}`,
      `${header}.${part({ ...fields, sub: "bob" })}.${signature}`,
      `${header}.${payload}.${hmac(`${header}.${payload}`, "another secret")}`,
      `${header}.${payload}.${hmac(`${header}.${payload}`, "")}`,
      `${header}.${payload}`,
      good.slice(0, -2),
      "..",
      "",
      await sign({ sub: "bob", key: fields.key }), // alice's key
      await sign({ sub: "alice" }), // given to nobody's key
      await sign({ key: fields.key }),
      await sign({ sub: "alice", key: fields.key }, "somebody else's"),
    ];
    for (const token of forged) {
      expect((await at.ask({ at: "GET /runs", headers: { cookie: `sluice_owner=${token}` } })).status).toBe(401);
      expect((await at.ask({ at: "GET /runs", headers: bearer(token) })).status).toBe(401);
    }
    expect((await at.ask({ at: "GET /runs", headers: { cookie: `sluice_owner=${good}` } })).status).toBe(200);
    expect((await at.ask({ at: "GET /runs", headers: { cookie: `a=b; sluice_owner=${good}; c="d` } })).status).toBe(
      200,
    );
  });

  it("go with the key they were given for", async () => {
    const before = await site({ SLUICE_API_KEYS: KEYS, SLUICE_SECRET: SECRET });
    const cookie = await cookieFor(before, "key1");
    const status = async (keys: string): Promise<number> => {
      const after = await site({ SLUICE_API_KEYS: keys, SLUICE_SECRET: SECRET });
      return (await after.ask({ at: "GET /runs", headers: { cookie } })).status;
    };
    expect(await status("alice:key1,carol:key3")).toBe(200);
    expect(await status("alice:new-key,bob:key2")).toBe(401);
    expect(await status("bob:key1")).toBe(401); // the key is somebody else's now
  });

  it("of anonymous callers go when keys are set, and those of keys when they are taken away", async () => {
    const open = await site({ SLUICE_SECRET: SECRET });
    const { cookie = "", headers } = await open.ask({ body: question() });
    const closed = await site({ SLUICE_SECRET: SECRET, SLUICE_API_KEYS: KEYS });
    expect((await closed.ask({ at: "GET /runs", headers: { cookie } })).status).toBe(401);
    expect((await closed.ask({ at: "GET /runs", headers: bearer(String(headers["sluice-owner-token"])) })).status).toBe(
      401,
    );
    const alice = (await cookieFor(closed, "key1")).replace("sluice_owner=", "");
    expect((await open.ask({ at: "GET /runs", headers: bearer(alice) })).status).toBe(401);
  });
});

describe("anonymous callers", () => {
  const tryOut = (at: Site, headers: Record<string, string>): Promise<Answer> => at.ask({ headers, body: question() });

  it("on this machine become an owner by asking; the cookie and the token both come back to it", async () => {
    const at = await site();
    const first = await tryOut(at, {});
    const token = String(first.headers["sluice-owner-token"]);
    expect(first.headers["set-cookie"]?.[0]).toMatch(/; HttpOnly; SameSite=Lax$/);
    const second = await tryOut(at, { cookie: first.cookie ?? "" });
    const third = await tryOut(at, bearer(token));
    expect([second.cookie, second.headers["sluice-owner-token"], third.cookie]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    const ids = [third, second, first].map(runIdOf);
    expect(await runsOf(at, { cookie: first.cookie ?? "" })).toEqual(ids);
    expect(await runsOf(at, bearer(token))).toEqual(ids);
  });

  it("do not see, read, stop or cancel each other's runs, nor share idempotency keys", async () => {
    const at = await site();
    const body = question("words=5000 rate=5", { requestId: "mine" });
    const stream = await openStream(at.url, { body });
    const { runId } = stream;
    const other = (await tryOut(at, {})).cookie ?? "";
    for (const headers of [{}, { cookie: other }]) {
      for (const path of [
        `GET /runs/${runId}`,
        `GET /runs/${runId}/events`,
        `POST /runs/${runId}/stop`,
        "POST /cancel/mine",
      ]) {
        expect([path, (await at.ask({ at: path, headers })).code]).toEqual([path, "run/not-found"]);
      }
      expect(await runsOf(at, headers)).not.toContain(runId);
    }
    const same = await openStream(at.url, { headers: { cookie: other }, body });
    expect(same.runId).not.toBe(runId);
    const token = String(stream.message.headers["sluice-owner-token"]);
    expect((await at.ask({ at: `POST /runs/${runId}/stop`, headers: bearer(token) })).status).toBeLessThan(300);
    expect((await stream.rest()).events.at(-1)?.data).toContain("abort");
    expect((await at.ask({ at: `GET /runs/${same.runId}`, headers: { cookie: other } })).json["status"]).toBe(
      "running",
    );
  });

  it("are served under every name that this machine has for itself", async () => {
    const at = await site();
    for (const host of [
      "localhost",
      "LOCALHOST:3000",
      "127.0.0.1",
      `127.0.0.1:${at.port}`,
      "127.8.9.10",
      "[::1]",
      "[::1]:3000",
    ]) {
      expect([host, (await tryOut(at, { host })).status]).toEqual([host, 200]);
    }
  });

  it("are not served under a name that somebody else can point here (DNS rebinding)", async () => {
    const at = await site();
    const names = [
      "evil.com",
      "127.0.0.1.evil.com",
      "localhost.evil.com",
      "evil-localhost",
      "127.0.0.1@evil.com",
      "evil.com@127.0.0.1",
    ];
    for (const host of [
      ...names,
      "127.0.0.1/evil.com",
      "10.0.0.1",
      "0.0.0.0",
      "[::2]",
      "[::1",
      "::1",
      "localhost:x",
      "a b",
    ]) {
      const answer = await tryOut(at, { host });
      expect([host, answer.status, answer.cookie]).toEqual([host, 401, undefined]);
      expect([host, (await at.ask({ at: "GET /", headers: { host } })).cookie]).toEqual([host, undefined]);
    }
  });

  it("are not served without a Host", async () => {
    const at = await site();
    expect(await raw(at.port, "GET /runs HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1.1 401 /);
    expect(await raw(at.port, "GET /runs HTTP/1.1\r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1.1 400 /);
    expect(await raw(at.port, "GET /runs HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1.1 401 /);
    const hello = "GET / HTTP/1.0\r\n\r\n";
    expect(await raw(at.port, hello)).not.toMatch(/set-cookie/i);
  });

  it("are not served through a proxy, whichever header tells of it, nor is their cookie good there", async () => {
    const at = await site();
    const { cookie = "", headers } = await tryOut(at, {});
    const token = String(headers["sluice-owner-token"]);
    for (const name of [...FORWARDING, "X-Forwarded-For", "Via"]) {
      for (const known of [{}, { cookie }, bearer(token)]) {
        const answer = await tryOut(at, { ...known, [name]: "127.0.0.1" });
        expect([name, answer.status, answer.cookie]).toEqual([name, 401, undefined]);
      }
      expect((await at.ask({ at: "GET /", headers: { [name]: "127.0.0.1" } })).cookie).toBeUndefined();
    }
  });

  it("are not served where others can connect, unless it is allowed", async () => {
    const at = await site({ HOST: "0.0.0.0" });
    expect(at.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await tryOut(at, {})).status).toBe(401);
    const open = await site({ HOST: "0.0.0.0", SLUICE_ALLOW_ANONYMOUS: "1" });
    const answer = await tryOut(open, { host: "chat.example.com", "x-forwarded-for": "10.0.0.1" });
    expect([answer.status, typeof answer.cookie]).toEqual([200, "string"]);
  });

  it("are not served where keys are set, also when anonymous ones are allowed", async () => {
    const at = await site({ SLUICE_API_KEYS: KEYS, SLUICE_ALLOW_ANONYMOUS: "1" });
    expect((await tryOut(at, {})).status).toBe(401);
  });
});
