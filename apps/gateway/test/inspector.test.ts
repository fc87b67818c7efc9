import { describe, expect, it } from "vitest";
import type { ListChange } from "../src/inspector-live.ts";
import type { RunReport } from "../src/inspector-recording.ts";
import { createMemoryLog } from "sluice/log";
import { bearer, openStream, question, runIdOf, site, type Answer, type Ask, type Site } from "./support.ts";

const KEYS = { SLUICE_API_KEYS: "alice:key1,bob:key2", SLUICE_OPERATOR_KEY: "operator-key", SLUICE_STORE: "memory:" };
const OPERATOR = bearer("operator-key");
const SAME_ORIGIN = { "sec-fetch-site": "same-origin" };

const DATA = ["GET /inspector/runs", "GET /inspector/totals", "GET /inspector/events"];
const OF_A_RUN = ["GET", "GET live", "GET entries", "GET events", "POST stop"];

function login(at: Site, key: string, headers: Record<string, string> = SAME_ORIGIN): Promise<Answer> {
  return at.ask({ at: "POST /inspector/session", headers, body: { key } });
}

async function cookieOf(at: Site): Promise<Record<string, string>> {
  const { cookie } = await login(at, "operator-key");
  return { ...SAME_ORIGIN, cookie: String(cookie) };
}

/** The status and code of a call whose answer is an error. */
async function refusal(at: Site, call: Ask): Promise<readonly [number, unknown]> {
  const { status, code } = await at.ask(call);
  return [status, code];
}

function ofRun(id: string): readonly string[] {
  return OF_A_RUN.map((call) => {
    const [method, path] = call.split(" ");
    return `${method} /inspector/runs/${id}${path === undefined ? "" : `/${path}`}`;
  });
}

