import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createMetrics } from "../src/metrics.ts";
import { parseExposition, type Exposition } from "./exposition.ts";
import { bearer, openStream, question, runIdOf, site, type Site } from "./support.ts";

const KEYS = { SLUICE_API_KEYS: "alice:key1,bob:key2", SLUICE_OPERATOR_KEY: "operator-key" };
const OPERATOR = bearer("operator-key");

async function scrape(at: Site, headers: Record<string, string> = OPERATOR): Promise<Exposition> {
  const answer = await at.ask({ at: "GET /metrics", headers });
  expect([answer.status, answer.headers["content-type"]]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  return parseExposition(answer.text);
}

describe("/metrics", () => {
  it("counts answers that ended well, were stopped and failed, by terminal and code", async () => {
    const at = await site(KEYS);
    const headers = bearer("key1");
    const before = await scrape(at);
    expect(before.value("sluice_runs_started_total")).toBe(0);

    await at.ask({ headers, body: question("words=20 rate=max") });
    await at.ask({ headers, body: question("words=20 rate=max fail-after=5") });
    const stopped = await openStream(at.url, { headers, body: question("words=50 rate=max stall-after=3") });
    await stopped.until(({ event }) => event === "chunk");
    expect((await scrape(at)).value("sluice_runs_active")).toBe(1);
    await at.ask({ at: `POST /runs/${stopped.runId}/stop`, headers });
    expect((await stopped.rest()).broken).toBe(false);

    const after = await scrape(at);
    expect(after.value("sluice_runs_started_total")).toBe(3);
    expect(after.value("sluice_runs_active")).toBe(0);
    expect(after.value("sluice_runs_ended_total", { terminal: "finish", code: "stop" })).toBe(1);
    expect(after.value("sluice_runs_ended_total", { terminal: "error", code: "llm/failed" })).toBe(1);
    expect(after.value("sluice_runs_ended_total", { terminal: "abort", code: "stopped" })).toBe(1);
    expect(after.value("sluice_run_seconds_count")).toBe(3);
    expect(after.value("sluice_stops_total")).toBe(1);
    expect(after.value("sluice_first_token_seconds_count")).toBe(3);
    expect(after.value("sluice_tokens_total")).toBeGreaterThanOrEqual(20 + 5 + 3);
    expect(after.value("sluice_event_loop_active_seconds_total")).toBeGreaterThan(0);
    expect(after.value("process_resident_memory_bytes")).toBeGreaterThan(0);
  });

  it("counts readers, those who resume and those who leave, and their bytes", async () => {
    const at = await site(KEYS);
    const headers = bearer("key1");
    const first = await openStream(at.url, { headers, body: question("words=100000 rate=200 ttft=0") });
    const { id = "" } = await first.until(({ event }) => event === "chunk");
    expect((await scrape(at)).value("sluice_readers_active")).toBe(1);
    first.message.destroy();
    await at.line("code", "reader-left");
    const resumed = { ...headers, "last-event-id": id };
    const second = await openStream(at.url, { at: `GET /runs/${first.runId}/events`, headers: resumed });
    await at.ask({ at: `POST /runs/${first.runId}/stop`, headers });
    await second.rest();

    const after = await scrape(at);
    expect(after.value("sluice_readers_active")).toBe(0);
    expect(after.value("sluice_readers_joined_total")).toBe(2);
    expect(after.value("sluice_resumes_total")).toBe(1);
    expect(after.value("sluice_interruptions_total", { code: "reader-left" })).toBe(1);
    expect(after.value("sluice_reader_seconds_count")).toBe(2);
    const bytes = after.value("sluice_sent_bytes_total") ?? 0;
    expect(bytes).toBeGreaterThan(200);
    // Nobody asked for compression.
    expect(after.value("sluice_wire_bytes_total")).toBe(bytes);
  });

  it("counts requests that are refused while the server shuts down", async () => {
    const at = await site(KEYS);
    const headers = bearer("key1");
    const open = await openStream(at.url, { headers, body: question("words=50 rate=max stall-after=3") });
    await open.until(({ event }) => event === "chunk");
    const deadline = new AbortController();
    const closing = at.close(deadline.signal);
    expect((await at.ask({ headers, body: question() })).status).toBe(503);
    expect((await scrape(at)).value("sluice_refusals_total", { code: "run/draining" })).toBe(1);
    deadline.abort();
    await open.rest();
    await closing;
  });

  it("has no series for a run, an owner or anything else that callers make up", async () => {
    const at = await site(KEYS);
    const labelled = async (): Promise<readonly string[]> => {
      const samples = [...(await scrape(at)).families.values()].flatMap((family) => family.samples);
      return samples
        .filter(({ name }) => name.startsWith("sluice_"))
        .map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`)
        .sort();
    };
    const ids: string[] = [];
    const round = async (key: string, n: number): Promise<void> => {
      const answer = await at.ask({
        headers: { ...bearer(key), "x-forwarded-for": `10.0.0.${n}` },
        body: question(`words=3 rate=max ${n}`, { requestId: `request-${key}-${n}`, threadId: `thread-${n}` }),
      });
      ids.push(runIdOf(answer));
      await at.ask({ at: `GET /runs/${runIdOf(answer)}/events`, headers: bearer(key) });
      await at.ask({ at: `GET /made-up-${n}` });
    };
    await round("key1", 0);
    const one = await labelled();
    for (const n of [1, 2, 3]) await round(n % 2 === 0 ? "key1" : "key2", n);
    expect(await labelled()).toEqual(one);
    const text = (await at.ask({ at: "GET /metrics", headers: OPERATOR })).text;
    for (const word of [...ids, "alice", "bob", "request-", "thread-", "made-up", "10.0.0."]) {
      expect(text).not.toContain(word);
    }
  });

  it("answers a HEAD without a body, and other methods with 405", async () => {
    const at = await site(KEYS);
    const head = await at.ask({ at: "HEAD /metrics", headers: OPERATOR });
    expect([head.status, head.text]).toEqual([200, ""]);
    expect(await at.ask({ at: "POST /metrics", headers: OPERATOR })).toMatchObject({
      status: 405,
      code: "request/method-not-allowed",
    });
  });
});

describe("who may see /metrics", () => {
  const look = async (env: Record<string, string>, headers: Record<string, string>): Promise<number> =>
    (await (await site(env)).ask({ at: "GET /metrics", headers })).status;

  it("the operator's key alone, where one is set", async () => {
    const env = { SLUICE_OPERATOR_KEY: "operator-key" };
    expect(await look(env, OPERATOR)).toBe(200);
    expect(await look(env, {})).toBe(401);
    expect(await look(env, bearer("operator-kez"))).toBe(401);
    expect(await look(env, bearer(""))).toBe(401);
    expect(await look(KEYS, bearer("key1"))).toBe(401);
  });

  it("this machine, where no key is set; with keys of owners nobody without the operator's", async () => {
    expect(await look({}, {})).toBe(200);
    expect(await look({ SLUICE_API_KEYS: "alice:key1" }, {})).toBe(401);
    expect(await look({ SLUICE_API_KEYS: "alice:key1" }, bearer("key1"))).toBe(401);
  });

  it("nobody who comes through a proxy, under another name, or from a page of another origin", async () => {
    expect(await look({}, { "x-forwarded-for": "10.0.0.1" })).toBe(401);
    expect(await look({}, { host: "evil.example" })).toBe(401);
    expect(await look({}, { origin: "https://evil.example" })).toBe(401);
    const cors = { SLUICE_CORS_ORIGINS: "https://app.example.com" };
    expect(await look(cors, { origin: "https://app.example.com", "sec-fetch-site": "cross-site" })).toBe(401);
  });

  it("nobody without the operator's key on a server that others reach, also where anybody may ask", async () => {
    expect(await look({ HOST: "0.0.0.0", SLUICE_ALLOW_ANONYMOUS: "1" }, {})).toBe(401);
    expect(await look({ HOST: "0.0.0.0", SLUICE_ALLOW_ANONYMOUS: "1", ...KEYS }, OPERATOR)).toBe(200);
  });

  it("is told to others as every refusal is", async () => {
    const at = await site(KEYS);
    const answer = await at.ask({ at: "GET /metrics" });
    expect(answer.code).toBe("auth/required");
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
    expect(await at.line("code", "auth/required")).toMatchObject({ path: "/metrics", status: 401 });
  });
});

describe("the metrics", () => {
  it("add up what readers are told and how they leave", async () => {
    const { meter, text } = createMetrics();
    meter.readerJoined(false);
    meter.readerJoined(true);
    meter.readerJoined(true);
    meter.readerLeft("end", 1500);
    meter.readerLeft("reader-left", 250);
    meter.readerBehind(7);
    meter.merged(100, 3);
    meter.sent(1000, 200);
    meter.sent(500, 500);
    meter.refused("run/draining");
    const seen = parseExposition(await text());
    expect(seen.value("sluice_readers_active")).toBe(1);
    expect(seen.value("sluice_readers_joined_total")).toBe(3);
    expect(seen.value("sluice_resumes_total")).toBe(2);
    expect(seen.value("sluice_interruptions_total", { code: "reader-left" })).toBe(1);
    expect(seen.value("sluice_interruptions_total", { code: "end" })).toBeUndefined();
    expect(seen.value("sluice_reader_seconds_sum")).toBe(1.75);
    expect(seen.value("sluice_reader_lag_entries_bucket", { le: "5" })).toBe(0);
    expect(seen.value("sluice_reader_lag_entries_bucket", { le: "10" })).toBe(1);
    expect(seen.value("sluice_merges_total")).toBe(1);
    expect(seen.value("sluice_merged_entries_total")).toBe(100);
    expect(seen.value("sluice_merged_frames_total")).toBe(3);
    expect(seen.value("sluice_sent_bytes_total")).toBe(1500);
    expect(seen.value("sluice_wire_bytes_total")).toBe(700);
  });

  it("call a code that is on no list `other`", async () => {
    const { meter, text } = createMetrics();
    for (const n of [1, 2, 3]) {
      meter.runEnded("finish", `made up ${n}`, 1);
      meter.runEnded("error", `made up ${n}`, 1);
      meter.readerLeft(`made up ${n}`, 1);
      meter.refused(`made up ${n}`);
    }
    const seen = parseExposition(await text());
    expect(seen.value("sluice_runs_ended_total", { terminal: "finish", code: "other" })).toBe(3);
    expect(seen.value("sluice_runs_ended_total", { terminal: "error", code: "other" })).toBe(3);
    expect(seen.value("sluice_interruptions_total", { code: "other" })).toBe(3);
    expect(seen.value("sluice_refusals_total", { code: "other" })).toBe(3);
  });

  it("put a value into the first bucket that holds it, and count all buckets up", async () => {
    const { meter, text } = createMetrics();
    // The bounds are 0.05, 0.1, 0.2 s and so on; a clock that was set back gives less than nothing.
    for (const ms of [-5, 0, 50, 51, 100, 60_000, 60_001]) meter.firstToken(ms);
    const { families, value } = parseExposition(await text());
    const buckets = families.get("sluice_first_token_seconds")?.samples.filter(({ name }) => name.endsWith("_bucket"));
    expect(buckets?.slice(0, 3).map((sample) => [sample.labels["le"], sample.value])).toEqual([
      ["0.05", 3],
      ["0.1", 5],
      ["0.2", 5],
    ]);
    expect(value("sluice_first_token_seconds_bucket", { le: "60" })).toBe(6);
    expect(value("sluice_first_token_seconds_bucket", { le: "+Inf" })).toBe(7);
    expect(value("sluice_first_token_seconds_count")).toBe(7);
    expect(value("sluice_first_token_seconds_sum")).toBeCloseTo(120.202);
  });

  it("have names and units as Prometheus wants them", async () => {
    const { families } = parseExposition(await createMetrics().text());
    const own = [...families].filter(([name]) => name.startsWith("sluice_"));
    expect(own.length).toBeGreaterThan(15);
    for (const [name, { type, help }] of own) {
      expect([name, /^sluice_[a-z_]+$/.test(name)]).toEqual([name, true]);
      expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
      expect([name, help]).toEqual([name, expect.stringMatching(/^[A-Z].*\.$/)]);
      if (type === "histogram") expect(name).toMatch(/_(?:seconds|entries)$/);
    }
  });
});

describe("docs/metrics.md", () => {
  it("lists every metric once, with its type and labels", async () => {
    const page = readFileSync(new URL("../../../docs/metrics.md", import.meta.url), "utf8");
    const rows = page.split("\n").filter((line) => line.startsWith("| `"));
    const listed = rows.map((line) => {
      const [name = "", type = ""] = line.slice(1, -1).split("|");
      return `${name.trim().replaceAll("`", "").replace(/\{.*/, "")} ${type.trim()}`;
    });
    const { families } = parseExposition(await createMetrics().text());
    expect(listed.sort()).toEqual([...families].map(([name, { type }]) => `${name} ${type}`).sort());
  });
});
