import { once } from "node:events";
import { constants, type ClientHttp2Stream } from "node:http2";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createMemoryLog } from "sluice/log";
import { parseEvents, type ParsedEvent } from "sluice/sse";
import { startOpenAIServer, type OpenAIServer, type OpenAIStep } from "sluice/testing";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeCertificate, openSession, type CertificateFiles, type Opened, type Session } from "./secure.ts";
import { bearer, question, site, type Env, type Site } from "./support.ts";

let certificate: CertificateFiles;
beforeAll(() => {
  certificate = makeCertificate();
});

let provider: OpenAIServer | undefined;
afterEach(() => provider?.close());

const KEYS = { SLUICE_API_KEYS: "alice:key1" };
const ALICE = bearer("key1");
const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

async function secureSite(
  env: Env = {},
  options: Parameters<typeof site>[1] = {},
): Promise<{ readonly at: Site; readonly connect: () => Session }> {
  const at = await site({ ...certificate.env, ...KEYS, ...env }, options);
  return { at, connect: () => openSession(at.url, { ca: certificate.pem() }) };
}

async function* piecesOf(text: string): AsyncGenerator<string> {
  yield text;
}

const eventsOf = async (text: string): Promise<readonly ParsedEvent[]> => {
  const events: ParsedEvent[] = [];
  for await (const event of parseEvents(piecesOf(text))) events.push(event);
  return events;
};

/** What a reader of the `simple` wording ends up with, however the answer was cut into frames. */
async function readBy(text: string): Promise<{ readonly said: string; readonly last: readonly unknown[] }> {
  const events = await eventsOf(text);
  const chunks = events.filter(({ event }) => event === "chunk");
  const said = chunks.map(({ data }) => String((JSON.parse(data) as { content: string }).content)).join("");
  return { said, last: events.filter(({ event }) => event === "message" || event === "done") };
}

const idOf = ({ headers }: Pick<Opened, "headers">): string => String(headers["sluice-run-id"]);
const readingOf = (id: string): object => ({ at: `GET /runs/${id}/events`, headers: ALICE });