describe("who may inspect", () => {
  it("nobody without the operator's key, and not with an owner's key or cookie", async () => {
    const at = await site(KEYS);
    const id = runIdOf(await at.ask({ headers: bearer("key1"), body: question() }));
    const session = await at.ask({ at: "POST /session", headers: SAME_ORIGIN, body: { key: "key1" } });
    const owner = { ...SAME_ORIGIN, cookie: String(session.cookie) };
    expect((await at.ask({ at: `GET /runs/${id}`, headers: owner })).status).toBe(200);
    const token = String(session.cookie).split("=")[1];
    const strangers: readonly Record<string, string>[] = [
      {},
      bearer(""),
      bearer("operator-kez"),
      bearer("key1"),
      bearer(String(token)),
      owner,
      { ...SAME_ORIGIN, cookie: `sluice_operator=${token}` },
      { ...SAME_ORIGIN, cookie: "sluice_operator=eyJhbGciOiJub25lIn0.eyJrZXkiOiIifQ." },
    ];
    for (const headers of strangers) {
      for (const call of [...DATA, ...ofRun(id)]) {
        expect([call, await refusal(at, { at: call, headers })]).toEqual([call, [401, "auth/required"]]);
      }
      expect((await at.ask({ at: "GET /inspector/session", headers })).json).toEqual({ keyIsSet: true });
    }
  });

  it("the operator, by the key as Bearer", async () => {
    const at = await site(KEYS);
    const answer = await at.ask({ at: "GET /inspector/session", headers: OPERATOR });
    expect(answer.json).toMatchObject({ by: "key", node: { store: "memory", model: "demo" } });
  });

  it("the operator's browser, by a cookie of its own for the key", async () => {
    const at = await site(KEYS);
    const answer = await login(at, "operator-key");
    expect(answer.status).toBe(204);
    const [cookie = ""] = answer.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/^sluice_operator=[\w.-]+; Max-Age=43200; Path=\/inspector; HttpOnly; SameSite=Strict$/);
    const headers = { ...SAME_ORIGIN, cookie: String(answer.cookie) };
    const { json } = await at.ask({ at: "GET /inspector/session", headers });
    expect(json["by"]).toMatch(/^session [\da-f]{12}$/);
    // It opens nothing else.
    expect(await refusal(at, { at: "GET /runs", headers })).toEqual([401, "auth/required"]);
    expect(await refusal(at, { at: "GET /metrics", headers })).toEqual([401, "auth/required"]);
    const left = await at.ask({ at: "DELETE /inspector/session", headers });
    expect(left.headers["set-cookie"]?.[0]).toMatch(/^sluice_operator=; Max-Age=0; Path=\/inspector;/);
  });

  it("takes a cookie over TLS alone where it was given over TLS", async () => {
    const at = await site(KEYS);
    const answer = await login(at, "operator-key", { ...SAME_ORIGIN, "x-forwarded-proto": "https" });
    expect(answer.headers["set-cookie"]?.[0]).toContain("; Secure");
  });

  it("with a cookie only while the key that it was given for is the operator's", async () => {
    const store = createMemoryLog();
    const headers = await cookieOf(await site(KEYS, { store }));
    const again = await site(KEYS, { store });
    expect((await again.ask({ at: "GET /inspector/runs", headers })).status).toBe(200);
    const other = await site({ ...KEYS, SLUICE_OPERATOR_KEY: "another-key" }, { store });
    expect((await other.ask({ at: "GET /inspector/runs", headers })).status).toBe(401);
    const keyless = await site({ SLUICE_API_KEYS: "alice:key1" }, { store });
    expect((await keyless.ask({ at: "GET /inspector/runs", headers })).status).toBe(401);
  });

  it("nobody with a wrong key, and each try counts", async () => {
    const at = await site({ ...KEYS, SLUICE_FAILED_LOGINS_PER_MINUTE: "3" });
    for (const key of ["key1", "", "operator-kez"]) {
      const answer = await login(at, key);
      expect([answer.status, answer.headers["set-cookie"]]).toEqual([key === "" ? 422 : 401, undefined]);
    }
    expect((await login(at, "another")).status).toBe(401);
    expect((await login(at, "operator-key")).status).toBe(429);
  });

  it("nobody from a page of another site, whatever it carries", async () => {
    const at = await site({ ...KEYS, SLUICE_CORS_ORIGINS: "https://app.example.com" });
    const { cookie = "" } = await cookieOf(at);
    const id = runIdOf(await at.ask({ headers: bearer("key1"), body: question() }));
    const pages = [
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { origin: "https://app.example.com" },
      { origin: "null" },
    ];
    for (const page of pages) {
      expect(await refusal(at, { at: "GET /inspector/runs", headers: { ...page, cookie } })).toEqual([
        403,
        "request/refused-origin",
      ]);
      const stop = { at: `POST /inspector/runs/${id}/stop`, headers: { ...page, ...OPERATOR } };
      expect(await refusal(at, stop)).toEqual([403, "request/refused-origin"]);
      expect((await login(at, "operator-key", page)).status).toBe(403);
    }
  });

  it("this machine, where no key is set", async () => {
    const at = await site();
    expect((await at.ask({ at: "GET /inspector/session" })).json["by"]).toBe("this machine");
    expect((await at.ask({ at: "GET /inspector/runs", headers: { "x-forwarded-for": "10.0.0.1" } })).status).toBe(401);
    expect((await at.ask({ at: "GET /inspector/runs", headers: { host: "evil.example" } })).status).toBe(401);
    expect((await login(at, "any-key")).status).toBe(401);
  });

  it("nobody where owners have keys and the operator has none, nor on a server that others reach", async () => {
    const closed = [{ SLUICE_API_KEYS: "alice:key1" }, { HOST: "0.0.0.0", SLUICE_ALLOW_ANONYMOUS: "1" }];
    for (const env of closed) {
      const at = await site(env);
      for (const call of DATA) expect((await at.ask({ at: call })).status).toBe(401);
      expect((await at.ask({ at: "GET /inspector/session" })).json).toEqual({ keyIsSet: false });
      for (const key of ["key1", "undefined"]) expect((await login(at, key)).status).toBe(401);
    }
  });
});

