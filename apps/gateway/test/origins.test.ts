import { describe, expect, it } from "vitest";
import { bearer, openStream, question, runIdOf, runsOf, site } from "./support.ts";

const ORIGIN = "https://app.test";
const ENV = { SLUICE_API_KEYS: "alice:key1", SLUICE_CORS_ORIGINS: `${ORIGIN},http://localhost:5173` };
const PREFLIGHT = {
  origin: ORIGIN,
  "access-control-request-method": "POST",
  "access-control-request-headers": "authorization,content-type,idempotency-key",
};
const words = (text: string | undefined): string[] => (text ?? "").split(/, ?/).map((word) => word.toLowerCase());

describe("CORS", () => {
  it("are answered without a word of CORS by default", async () => {
    const at = await site({ SLUICE_API_KEYS: "alice:key1" });
    const preflight = await at.ask({ at: "OPTIONS /stream", headers: PREFLIGHT });
    expect([preflight.status, preflight.headers.allow]).toEqual([405, "POST, GET"]);
    const answer = await at.ask({ headers: { origin: ORIGIN, authorization: "Bearer key1" }, body: question() });
    const names = [...Object.keys(preflight.headers), ...Object.keys(answer.headers)];
    expect(names.filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  it("that are named may send what a client needs to start, resume and stop", async () => {
    const at = await site(ENV);
    for (const path of ["/stream", "/runs/x/events", "/runs/x/stop"]) {
      const { status, headers } = await at.ask({ at: `OPTIONS ${path}`, headers: PREFLIGHT });
      expect([status, headers["access-control-allow-origin"]]).toEqual([204, ORIGIN]);
      expect(words(headers["access-control-allow-headers"])).toEqual(
        expect.arrayContaining(["content-type", "last-event-id", "authorization", "idempotency-key"]),
      );
      expect(words(headers["access-control-allow-methods"])).toEqual(["get", "post", "patch", "delete"]);
      expect(headers["access-control-allow-credentials"]).toBeUndefined();
    }
  });

  it("that are named read a stream with a key, and the headers that they need", async () => {
    const at = await site(ENV);
    const headers = { origin: ORIGIN, "sec-fetch-site": "cross-site", authorization: "Bearer key1" };
    const stream = await openStream(at.url, { headers, body: question() });
    expect(stream.message.headers["access-control-allow-origin"]).toBe(ORIGIN);
    expect(stream.message.headers["access-control-allow-credentials"]).toBeUndefined();
    expect(words(stream.message.headers["access-control-expose-headers"])).toEqual(
      expect.arrayContaining(["location", "retry-after", "sluice-run-id", "sluice-heartbeat-ms", "sluice-owner-token"]),
    );
    expect((await stream.rest()).events.at(-1)?.event).toBe("done");
    const refused = await at.ask({ at: "GET /runs", headers: { ...headers, authorization: "Bearer wrong" } });
    expect([refused.status, refused.headers["access-control-allow-origin"]]).toEqual([401, ORIGIN]);
  });

  it("that are not named get no permission", async () => {
    const at = await site(ENV);
    for (const origin of [
      "https://evil.com",
      "https://app.test.evil.com",
      "http://app.test",
      "https://app.test:8443",
      "null",
    ]) {
      const { headers } = await at.ask({ at: "OPTIONS /stream", headers: { ...PREFLIGHT, origin } });
      expect(headers["access-control-allow-origin"]).toBeUndefined();
    }
  });

  it("cannot use the cookie, named or not", async () => {
    const at = await site(ENV);
    const { cookie = "" } = await at.ask({ at: "POST /session", body: { key: "key1" } });
    expect((await at.ask({ at: "GET /runs", headers: { cookie } })).status).toBe(200);
    for (const [origin, status] of [
      [ORIGIN, 401],
      ["https://evil.com", 403],
    ] as const) {
      for (const how of [{}, { "sec-fetch-site": "cross-site" }]) {
        expect((await at.ask({ at: "GET /runs", headers: { cookie, origin, ...how } })).status).toBe(status);
        expect((await at.ask({ headers: { cookie, origin, ...how }, body: question() })).status).toBe(status);
      }
    }
  });

  it("that are named keep a token instead of a cookie, where nobody needs a key", async () => {
    const at = await site({ SLUICE_CORS_ORIGINS: ORIGIN });
    const headers = { origin: ORIGIN, "sec-fetch-site": "cross-site" };
    const first = await at.ask({ headers, body: question() });
    expect([first.status, first.cookie]).toEqual([200, undefined]);
    const authorization = `Bearer ${String(first.headers["sluice-owner-token"])}`;
    const runs = await at.ask({ at: "GET /runs", headers: { ...headers, authorization } });
    expect(runs.json["runs"]).toMatchObject([{ id: first.headers["sluice-run-id"] }]);
  });
});

describe("pages of other origins", () => {
  const FOREIGN: Readonly<Record<string, Record<string, string>>> = {
    "of another site": { "sec-fetch-site": "cross-site" },
    "of the same site": { "sec-fetch-site": "same-site", origin: "http://localhost:5173" },
    "whose Origin differs": { origin: "https://evil.com" },
    "without an origin": { origin: "null" },
    "on another port": { origin: "http://127.0.0.1:1" },
  };
  for (const [what, headers] of Object.entries(FOREIGN)) {
    it(`${what} start and read nothing, with a cookie or without`, async () => {
      const at = await site();
      const mine = await at.ask({ body: question() });
      const cookie = mine.cookie ?? "";
      for (const known of [{}, { cookie }]) {
        // What a form can send without being asked for permission.
        const text = { ...headers, ...known, "content-type": "text/plain" };
        const payload = encodeURIComponent(JSON.stringify(question()));
        const answers = await Promise.all([
          at.ask({ headers: text, body: JSON.stringify(question()) }),
          at.ask({ at: "POST /generate", headers: text, body: JSON.stringify(question()) }),
          at.ask({ at: `GET /stream?payload=${payload}`, headers: { ...headers, ...known } }),
          at.ask({ at: "GET /runs", headers: { ...headers, ...known } }),
          at.ask({ at: `GET /runs/${runIdOf(mine)}`, headers: { ...headers, ...known } }),
          at.ask({ at: `POST /runs/${runIdOf(mine)}/stop`, headers: text }),
        ]);
        for (const answer of answers) {
          expect([answer.status, answer.code, answer.cookie]).toEqual([403, "request/refused-origin", undefined]);
          expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
        }
      }
      expect(at.gateway.producing).toBe(0);
      expect(await runsOf(at, { cookie })).toEqual([runIdOf(mine)]);
    });
  }

  it("start nothing by a link either, also where the browser says no more than what it wants", async () => {
    const at = await site({ SLUICE_ALLOW_ANONYMOUS: "1" });
    const path = `GET /stream?payload=${encodeURIComponent(JSON.stringify(question()))}`;
    for (const headers of [
      { accept: "text/html,*/*;q=0.8" },
      { "sec-fetch-site": "none", "sec-fetch-mode": "navigate" },
    ]) {
      expect((await at.ask({ at: path, headers })).code).toBe("request/refused-origin");
    }
    expect((await at.ask({ at: path, headers: { accept: "text/event-stream" } })).status).toBe(200);
  });

  it("may ask with a key: nobody else's page has it", async () => {
    const at = await site({ SLUICE_API_KEYS: "alice:key1" });
    const headers = { ...bearer("key1"), "sec-fetch-site": "cross-site", origin: "https://elsewhere.test" };
    expect((await at.ask({ headers, body: question() })).status).toBe(200);
  });

  it("of the gateway itself are no others", async () => {
    const at = await site();
    const own = [{ "sec-fetch-site": "same-origin" }, { origin: at.url }, { "sec-fetch-site": "none" }];
    for (const headers of [...own, { origin: "http://LocalHost:80", host: "localhost" }]) {
      expect((await at.ask({ headers, body: question() })).status).toBe(200);
    }
  });
});