describe("one session of HTTP/2", () => {
  it("carries 120 readers at once, each of whom has every byte of the answer", async () => {
    const { connect } = await secureSite();
    const { open, session } = connect();
    await once(session, "remoteSettings");
    expect(session.remoteSettings.maxConcurrentStreams).toBeGreaterThanOrEqual(120);
    const first = await open({ headers: ALICE, body: question("words=600 rate=1000 ttft=0 Grüße 👋") });
    const readers = await Promise.all(Array.from({ length: 119 }, () => open(readingOf(idOf(first)))));
    const answers = await Promise.all([first, ...readers].map(async ({ rest }) => rest()));
    expect(new Set(answers.map(({ reset }) => reset))).toEqual(new Set([NGHTTP2_NO_ERROR]));
    const [one, ...others] = await Promise.all(answers.map(({ text }) => readBy(text)));
    expect(one?.last).toHaveLength(2);
    expect(one?.said.length).toBeGreaterThan(2_000);
    for (const other of others) expect(other).toEqual(one);
  });

  it("carries 120 answers at once that are all being written", async () => {
    const { at, connect } = await secureSite();
    const { ask } = connect();
    const asked = Array.from({ length: 120 }, (_, n) =>
      ask({ headers: ALICE, body: question(`words=40 rate=400 ttft=0 Question ${n}`) }),
    );
    const answers = await Promise.all(asked);
    const said = await Promise.all(answers.map(async ({ text }) => (await readBy(text)).said));
    const stored = answers.map(async (answer) => {
      const { json } = await openSessionJson(connect(), idOf(answer));
      return json;
    });
    expect(said).toEqual(await Promise.all(stored));
    expect(new Set(answers.map(idOf)).size).toBe(120);
    expect(at.gateway.producing).toBe(0);
  });

  it("keeps going for 119 readers while one takes nothing", async () => {
    const { connect } = await secureSite();
    const { open, ask } = connect();
    const whole = await ask({ headers: ALICE, body: question("words=20000 rate=max") });
    const stalled = await open(readingOf(idOf(whole)));
    const expected = await readBy(whole.text);
    expect(whole.text.length).toBeGreaterThan(2 * 65_535);
    const answers = await Promise.all(Array.from({ length: 119 }, () => ask(readingOf(idOf(whole)))));
    for (const { text, reset } of answers) {
      expect(reset).toBe(NGHTTP2_NO_ERROR);
      expect(await readBy(text)).toEqual(expected);
    }
    // It has what its window let through, and goes on from there.
    expect(await readBy((await stalled.rest()).text)).toEqual(expected);
  });

  it("holds a bounded piece of the answer for each reader that takes nothing, and lets others in", async () => {
    const [pieces, size, stalled] = [400, 32_768, 60];
    provider = await startOpenAIServer({
      *script(): Generator<OpenAIStep> {
        for (let n = 0; n < pieces; n += 1) yield { type: "text", text: String(n % 10).repeat(size) };
        yield { type: "finish" };
      },
    });
    const { connect } = await secureSite({ OPENAI_BASE_URL: provider.url });
    const { open, ask } = connect();
    const whole = await ask({ headers: ALICE, body: question() });
    expect(whole.text.length).toBeGreaterThan(pieces * size);
    const before = await held();
    const readers = await Promise.all(Array.from({ length: stalled }, () => open(readingOf(idOf(whole)))));
    // While this one read everything on the same session, the others could have been sent as much.
    expect((await ask(readingOf(idOf(whole)))).text.length).toBeGreaterThan(pieces * size);
    // Both ends are in this process: a window here, 64 KiB there, and what is on the way.
    expect((await held()) - before).toBeLessThan(stalled * 256 * 1024);
    for (const { stream } of readers) stream.close(NGHTTP2_CANCEL);
  });
});

/** Bytes in buffers that something refers to. What nobody does is freed in the background, after it was collected. */
async function held(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  let least = Infinity;
  for (let same = 0; same < 5; same += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
    const { external, arrayBuffers } = process.memoryUsage();
    if (external + arrayBuffers < least) same = 0;
    least = Math.min(least, external + arrayBuffers);
  }
  return least;
}

async function openSessionJson({ ask, session }: Session, id: string): Promise<{ readonly json: unknown }> {
  const { text } = await ask({ at: `GET /runs/${id}`, headers: ALICE });
  session.close();
  const { message } = JSON.parse(text) as { message: { parts: readonly { type: string; text?: string }[] } };
  return { json: message.parts.map((part) => (part.type === "text" ? part.text : "")).join("") };
}

