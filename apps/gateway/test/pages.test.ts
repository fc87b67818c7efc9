import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { question, raw, site } from "./support.ts";

const INDEX = '<!doctype html><script type="module" src="/assets/index-abc123.js"></script>';
let directory = "";
let pages = "";

function write(file: string, text: string): void {
  mkdirSync(dirname(join(directory, file)), { recursive: true });
  writeFileSync(join(directory, file), text);
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-pages-"));
  pages = join(directory, "dist");
  write("secret.txt", "not for the web");
  write("dist/index.html", INDEX);
  write("dist/assets/index-abc123.js", "console.log(1);");
  write("dist/assets/index-abc123.css", "body {}");
  write("dist/favicon.svg", "<svg/>");
  write("dist/.env", "OPENAI_API_KEY=sk");
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("the web app", () => {
  it("is served under a strict policy, and asked for anew each time", async () => {
    const at = await site({}, { pages });
    for (const path of ["/", "/?thread=1", "/index.html"]) {
      const { status, text, headers } = await at.ask({ at: `GET ${path}` });
      expect([status, text, headers["content-type"]]).toEqual([200, INDEX, "text/html; charset=utf-8"]);
      expect(headers["cache-control"]).toBe("private, no-cache");
      expect(headers["content-security-policy"]).toMatch(/^default-src 'self'; .*frame-ancestors 'none'$/);
      expect(headers["content-security-policy"]).not.toMatch(/unsafe|\*|https?:/);
      expect(headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
      });
    }
  });

  it("may keep its hashed files for ever, with their types", async () => {
    const at = await site({}, { pages });
    const script = await at.ask({ at: "GET /assets/index-abc123.js" });
    expect([script.text, script.headers["content-type"]]).toEqual([
      "console.log(1);",
      "text/javascript; charset=utf-8",
    ]);
    expect(script.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(script.headers["x-content-type-options"]).toBe("nosniff");
    expect((await at.ask({ at: "GET /assets/index-abc123.css" })).headers["content-type"]).toBe(
      "text/css; charset=utf-8",
    );
    const icon = await at.ask({ at: "GET /favicon.svg" });
    expect([icon.headers["content-type"], icon.headers["cache-control"]]).toEqual([
      "image/svg+xml",
      "private, no-cache",
    ]);
  });

  it("answers HEAD with the same headers and no body, and 304 to who has it", async () => {
    const at = await site({ SLUICE_API_KEYS: "alice:key1" }, { pages });
    const whole = await at.ask({ at: "GET /" });
    const head = await at.ask({ at: "HEAD /" });
    expect([head.status, head.text, head.headers["content-length"]]).toEqual([200, "", String(INDEX.length)]);
    expect({ ...head.headers, date: "" }).toEqual({ ...whole.headers, date: "" });
    const known = await at.ask({ at: "GET /", headers: { "if-none-match": `W/"x", ${String(whole.headers.etag)}` } });
    expect([known.status, known.text]).toEqual([304, ""]);
    expect((await at.ask({ at: "GET /", headers: { "if-none-match": '"x"' } })).status).toBe(200);
  });

  it("gives the whole file whatever range is asked for", async () => {
    const at = await site({}, { pages });
    for (const range of ["bytes=5-2", "bytes=0-0", "bytes=-1", "bytes=99999-", "x"]) {
      expect([range, (await at.ask({ at: "GET /", headers: { range } })).text]).toEqual([range, INDEX]);
    }
  });

  it("is nothing but its own files", async () => {
    const at = await site({}, { pages });
    const up = [
      "/../secret.txt",
      "/assets/../../secret.txt",
      "/%2e%2e/secret.txt",
      "/..%2fsecret.txt",
      "/assets/..%5c..%5csecret.txt",
    ];
    const odd = [
      "//secret.txt",
      "/.env",
      "/assets",
      "/assets/",
      "/__proto__",
      "/constructor",
      "/index.html/",
      "/index.html%00",
      "/%",
    ];
    for (const path of [...up, ...odd, "/index", "/favicon.svg/../.env"]) {
      const text = await raw(at.port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      expect([path, text.split("\r\n")[0]]).toEqual([path, "HTTP/1.1 404 Not Found"]);
      expect(text).toContain('"code":"request/not-found"');
    }
    expect((await at.ask({ at: "POST /" })).status).toBe(404);
  });

  it("outlives a build that takes its files away", async () => {
    const at = await site({}, { pages });
    rmSync(pages, { recursive: true });
    expect((await at.ask({ at: "GET /" })).text).toBe(INDEX);
    expect((await at.ask({ at: "GET /assets/index-abc123.js" })).text).toBe("console.log(1);");
  });

  it("hands out the cookie where nobody needs a key, once", async () => {
    const at = await site({}, { pages });
    const first = await at.ask({ at: "GET /" });
    expect(first.headers["set-cookie"]?.[0]).toMatch(/^sluice_owner=.+; HttpOnly; SameSite=Lax$/);
    const headers = { cookie: first.cookie ?? "" };
    expect((await at.ask({ at: "GET /", headers })).cookie).toBeUndefined();
    expect((await at.ask({ headers, body: question() })).cookie).toBeUndefined();
    for (const path of ["GET /index.html", "GET /favicon.svg", "GET /assets/index-abc123.js", "GET /health"]) {
      expect((await at.ask({ at: path })).cookie).toBeUndefined();
    }
    // One that is no longer good is replaced.
    expect((await at.ask({ at: "GET /", headers: { cookie: "sluice_owner=x" } })).cookie).toBeTypeOf("string");
  });

  it("hands out no cookie where keys are set", async () => {
    const at = await site({ SLUICE_API_KEYS: "alice:key1" }, { pages });
    const answer = await at.ask({ at: "GET /" });
    expect([answer.status, answer.cookie]).toEqual([200, undefined]);
  });

  it("that is not built says so, and how to build it; the rest works", async () => {
    const at = await site({}, { pages: join(directory, "nowhere") });
    const { status, text, headers } = await at.ask({ at: "GET /" });
    expect([status, headers["content-type"]]).toEqual([404, "text/plain; charset=utf-8"]);
    expect(text).toContain("npm run build");
    expect(text).not.toContain(directory);
    expect((await at.ask({ body: question() })).status).toBe(200);
  });
});
