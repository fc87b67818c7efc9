import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtInDialects } from "../../src/dialects/index.ts";
import { SITES, ask, codeOf, eventsOf, type Site } from "./support.ts";

interface Case {
  readonly path: string;
  readonly init?: RequestInit;
  readonly status: number;
  readonly code: string;
  readonly details?: object;
  readonly message?: RegExp;
}

const json = (body: string, type = "application/json"): RequestInit => ({
  method: "POST",
  headers: { "content-type": type },
  body,
});
const payload = (value: unknown): string => encodeURIComponent(JSON.stringify(value));
const question = { message: { content: "Hello" } };

const names = builtInDialects.map(({ name }) => name);

const CASES: Readonly<Record<string, Case>> = {
  "JSON that is malformed, with its position": {
    path: "/stream",
    init: json('{\n  "message": {"content": }}'),
    status: 400,
    code: "request/malformed-json",
    details: { position: 27, line: 2, column: 26 },
  },
  "JSON that ends early": {
    path: "/stream",
    init: json('{"message"'),
    status: 400,
    code: "request/malformed-json",
    details: { position: 10, line: 1, column: 11 },
  },
  "no body": { path: "/stream", init: { method: "POST" }, status: 400, code: "request/malformed-json" },
  "a body that is no object": {
    path: "/stream",
    init: json("[]"),
    status: 422,
    code: "request/invalid",
    details: { field: "body" },
  },
  "neither message nor messages": {
    path: "/stream",
    init: json("{}"),
    status: 422,
    code: "request/invalid",
    details: { field: "message" },
  },
  "both message and messages": {
    path: "/stream",
    init: json(JSON.stringify({ ...question, messages: [{ role: "user", content: "x" }] })),
    status: 422,
    code: "request/invalid",
    details: { field: "message" },
  },
  "an empty question": {
    path: "/stream",
    init: ask(""),
    status: 422,
    code: "request/invalid",
    details: { field: "message.content" },
  },
  "messages without one of the user's": {
    path: "/stream",
    init: json(JSON.stringify({ messages: [{ role: "assistant", content: "x" }] })),
    status: 422,
    code: "request/invalid",
    details: { field: "messages" },
  },
  "an unknown role, with those there are": {
    path: "/stream",
    init: json(JSON.stringify({ messages: [{ role: "robot", content: "x" }] })),
    status: 422,
    code: "request/invalid",
    details: { field: "messages.0.role", allowed: ["system", "user", "assistant"] },
  },
  "a requestId of the wrong type": {
    path: "/stream",
    init: ask("x", { requestId: 7 }),
    status: 422,
    code: "request/invalid",
    details: { field: "requestId" },
  },
  "a requestId that is too long": {
    path: "/stream",
    init: ask("x", { requestId: "x".repeat(257) }),
    status: 422,
    code: "request/invalid",
    details: { field: "requestId" },
    message: /256/,
  },
  "two different keys": {
    path: "/stream",
    init: ask("x", { requestId: "a" }, { "idempotency-key": "b" }),
    status: 422,
    code: "request/key-mismatch",
    details: { field: "requestId" },
  },
  "a body over 1 MiB": {
    path: "/stream",
    init: ask("x".repeat(1 << 20)),
    status: 413,
    code: "request/too-large",
    details: { field: "body", limit: 1_048_576 },
  },
  "a form": {
    path: "/stream",
    init: json("a=1", "application/x-www-form-urlencoded"),
    status: 415,
    code: "request/unsupported-media-type",
  },
  "an unknown dialect, with those there are": {
    path: "/stream?dialect=klingon",
    init: ask("x"),
    status: 422,
    code: "dialect/unknown",
    details: { field: "dialect", allowed: names },
  },
  "an encoding that there is not": {
    path: "/stream?dialect=update&encoding=gzip",
    init: json(JSON.stringify(question)),
    status: 400,
    code: "request/invalid-parameter",
    details: { field: "encoding", allowed: ["json", "base64", "br+base64"] },
  },
  "ids of a kind that there is not, on GET too": {
    path: `/stream?dialect=update&ids=ulid&payload=${payload(question)}`,
    status: 400,
    code: "request/invalid-parameter",
    details: { field: "ids", allowed: ["offset", "uuid"] },
  },
  "an unknown dialect in Accept": {
    path: "/stream",
    init: ask("x", {}, { accept: 'text/event-stream; profile="klingon"' }),
    status: 422,
    code: "dialect/unknown",
  },
  "GET /stream without payload": {
    path: "/stream",
    status: 400,
    code: "request/missing-payload",
    details: { field: "payload" },
  },
  "GET /stream with a malformed payload": { path: "/stream?payload=%7B", status: 400, code: "request/malformed-json" },
  "GET /stream from another site": {
    path: `/stream?payload=${payload(question)}`,
    init: { headers: { "sec-fetch-site": "cross-site" } },
    status: 403,
    code: "request/refused-origin",
  },
  "a POST with Last-Event-ID and no key": {
    path: "/stream",
    init: ask("x", {}, { "last-event-id": "12" }),
    status: 400,
    code: "request/missing-key",
    details: { field: "requestId" },
  },
  "a POST with Last-Event-ID and a key that started nothing": {
    path: "/stream",
    init: ask("x", { requestId: "never" }, { "last-event-id": "12" }),
    status: 404,
    code: "run/not-found",
  },
  "a path that is none": { path: "/nowhere", status: 404, code: "request/not-found" },
  "a path with a broken escape": { path: "/runs/%E0%A4%A", status: 404, code: "request/not-found" },
  "a run that never was": { path: "/runs/run_0", status: 404, code: "run/not-found" },
  "the events of a run that never was": { path: "/runs/run_0/events", status: 404, code: "run/not-found" },
  "a stop of a run that never was": {
    path: "/runs/run_0/stop",
    init: { method: "POST" },
    status: 404,
    code: "run/not-found",
  },
  "a cancel of a request that never was": {
    path: "/cancel/req",
    init: { method: "POST" },
    status: 404,
    code: "run/not-found",
  },
  "a limit that is none": {
    path: "/runs?limit=0",
    status: 422,
    code: "request/invalid",
    details: { field: "limit" },
    message: /100/,
  },
  "a page that is none": { path: "/runs?before=x", status: 422, code: "request/invalid" },
  "a caller without credentials": {
    path: "/stream",
    init: ask("x", {}, { "x-owner": "nobody" }),
    status: 401,
    code: "auth/required",
  },
};

