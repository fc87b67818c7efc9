import { describe, expect, it } from "vitest";
import { openStream, question, site } from "./support.ts";

// Fewer deltas than a reader may be behind before they are joined.
const QUICK = "words=15 rate=max";
const ENDLESS = "words=100000 rate=50 ttft=0";
const payload = (body: object): string => `GET /stream?payload=${encodeURIComponent(JSON.stringify(body))}`;
const field = (data: string | undefined, name: string): unknown =>
  (JSON.parse(data ?? "{}") as Record<string, unknown>)[name];

describe("a gateway with the demo model", () => {
  it("streams an answer: what came in pieces is what comes whole at the end", async () => {
    const at = await site();
    const stream = await openStream(at.url, {
      headers: { "content-type": "text/plain" },
      body: JSON.stringify(question(QUICK)),
    });
    expect(stream.message.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
      location: `/runs/${stream.runId}/events?dialect=simple`,
    });
    const { events, broken } = await stream.rest();
    const pieces = events.filter(({ event }) => event === "chunk").map(({ data }) => field(data, "content"));
    const whole = events.find(({ event }) => event === "message");
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.join("")).toBe(field(whole?.data, "content"));
    expect([events.at(-1)?.event, broken]).toEqual(["done", false]);
    expect(at.lines).toEqual([]);
  });

  it("resumes an answer on another connection, without loss or repeat", async () => {
    const at = await site();
    const whole = await openStream(at.url, { body: question(QUICK, { requestId: "whole" }) });
    const owner = { authorization: `Bearer ${String(whole.message.headers["sluice-owner-token"])}` };
    const { events } = await whole.rest();
    const location = `GET ${String(whole.message.headers.location)}`;
    for (const index of [0, 7, events.length - 2]) {
      const headers = { ...owner, "last-event-id": events[index]?.id ?? "" };
      const rest = await (await openStream(at.url, { at: location, headers })).rest();
      expect(rest).toEqual({ events: events.slice(index + 1), broken: false });
    }
    const last = { ...owner, "last-event-id": events.at(-1)?.id ?? "" };
    expect((await at.ask({ at: location, headers: last })).status).toBe(204);
    // The same question again, by its key: the same answer, also by POST and from the middle.
    const again = await openStream(at.url, { headers: owner, body: question(QUICK, { requestId: "whole" }) });
    expect([again.runId, (await again.rest()).events]).toEqual([whole.runId, events]);
    const conflict = await at.ask({ headers: owner, body: question("Another?", { requestId: "whole" }) });
    expect([conflict.status, conflict.code]).toEqual([409, "run/request-conflict"]);
  });

  it("answers a bare EventSource, that comes back to the URL it started with, and starts one run", async () => {
    const at = await site();
    const first = await openStream(at.url, { at: payload(question(QUICK)), headers: { accept: "text/event-stream" } });
    const { events } = await first.rest();
    expect(events.map(({ id }) => id?.split("~")[0])).toEqual(events.map(() => first.runId));
    const headers = { cookie: first.message.headers["set-cookie"]?.[0]?.split(";")[0] ?? "" };
    const again = await openStream(at.url, {
      at: payload(question(QUICK)),
      headers: { ...headers, "last-event-id": events[3]?.id ?? "" },
    });
    expect((await again.rest()).events).toEqual(events.slice(4));
    const after = await at.ask({
      at: payload(question(QUICK)),
      headers: { ...headers, "last-event-id": events.at(-1)?.id ?? "" },
    });
    expect(after.status).toBe(204);
    const { json } = await at.ask({ at: "GET /runs", headers });
    expect(json["runs"]).toMatchObject([{ id: first.runId, status: "finished" }]);
  });

  it("answers POST /generate with the whole in one piece", async () => {
    const at = await site();
    const { status, json, headers } = await at.ask({
      at: "POST /generate",
      body: question(QUICK, { requestId: "r1" }),
    });
    expect([status, headers["content-type"]]).toEqual([200, "application/json; charset=utf-8"]);
    expect(json).toMatchObject({
      requestId: "r1",
      runId: headers["sluice-run-id"],
      status: "finished",
      attachments: [],
    });
    expect(json).toMatchObject({ text: expect.stringContaining("demo") as string, metadata: { finishReason: "stop" } });
    expect(json["message"]).toBeTypeOf("object");
  });

  it("stops an answer from another connection, keeps what there is, and says so in one log line", async () => {
    const at = await site();
    const stream = await openStream(at.url, { body: question(ENDLESS, { requestId: "r1" }) });
    const headers = { authorization: `Bearer ${String(stream.message.headers["sluice-owner-token"])}` };
    await stream.until(({ event }) => event === "chunk");
    expect((await at.ask({ at: "POST /cancel/r1", headers })).status).toBeLessThan(203);
    const { events, broken } = await stream.rest();
    expect([broken, field(events.at(-1)?.data, "finishReason")]).toEqual([false, "abort"]);
    expect((await at.ask({ at: `POST /runs/${stream.runId}/stop`, headers })).status).toBe(200);
    const run = await at.ask({ at: `GET /runs/${stream.runId}`, headers });
    expect(run.json).toMatchObject({ status: "aborted", message: { status: "aborted" } });
    await at.line("code", "stopped");
    expect(at.lines).toHaveLength(1);
    expect(at.lines[0]).toMatchObject({ msg: "run interrupted", run: stream.runId, code: "stopped" });
  });

  it("goes on without a reader that leaves, and says so in one log line", async () => {
    const at = await site();
    const stream = await openStream(at.url, { body: question("words=300 rate=200 ttft=0") });
    const headers = { authorization: `Bearer ${String(stream.message.headers["sluice-owner-token"])}` };
    await stream.until(({ event }) => event === "chunk");
    stream.message.destroy();
    const line = await at.line("code", "reader-left");
    expect(line).toMatchObject({ msg: "reader interrupted", run: stream.runId, level: 30 });
    const rest = await openStream(at.url, { at: `GET /runs/${stream.runId}/events`, headers });
    expect((await rest.rest()).events.at(-1)?.event).toBe("done");
    expect(at.lines).toEqual([line]);
  });

  it("ends an answer that fails with an error, and says so in one log line", async () => {
    const at = await site();
    const { text } = await at.ask({ body: question("secret question fail-after=5 rate=max") });
    expect(text).toMatch(/event: error\n/);
    expect(at.lines).toHaveLength(1);
    expect(at.lines[0]).toMatchObject({ msg: "run interrupted", code: expect.stringMatching(/^llm\//) as string });
    expect(at.text()).not.toContain("secret question");
    const generated = await at.ask({ at: "POST /generate", body: question("fail-after=5 rate=max") });
    expect([generated.status, generated.code]).toEqual([502, at.lines[0]?.["code"]]);
  });

  it("tells what it can do and that it is well", async () => {
    const at = await site({ SLUICE_API_KEYS: "alice:key1" });
    expect((await at.ask({ at: "GET /health" })).json).toEqual({ status: "ok" });
    expect((await at.ask({ at: "GET /ready" })).json).toEqual({ status: "ready" });
    expect((await at.ask({ at: "GET /registry" })).json).toMatchObject({
      graphs: ["streaming-chat::1.0.0"],
      models: [{ name: "demo", demo: true }],
      dialects: expect.arrayContaining(["simple", "graph", "ai-sdk"]) as string[],
    });
    expect((await at.ask({ at: "HEAD /health" })).status).toBe(200);
  });

  it("serves an IPv6 loopback as well", async () => {
    const at = await site({ HOST: "::1" });
    expect(at.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await at.ask({ body: question(QUICK) })).status).toBe(200);
  });
});