describe("an answer over HTTP/2", () => {
  const SLOW = question("words=100000 rate=200 ttft=0");

  /** Resolves with the text so far once this is in it. */
  function until(stream: ClientHttp2Stream, wanted: string): Promise<string> {
    return new Promise((resolve) => {
      let text = "";
      const take = (piece: Buffer): void => {
        text += piece.toString("utf8");
        if (!text.includes(wanted)) return;
        stream.pause();
        stream.removeListener("data", take);
        resolve(text);
      };
      stream.on("data", take);
    });
  }

  it("that is broken off ends with INTERNAL_ERROR, and the session goes on", async () => {
    const store = createMemoryLog();
    const { connect } = await secureSite({}, { store });
    const { open, ask } = connect();
    const { stream, rest } = await open({ headers: ALICE, body: SLOW });
    await until(stream, "event: chunk");
    await store[Symbol.asyncDispose]();
    const { text, reset } = await rest();
    expect(reset).toBe(NGHTTP2_INTERNAL_ERROR);
    expect(text).not.toMatch(/event: (?:done|error)/);
    expect((await ask({ at: "GET /health" })).status).toBe(200);
  });

  it("goes on after a stream that was cut, from the last id, on the same session or another one", async () => {
    const { connect } = await secureSite();
    const here = connect();
    const { stream, headers } = await here.open({
      headers: ALICE,
      body: question("words=300 rate=1000 ttft=0", { requestId: "r1" }),
    });
    const before = await eventsOf(await until(stream, "event: chunk"));
    stream.close(NGHTTP2_CANCEL);
    const id = String(headers["sluice-run-id"]);
    const lastEventId = before.at(-1)?.id ?? "";
    const whole = await readBy((await here.ask(readingOf(id))).text);
    for (const { ask } of [here, connect()]) {
      const { text } = await ask({ at: `GET /runs/${id}/events`, headers: { ...ALICE, "last-event-id": lastEventId } });
      const after = await eventsOf(text);
      expect(after.map((event) => event.id)).not.toContain(lastEventId);
      const said = [...before, ...after]
        .filter(({ event }) => event === "chunk")
        .map(({ data }) => (JSON.parse(data) as { content: string }).content);
      expect(said.join("")).toBe(whole.said);
      expect(after.filter(({ event }) => event === "message" || event === "done")).toEqual(whole.last);
    }
  });

  it("is not stopped by its reader's leaving, and ends within the session when it is stopped", async () => {
    const { at, connect } = await secureSite();
    const { open, ask } = connect();
    const { stream, headers } = await open({ headers: ALICE, body: SLOW });
    stream.close(NGHTTP2_CANCEL);
    expect(await at.line("code", "reader-left")).toMatchObject({ run: headers["sluice-run-id"] });
    const id = String(headers["sluice-run-id"]);
    const again = await open(readingOf(id));
    expect(at.gateway.producing).toBe(1);
    expect((await ask({ at: `POST /runs/${id}/stop`, headers: ALICE })).status).toBeLessThan(300);
    const { text, reset } = await again.rest();
    expect([reset, text.includes('"finishReason":"abort"')]).toEqual([NGHTTP2_NO_ERROR, true]);
  });

  it("comes to its end while the server closes: sessions are told GOAWAY, new ones may still resume and stop", async () => {
    const { at, connect } = await secureSite();
    const { open, session } = connect();
    const idle = connect().session;
    await once(idle, "remoteSettings");
    const answer = await open({ headers: ALICE, body: SLOW });
    const told = [session, idle].map((one) => once(one, "goaway"));
    const deadline = new AbortController();
    const closing = at.close(deadline.signal);
    expect((await Promise.all(told)).map(([code]) => Number(code))).toEqual([NGHTTP2_NO_ERROR, NGHTTP2_NO_ERROR]);
    await expect(open({ at: "GET /health" })).rejects.toMatchObject({ code: "ERR_HTTP2_GOAWAY_SESSION" });

    const other = connect();
    const resumed = await other.open(readingOf(idOf(answer)));
    expect((await other.ask({ headers: ALICE, body: question() })).status).toBe(503);
    expect((await other.ask({ at: `POST /runs/${idOf(answer)}/stop`, headers: ALICE })).status).toBeLessThan(300);
    for (const { rest } of [answer, resumed]) {
      const { text, reset } = await rest();
      expect([reset, text.includes('"finishReason":"abort"')]).toEqual([NGHTTP2_NO_ERROR, true]);
    }
    await closing;
  });

  it("ends with `run/shutdown` at the deadline", async () => {
    const { at, connect } = await secureSite();
    const { rest } = await connect().open({ headers: ALICE, body: SLOW });
    const closing = at.close(AbortSignal.abort());
    expect(await rest()).toMatchObject({
      reset: NGHTTP2_NO_ERROR,
      text: expect.stringContaining("run/shutdown") as string,
    });
    await closing;
  });

  it("holds up the end of the server no longer than 2 s when its reader takes nothing", async () => {
    const { at, connect } = await secureSite();
    const { ask, open } = connect();
    const whole = await ask({ headers: ALICE, body: question("words=40000 rate=max") });
    const stalled = await open(readingOf(idOf(whole)));
    await at.close(new AbortController().signal);
    expect(await stalled.rest()).toMatchObject({ reset: NGHTTP2_INTERNAL_ERROR, text: "" });
  });
});

