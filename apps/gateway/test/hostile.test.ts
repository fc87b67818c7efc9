import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { question, raw, site } from "./support.ts";

// An uncaught error or an unhandled rejection in the gateway fails the run of these tests: it shares their process.
const head = (first: string, ...headers: string[]): string => [first, ...headers, "", ""].join("\r\n");
const get = (path: string, ...headers: string[]): string => head(`GET ${path} HTTP/1.1`, "Host: localhost", ...headers);
const statuses = (text: string): string[] =>
  Array.from(text.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => status ?? "");
const CLOSE = "Connection: close";

const ODD: Readonly<Record<string, readonly [bytes: string, status: string | undefined]>> = {
  "a whole URL, as to a proxy": [head("GET http://localhost/health HTTP/1.1", "Host: localhost", CLOSE), "200"],
  "a whole URL of another host": [head("GET http://evil.com/runs HTTP/1.1", "Host: evil.com", CLOSE), "401"],
  "a path that begins with two slashes": [get("//evil.com/runs", CLOSE), "404"],
  "a path with a backslash": [get("/\\evil.com/runs", CLOSE), "404"],
  "a path of nothing but slashes": [get("/".repeat(5000), CLOSE), "404"],
  "a path with broken escapes": [get("/runs/%zz%", CLOSE), "404"],
  "a path with a NUL": [get("/runs/%00", CLOSE), "404"],
  "a path in latin1": [get("/runs/\u00e4\u00ff", CLOSE), "400"],
  "the asterisk": [head("OPTIONS * HTTP/1.1", "Host: localhost", CLOSE), "404"],
  "a tunnel": [head("CONNECT evil.com:443 HTTP/1.1", "Host: evil.com"), undefined],
  "an upgrade nobody offers": [get("/health", "Upgrade: websocket", "Connection: Upgrade, close"), "200"],
  "a method that is none": [head("BREW /stream HTTP/1.1", "Host: localhost"), "400"],
  "a method in small letters": [head("get / HTTP/1.1", "Host: localhost"), "400"],
  "a Host with a blank": [head("GET /health HTTP/1.1", "Host: a b", CLOSE), "200"],
  "a Host that is open brackets": [head("GET /health HTTP/1.1", "Host: [[[[", CLOSE), "200"],
  "a Host that would be a path": [head("GET /nowhere HTTP/1.1", "Host: localhost/health?", CLOSE), "404"],
  "a Host that would swallow the path": [head("GET /nowhere HTTP/1.1", "Host: localhost#", CLOSE), "404"],
  "a cookie with broken escapes": [get("/runs", "Cookie: sluice_owner=%E0%A4%A; =; ;;", CLOSE), "200"],
  "a dialect that is a part of every object": [get("/runs/x/events?dialect=__proto__", CLOSE), "404"],
  "headers of 64 KiB": [get("/health", `X-Large: ${"x".repeat(65_536)}`), "431"],
  "a thousand headers": [get("/health", ...Array.from({ length: 1000 }, (_, n) => `X-${n}: 1`), CLOSE), "200"],
  "two lengths": [
    head("POST /stream HTTP/1.1", "Host: localhost", "Content-Length: 5", "Transfer-Encoding: chunked"),
    "400",
  ],
  "a length that is none": [head("POST /stream HTTP/1.1", "Host: localhost", "Content-Length: -1"), "400"],
  "a chunk that is none": [
    `${head("POST /stream HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked")}zz\r\n`,
    "400",
  ],
  "a line folded into another": [head("GET / HTTP/1.1", "Host: localhost", "X: 1", " Y: 2"), "400"],
  "HTTP/2 without TLS": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"],
  TLS: ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400"],
};

describe("a hostile client", () => {
  for (const [what, [bytes, status]] of Object.entries(ODD)) {
    it(`that sends ${what} is answered ${status ?? "with nothing"}, and the next one as ever`, async () => {
      const at = await site();
      expect(statuses(await raw(at.port, Buffer.from(bytes, "latin1")))).toEqual(status === undefined ? [] : [status]);
      expect((await at.ask({ body: question() })).status).toBe(200);
    });
  }

  it("that sends many requests before it reads gets all answers, in order", async () => {
    const at = await site();
    const paths = Array.from({ length: 400 }, (_, index) => `/${index % 2 === 0 ? "health" : `no-${index}`}`);
    const text = await raw(at.port, paths.map((path) => get(path)).join("") + get("/health", CLOSE));
    expect(statuses(text)).toEqual([...paths.map((path) => (path === "/health" ? "200" : "404")), "200"]);
  });

  it("that sends requests behind one that streams gets them after it", async () => {
    const at = await site();
    const body = JSON.stringify(question());
    const post = head("POST /stream HTTP/1.1", "Host: localhost", `Content-Length: ${Buffer.byteLength(body)}`) + body;
    const text = await raw(at.port, post + post + get("/health", CLOSE));
    expect(statuses(text)).toEqual(["200", "200", "200"]);
    expect(text.match(/event: done/g)).toHaveLength(2);
    expect(text.lastIndexOf("event: done")).toBeLessThan(text.indexOf('{"status":"ok"}'));
  });

  it("that asks before it sends its body is told to go on; whatever else it expects is refused", async () => {
    const at = await site();
    const body = JSON.stringify(question());
    const post = (expects: string): string =>
      head(
        "POST /stream HTTP/1.1",
        "Host: localhost",
        `Expect: ${expects}`,
        CLOSE,
        `Content-Length: ${Buffer.byteLength(body)}`,
      );
    expect(statuses(await raw(at.port, post("100-continue") + body))).toEqual(["100", "200"]);
    expect(statuses(await raw(at.port, post("the impossible") + body))).toEqual(["417"]);
  });

  it("that never ends its headers or its body holds nobody up, and starts nothing", async () => {
    const at = await site();
    const slow = connect(at.port, "127.0.0.1", () => slow.write("GET /health HTTP/1.1\r\nHost: loc"));
    // Told to go on, it sends a part and leaves.
    const post = head("POST /stream HTTP/1.1", "Host: localhost", "Expect: 100-continue", "Content-Length: 99");
    await raw(at.port, `${post}{"message"`, /100 Continue/);
    expect((await at.ask({ body: question() })).status).toBe(200);
    slow.destroy();
    await at.line("code", "reader-left");
    expect(at.lines).toHaveLength(1);
    expect(at.gateway.producing).toBe(0);
  });

  it("that sends more than it may is refused, whether it says so before or not", async () => {
    const at = await site();
    const announced = await at.ask({ headers: { "content-length": String(9 << 20) }, body: "x".repeat(9 << 20) });
    expect([announced.status, announced.code]).toEqual([413, "request/too-large"]);
    const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
    const chunked = head("POST /session HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked", CLOSE);
    expect(statuses(await raw(at.port, `${chunked}${chunk.repeat(17)}0\r\n\r\n`))).toEqual(["413"]);
    expect((await at.ask({ at: "GET /health" })).status).toBe(200);
  });

  it("never sees a stack", async () => {
    const at = await site();
    const calls = [
      { body: "{" },
      { body: question("x", { model: "x" }) },
      { at: "GET /runs?before=x" },
      { at: "GET /runs/x/events?after=x" },
    ];
    for (const call of calls) expect((await at.ask(call)).text).not.toMatch(/\.(?:js|ts):\d+|node_modules/);
  });
});
