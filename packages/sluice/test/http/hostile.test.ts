import { afterEach, describe, expect, it } from "vitest";
import { createSluice, type Caller, type SluiceOptions } from "../../src/http/index.ts";
import { parseAsk } from "../../src/http/ask.ts";
import { parseJson } from "../../src/http/body.ts";
import { SITES, ask, codeOf, createValve, eventsOf, readUntil, say, type Site } from "./support.ts";

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
const asking = (more: string): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: `{"message":{"content":"Hello"}${more}}`,
});

for (const [kind, start] of Object.entries(SITES)) {
  describe(`somebody hostile over ${kind}`, () => {
    let site: Site;
    afterEach(() => site.close());

    const REFUSED: Readonly<Record<string, readonly [RequestInit, status: number, code: string]>> = {
      "metadata that is too deep to be written again": [
        asking(`,"metadata":{"a":${nested(100_000)}}`),
        422,
        "request/invalid",
      ],
      "settings that are one level too deep": [asking(`,"graphSettings":{"a":${nested(64)}}`), 422, "request/invalid"],
      "a key that would become a prototype": [
        asking(',"metadata":{"a":{"__proto__":{"b":1}}}'),
        422,
        "request/invalid",
      ],
      "a key that would change one": [
        asking(',"metadata":{"constructor":{"prototype":{"b":1}}}'),
        422,
        "request/invalid",
      ],
      "JSON that is malformed below a depth that nothing can go to": [
        { method: "POST", body: "[".repeat(500_000) },
        400,
        "request/malformed-json",
      ],
      "more messages than are taken": [
        { method: "POST", body: `{"messages":[${"0,".repeat(500_000)}0]}` },
        422,
        "request/invalid",
      ],
      "a message of more parts than are taken": [
        { method: "POST", body: `{"messages":[{"role":"user","parts":[${"0,".repeat(500_000)}0]}]}` },
        422,
        "request/invalid",
      ],
    };
    for (const [name, [init, status, code]] of Object.entries(REFUSED)) {
      it(`is answered ${status} to ${name}`, async () => {
        site = await start();
        const response = await site.fetch("/stream", init);
        expect([response.status, codeOf(await response.json())]).toEqual([status, code]);
        expect(site.lines.map(({ level, fields }) => [level, fields["code"]])).toEqual([["info", code]]);
        expect(Object.keys(Object.prototype)).toEqual([]);
      });
    }

    it("may send what is deep where nobody reads it, a BOM and lone surrogates", async () => {
      site = await start();
      const bodies = [
        `{"message":{"content":"Hello"},"unknown":${nested(100_000)}}`,
        '\uFEFF{"message":{"content":"Hello"}}',
        '{"message":{"content":"\\ud800"},"requestId":"\\udc00","metadata":{"a":"\\ud800"}}',
      ];
      for (const body of bodies) {
        const response = await site.fetch("/stream", { method: "POST", body });
        expect((await eventsOf(response)).at(-1)?.event).toBe("done");
        expect((await site.fetch("/runs")).status).toBe(200);
      }
    });

    it("gets no further with a path or a query than anybody else", async () => {
      site = await start();
      const PATHS = ["//evil/health", "/runs/a%2Fb/events", "/runs/%0d%0aX:1", "/runs/__proto__", "/cancel/__proto__"];
      for (const path of PATHS) {
        const method = path.startsWith("/cancel") ? "POST" : "GET";
        expect([path, (await site.fetch(path, { method })).status]).toEqual([path, 404]);
      }
      const twice = await site.fetch("/stream?dialect=graph&dialect=klingon", ask("Hello"));
      expect(twice.headers.get("location")).toContain("dialect=graph");
      await eventsOf(twice);
      const tilde = await site.fetch("/runs/a~b/events", { headers: { "last-event-id": "a~b~11" } });
      expect(tilde.status).toBe(404);
    });

    const NOBODY: Readonly<Record<string, unknown>> = {
      "an empty name": "",
      "an owner without a name": { owner: "", headers: {} },
      null: null,
      "a number": 42,
      "an object without owner": { headers: {} },
    };
    for (const [name, caller] of Object.entries(NOBODY)) {
      it(`is nobody when authorize gives ${name}`, async () => {
        // What JavaScript lets through.
        site = await start({ authorize: () => caller as Caller });
        for (const call of [site.fetch("/runs"), site.fetch("/stream", ask("Hello"))]) {
          expect([(await call).status, codeOf(await (await call).json())]).toEqual([401, "auth/required"]);
        }
        expect(site.sluice.runs.producing).toBe(0);
      });
    }

    const BROKEN: Readonly<Record<string, SluiceOptions["authorize"]>> = {
      throws: () => {
        throw new Error("secret");
      },
      rejects: () => Promise.reject(new Error("secret")),
      "rejects with nothing": () => Promise.reject(undefined as unknown as Error),
      "gives a header with a line break": () => ({ owner: "alice", headers: { "x-a": "secret\r\nset-cookie: b" } }),
      "gives a header that is no latin1": () => ({ owner: "alice", headers: { "x-a": "漢 secret" } }),
    };
    for (const [what, authorize] of Object.entries(BROKEN)) {
      it(`learns nothing and breaks nothing when authorize ${what}`, async () => {
        site = await start({ authorize });
        for (const path of ["/runs", "/stream"]) {
          site.lines.length = 0;
          const response = await site.fetch(path, path === "/stream" ? ask("Hello") : {});
          const text = await response.text();
          expect([response.status, codeOf(JSON.parse(text))]).toEqual([500, "PROCESSING_ERROR"]);
          expect(text + JSON.stringify([...response.headers])).not.toContain("secret");
          const [line, ...more] = site.lines.filter(({ message }) => message === "request refused");
          expect([line?.level, line?.fields["code"], more]).toEqual(["error", "PROCESSING_ERROR", []]);
        }
      });
    }

    it("is answered although the logger throws", async () => {
      site = await start({
        log: () => {
          throw new Error("disk full");
        },
      });
      expect((await site.fetch("/nowhere")).status).toBe(404);
      const response = await site.fetch("/stream", ask("Hello"));
      await readUntil(response, () => true);
      expect((await site.fetch("/health")).status).toBe(200);
    });

    it("stops nothing of somebody else's, by id or by key", async () => {
      const valve = createValve();
      site = await start({ answer: valve.answer });
      const mine = await site.fetch("/stream", ask("Hello", { requestId: "r1" }));
      const id = mine.headers.get("sluice-run-id") ?? "";
      for (const path of [`/runs/${id}/stop`, "/cancel/r1"]) {
        const response = await site.fetch(path, { method: "POST", headers: { "x-owner": "mallory" } });
        expect([response.status, codeOf(await response.json())]).toEqual([404, "run/not-found"]);
      }
      expect((await site.sluice.runs.get(id))?.stopRequested).toBe(false);
      valve.push(...say("a"));
      valve.end();
      expect((await eventsOf(mine)).at(-1)?.data).toBe('{"finishReason":"stop"}');
    });
  });
}