describe("the list of runs", () => {
  const rowsOf = (answer: Answer): readonly (readonly unknown[])[] => answer.json["rows"] as readonly unknown[][];

  it("tells of runs as they are, and then what changes, over a stream of events", async () => {
    const at = await site(KEYS);
    const headers = bearer("key1");
    const first = await openStream(at.url, { headers, body: question("words=500 rate=100 ttft=0") });
    await first.until(({ event }) => event === "chunk");
    const list = await at.ask({ at: "GET /inspector/runs", headers: OPERATOR });
    expect(list.json["facts"]).toMatchObject([{ n: 1, id: first.runId, owner: "alice", here: true }]);
    expect(rowsOf(list)[0]?.slice(0, 6)).toEqual([1, "running", "", null, expect.any(Number), expect.any(Number)]);

    const place = String(list.json["place"]);
    const live = await openStream(at.url, { at: `GET /inspector/events?after=${place}`, headers: OPERATOR });
    const second = await at.ask({ headers: bearer("key2"), body: question("words=4 rate=max") });
    const changed = await live.until(({ data }) => data.includes(runIdOf(second)));
    expect(JSON.parse(changed.data)).toMatchObject({ facts: [{ id: runIdOf(second), owner: "bob" }] });
    await at.ask({ at: `POST /runs/${first.runId}/stop`, headers });
    const rowOf = (data: string): readonly unknown[] | undefined =>
      (JSON.parse(data) as ListChange).rows.find(([n]) => n === 1);
    const ended = await live.until(({ event, data }) => event === "change" && rowOf(data)?.[1] === "aborted");
    expect(rowOf(ended.data)?.slice(0, 4)).toEqual([1, "aborted", "stopped", expect.any(Number)]);
    await first.rest();

    // Who was cut comes back to the place where it was.
    live.message.destroy();
    const back = { at: "GET /inspector/events", headers: { ...OPERATOR, "last-event-id": changed.id ?? "" } };
    const again = await openStream(at.url, back);
    await again.until(({ id }) => id === ended.id);
    again.message.destroy();
  });

  it("is told that it must begin anew after a place that is not known", async () => {
    const at = await site(KEYS);
    const { json } = await at.ask({ at: "GET /inspector/runs", headers: OPERATOR });
    const other = String(json["place"]).replace(/^./, (sign) => (sign === "a" ? "b" : "a"));
    const call = { at: `GET /inspector/events?after=${other}`, headers: OPERATOR };
    expect(await refusal(at, call)).toEqual([410, "log/gap"]);
  });

  it("has what the store keeps of one owner, without what was said", async () => {
    const at = await site(KEYS);
    await at.ask({ headers: bearer("key1"), body: question("words=5 rate=max", { threadId: "t1" }) });
    const { json, text } = await at.ask({ at: "GET /inspector/runs?owner=alice", headers: OPERATOR });
    expect(json["stored"]).toMatchObject([{ owner: "alice", status: "finished", meta: { threadId: "t1" } }]);
    expect(text).not.toContain("words=5");
    for (const owner of ["bob", "sluice/threads/alice", "sluice:system"]) {
      const other = await at.ask({ at: `GET /inspector/runs?owner=${encodeURIComponent(owner)}`, headers: OPERATOR });
      expect([owner, other.json["stored"]]).toEqual([owner, []]);
    }
  });
});