for (const [kind, start] of Object.entries(SITES)) {
  describe(`bad input over ${kind}`, () => {
    let site: Site;
    beforeAll(async () => {
      site = await start();
    });
    afterAll(() => site.close());

    for (const [name, { path, init, status, code, details, message }] of Object.entries(CASES)) {
      it(`answers ${status} to ${name}, starts nothing and tells it in one log line`, async () => {
        site.lines.length = 0;
        const response = await site.fetch(path, init);
        const body = (await response.json()) as {
          error: { code: string; message: string; traceId: string; details?: object };
        };
        expect([response.status, body.error.code]).toEqual([status, code]);
        expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
        if (details) expect(body.error.details).toEqual(details);
        if (message) expect(body.error.message).toMatch(message);
        expect(JSON.stringify(body)).not.toMatch(/\bat .*\.ts|node_modules/);
        expect(site.lines.map(({ fields }) => [fields["code"], fields["traceId"]])).toEqual([
          [code, body.error.traceId],
        ]);
        expect(site.sluice.runs.producing).toBe(0);
      });
    }

    const METHODS = [
      ["DELETE", "/stream", "POST, GET"],
      ["GET", "/generate", "POST"],
      ["HEAD", "/stream", "POST, GET"],
      ["POST", "/runs", "GET"],
      ["GET", "/runs/x/stop", "POST"],
      ["PUT", "/health", "GET"],
    ] as const;
    for (const [method, path, allow] of METHODS) {
      it(`answers 405 to ${method} ${path}, with Allow: ${allow}`, async () => {
        const response = await site.fetch(path, { method });
        expect([response.status, response.headers.get("allow")]).toEqual([405, allow]);
      });
    }

    it("takes JSON as text/plain, with a charset, and unlabelled", async () => {
      const body = JSON.stringify(question);
      for (const type of ["text/plain;charset=UTF-8", "application/json; charset=utf-8", "application/ld+json", ""]) {
        const response = await site.fetch("/stream", json(body, type));
        expect(response.status).toBe(200);
        expect((await eventsOf(response)).at(-1)?.event).toBe("done");
      }
    });

    it("refuses GET /stream by a link", async () => {
      // `fetch` says itself which mode it has, so the request does not go through it.
      const url = `http://site.test/stream?payload=${payload(question)}`;
      const headers = { "sec-fetch-site": "none", "sec-fetch-mode": "navigate" };
      const response = await site.sluice.handle(new Request(url, { headers }));
      expect([response.status, codeOf(await response.json())]).toEqual([403, "request/refused-origin"]);
    });

    it("asks for credentials before it tells whether a run exists", async () => {
      const response = await site.fetch("/runs/run_0", { headers: { "x-owner": "nobody" } });
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
    });

    it("answers liveness, readiness and what there is", async () => {
      expect(await (await site.fetch("/health")).json()).toEqual({ status: "ok" });
      expect(await (await site.fetch("/ready")).json()).toEqual({ status: "ready" });
      expect(await (await site.fetch("/registry")).json()).toEqual({ dialects: names });
      expect((await site.fetch("/health", { method: "HEAD" })).status).toBe(200);
    });
  });
}