describe("a question", () => {
  it("keeps metadata as it came, 64 levels of it", () => {
    const metadata: unknown = JSON.parse(`{"a":${nested(63)},"constructor":{"name":"x"}}`);
    expect(parseAsk({ message: { content: "x" }, metadata }).metadata).toEqual(metadata);
  });

  it("is refused with the place of the first error only, at once, however many there are", () => {
    const error = (text: string): unknown => {
      try {
        return parseJson(text);
      } catch (cause) {
        return (cause as { readonly details: unknown }).details;
      }
    };
    expect(error(`[\n1, ${",".repeat(1_000_000)}`)).toEqual({ position: 5, line: 2, column: 4 });
    expect(error('"\u0001"')).toMatchObject({ position: 0 });
    expect(error("[".repeat(500_000))).toEqual({});
  });
});

describe("options", () => {
  const authorize = (): string => "alice";

  it("are refused when they would make a busy loop or a broken stream", () => {
    const WRONG: readonly Partial<SluiceOptions>[] = [
      { heartbeatMs: 0 },
      { heartbeatMs: Infinity },
      { heartbeatMs: 2 ** 31 },
      { retryMs: -1 },
      { retryMs: 0.5 },
      { basePath: "/a\r\nb" },
      { basePath: "api/" },
    ];
    for (const options of WRONG) {
      expect(() => createSluice({ authorize, ...options })).toThrow(
        expect.objectContaining({ code: "option/invalid" }),
      );
    }
  });

  it("may name a dialect so that it has to be escaped in an address", async () => {
    const dialect = { name: "a b/ü?", headers: {}, resumes: true, open: () => () => [{ data: "x" }] };
    const sluice = createSluice({ authorize, dialects: [dialect] });
    const run = await sluice.startRun({ owner: "alice" }, async function* () {
      yield "Hi";
    });
    const response = await run.toResponse(new Request("http://site.test/"), { dialect: dialect.name });
    const location = response.headers.get("location") ?? "";
    const again = await sluice.handle(new Request(`http://site.test${location}`));
    expect(await eventsOf(again)).toEqual(await eventsOf(response));
  });
});