describe("one run", () => {
  it("shows who read it and what became of it, and tells what changes", async () => {
    const at = await site(KEYS);
    const headers = bearer("key1");
    const first = await openStream(at.url, { headers, body: question("words=100000 rate=200 ttft=0") });
    const { id = "" } = await first.until(({ event }) => event === "chunk");
    first.message.destroy();
    await at.line("code", "reader-left");
    const resumed = { ...headers, "last-event-id": id };
    const second = await openStream(at.url, { at: `GET /runs/${first.runId}/events`, headers: resumed });
    await second.until(({ event }) => event === "chunk");

    const seen = await at.ask({ at: `GET /inspector/runs/${first.runId}`, headers: OPERATOR });
    const report = seen.json["report"] as RunReport;
    expect(report.readers).toMatchObject({ joined: 2, hidden: 0 });
    expect(report.readers.lines).toMatchObject([
      { dialect: "simple", stretches: [{ after: 0, code: "reader-left" }, { after: Number(id.slice(1)) }] },
    ]);
    expect(report.lease.renewals).toBeGreaterThanOrEqual(0);
    expect(report.marks.list).toMatchObject([{ kind: "lease-taken" }]);
    expect(report.series.tokens.reduce((sum, count) => sum + count)).toBe(report.row[5]);
    expect(seen.text).not.toContain("words=");

    const place = String(seen.json["place"]);
    const watch = { at: `GET /inspector/runs/${first.runId}/live?after=${place}`, headers: OPERATOR };
    const live = await openStream(at.url, watch);
    const stop = await at.ask({ at: `POST /inspector/runs/${first.runId}/stop`, headers: OPERATOR });
    expect([stop.status, stop.json["id"]]).toEqual([expect.any(Number), first.runId]);
    const told = await live.until(({ data }) => data.includes('"aborted"'));
    const kinds = (JSON.parse(told.data) as RunReport).marks.list.map(({ kind }) => kind);
    expect(kinds).toContain("stop-asked");
    live.message.destroy();
    await second.rest();
    expect(await at.line("msg", "inspector stop")).toMatchObject({
      run: first.runId,
      owner: "alice",
      by: "key",
      address: "127.0.0.1",
    });
  });

  it("gives the content only where it is asked for, and says who asked", async () => {
    const at = await site(KEYS);
    const id = runIdOf(await at.ask({ headers: bearer("key1"), body: question("words=4 rate=max") }));
    const cookie = await cookieOf(at);
    const { json } = await at.ask({ at: `GET /inspector/runs/${id}/entries`, headers: cookie });
    const entries = json["entries"] as readonly (readonly [number, string])[];
    expect(entries.map(([n]) => n)).toEqual(entries.map((_entry, index) => index + 1));
    expect(JSON.parse(entries[0]?.[1] ?? "")).toMatchObject({ type: "start" });
    expect(JSON.parse(entries.at(-1)?.[1] ?? "")).toMatchObject({ type: "finish" });
    expect(json["end"]).toBe(true);
    const line = await at.line("msg", "inspector content");
    expect(line).toMatchObject({
      run: id,
      owner: "alice",
      by: expect.stringMatching(/^session /),
      address: "127.0.0.1",
    });

    const rest = await at.ask({ at: `GET /inspector/runs/${id}/entries?after=2`, headers: OPERATOR });
    expect(rest.json["entries"]).toEqual(entries.slice(2));
    const bad = await refusal(at, { at: `GET /inspector/runs/${id}/entries?after=x`, headers: OPERATOR });
    expect(bad).toEqual([400, "request/invalid-parameter"]);

    // As a reader of any dialect has it, and it is none: it does not show among them.
    const frames = await at.ask({ at: `GET /inspector/runs/${id}/events?dialect=ai-sdk`, headers: OPERATOR });
    expect(frames.text).toContain("[DONE]");
    expect(frames.headers["location"]).toBe(`/inspector/runs/${id}/events?dialect=ai-sdk`);
    const seen = await at.ask({ at: `GET /inspector/runs/${id}`, headers: OPERATOR });
    expect((seen.json["report"] as RunReport).readers.joined).toBe(1);
  });

  it("shows nothing unlogged of what an application gave along with its question", async () => {
    const at = await site(KEYS);
    const body = question("words=4 rate=max", { threadId: "t1", metadata: { about: "private words" } });
    const id = runIdOf(await at.ask({ headers: bearer("key1"), body }));
    for (const call of [`GET /inspector/runs/${id}`, "GET /inspector/runs?owner=alice", "GET /inspector/runs"]) {
      const { text } = await at.ask({ at: call, headers: OPERATOR });
      expect(text).toContain("t1");
      expect(text).not.toContain("private words");
    }
  });

  it("is found in the store also when this node has not seen it", async () => {
    const store = createMemoryLog();
    const before = await site(KEYS, { store });
    const id = runIdOf(await before.ask({ headers: bearer("key1"), body: question("words=4 rate=max") }));
    const after = await site(KEYS, { store });
    const found = await after.ask({ at: `GET /inspector/runs/${id}`, headers: OPERATOR });
    expect(found.json).toMatchObject({ stored: { id, owner: "alice", status: "finished" } });
    expect(found.json["report"]).toBeUndefined();
    const system = (await store.list({ owner: "sluice:system", limit: 1 })).logs[0]?.id ?? "";
    expect(system).not.toBe("");
    for (const other of [system, "run_none"]) {
      for (const call of ofRun(other)) {
        const [status] = await refusal(after, { at: call, headers: OPERATOR });
        expect([call, status]).toEqual([call, call.endsWith("/live") ? 410 : 404]);
      }
    }
  });
});
