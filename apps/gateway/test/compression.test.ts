import { expect, it } from "vitest";
import { bearer, question, site, type Env } from "./support.ts";

const GZIP = { "accept-encoding": "gzip, deflate, br" };

it.each([
  [{}, "gzip"],
  [{ SLUICE_COMPRESSION: "off" }, undefined],
] as const)("with %j streams go out in %s to a client that takes gzip", async (env: Env, encoding) => {
  const at = await site(env);
  const { headers } = await at.ask({ headers: GZIP, body: question() });
  expect([headers["content-encoding"], headers["vary"]]).toEqual([encoding, "Accept-Encoding"]);
});

it("what is no stream is not compressed", async () => {
  const at = await site();
  const { headers, json } = await at.ask({ at: "POST /generate", headers: GZIP, body: question() });
  expect(headers["content-encoding"]).toBeUndefined();
  expect(json["status"]).toBe("finished");
});

it("a page of another origin is told by one Vary of both that it depends on", async () => {
  const at = await site({
    SLUICE_API_KEYS: "alice:key1",
    SLUICE_CORS_ORIGINS: "https://app.example.com,https://b.test",
  });
  const headers = { ...GZIP, ...bearer("key1"), origin: "https://app.example.com" };
  const answer = await fetch(`${at.url}/stream`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(question()),
  });
  expect(answer.headers.get("vary")).toBe("Origin, Accept-Encoding");
  expect(answer.headers.get("content-encoding")).toBe("gzip");
  expect(await answer.text()).toContain("event: done");
});