describe("who asks over HTTP/2", () => {
  const status = async (headers: Record<string, string>, env: Env = { SLUICE_API_KEYS: "" }): Promise<number> =>
    (await (await secureSite(env)).connect().ask({ at: "GET /runs", headers })).status;

  it("is this machine, by the name in `:authority`", async () => {
    expect(await status({})).toBe(200);
    expect(await status({ ":authority": "localhost:443" })).toBe(200);
    expect(await status({ ":authority": "evil.example" })).toBe(401);
    expect(await status({ ":authority": "evil.example", host: "localhost" })).toBe(401);
    expect(await status({ "x-forwarded-for": "10.0.0.1" })).toBe(401);
  });

  it("is a page of this origin, or of another one", async () => {
    const own = { ":authority": "app.example:443" };
    expect(await status({ ...own, ...ALICE, origin: "https://app.example:443" }, {})).toBe(200);
    expect(await status({ ":authority": "localhost:1", origin: "https://localhost:1" })).toBe(200);
    expect(await status({ ":authority": "localhost:1", origin: "https://evil.example" })).toBe(403);
  });

  it("is the operator, who may see /metrics", async () => {
    const { connect } = await secureSite({ SLUICE_OPERATOR_KEY: "operator-key" });
    const { ask } = connect();
    expect((await ask({ at: "GET /metrics", headers: bearer("operator-key") })).text).toContain("sluice_runs_active 0");
    expect((await ask({ at: "GET /metrics", headers: ALICE })).status).toBe(401);
    expect(await ask({ at: "HEAD /metrics", headers: bearer("operator-key") })).toMatchObject({
      status: 200,
      text: "",
    });
  });

  it("may ask for a page, and for its head alone", async () => {
    const { ask } = (await secureSite()).connect();
    const page = await ask({ at: "GET /" });
    const head = await ask({ at: "HEAD /" });
    expect([head.status, head.text]).toEqual([page.status, ""]);
    expect(head.headers["content-length"]).toBe(page.headers["content-length"]);
    const same = await ask({ at: "GET /", headers: { "if-none-match": String(page.headers["etag"]) } });
    expect([same.status, same.text]).toEqual([304, ""]);
  });
});

describe("a hostile client of HTTP/2", () => {
  it("that opens and resets streams without end is sent away, and others are served", async () => {
    const { connect } = await secureSite();
    const hostile = connect().session;
    const sentAway = new Promise<boolean>((resolve) => {
      hostile.once("goaway", () => resolve(true));
      hostile.once("close", () => resolve(false));
    });
    await once(hostile, "remoteSettings");
    // 5,000 of them, a hundred a turn: what is reset within the turn never leaves the client.
    for (let turn = 0; turn < 50 && !hostile.closed && !hostile.destroyed; turn += 1) {
      const streams = Array.from({ length: 100 }, () => hostile.request({ ":method": "GET", ":path": "/runs" }));
      for (const stream of streams) stream.on("error", () => {});
      await new Promise((resolve) => setImmediate(resolve));
      for (const stream of streams) stream.close(NGHTTP2_CANCEL);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await sentAway).toBe(true);
    expect((await connect().ask({ at: "GET /health" })).status).toBe(200);
  });

  it("that sends more headers than HTTP/1.1 would take is refused", async () => {
    const { connect } = await secureSite();
    const { ask, session, open } = connect();
    await once(session, "remoteSettings");
    expect(session.remoteSettings.maxHeaderListSize).toBe(16_384);
    const much = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`x-${n}`, "y".repeat(1_000)]));
    await expect(open({ at: "GET /health", headers: much })).rejects.toMatchObject({
      message: expect.stringContaining("NGHTTP2_ENHANCE_YOUR_CALM") as string,
    });
    expect((await ask({ at: "GET /health" })).status).toBe(200);
  });
});
