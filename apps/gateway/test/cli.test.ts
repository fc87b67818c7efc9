import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { startOpenAIServer, type OpenAIServer, type OpenAIStep } from "sluice/testing";
import { afterEach, describe, expect, it } from "vitest";
import { parseConfig } from "../src/config.ts";
import { startCli, urlOf } from "./cli.ts";
import { ask, openStream, question, type OpenStream } from "./support.ts";

let provider: OpenAIServer | undefined;
afterEach(() => provider?.close());

/** A provider that says one word, and the rest when it is told to. */
interface Held {
  readonly url: string;
  release(): void;
  /** Resolves when it was asked so often. */
  asked(times: number): Promise<void>;
}

async function startHeld(): Promise<Held> {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  let wake = (): void => {};
  async function* script(): AsyncGenerator<OpenAIStep> {
    wake();
    yield { type: "text", text: "One" };
    await held;
    yield { type: "text", text: " two." };
    yield { type: "finish" };
  }
  provider = await startOpenAIServer({ script });
  const { url, requests } = provider;
  return {
    url,
    release,
    async asked(times) {
      while (requests.length < times) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

const DIALECTS = ["ai-sdk", "simple", "graph", "graph-channels", "envelope", "update", "text"];
const untilWords = (stream: OpenStream): Promise<unknown> => stream.until(({ data }) => data.includes("One"));
const bearer = (stream: OpenStream): Record<string, string> => ({
  authorization: `Bearer ${String(stream.message.headers["sluice-owner-token"])}`,
});

describe("the program", () => {
  it("says where to look, which model answers and who may ask, and ends on SIGTERM with connections open", async () => {
    const cli = startCli();
    const url = await urlOf(cli);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
    expect(cli.stdout()).toMatch(/demo.*OPENAI_API_KEY/);
    expect(cli.stdout()).toContain("only this machine may ask");
    expect((await ask(url, { at: "GET /ready" })).status).toBe(200);
    const kept = connect(Number(new URL(url).port), "127.0.0.1");
    kept.on("error", () => {}); // a reset is a way to end
    kept.write("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
    expect(String(await once(kept, "data"))).toMatch(/^HTTP\/1\.1 200/);
    expect((await ask(url, { body: question() })).text).toContain("event: done");
    expect(kept.readyState).toBe("open");
    cli.kill("SIGTERM");
    expect(await cli.ended).toBe(0);
    kept.destroy();
    expect([cli.stderr(), cli.log()]).toEqual(["", []]);
  });

  it("finishes running answers after SIGTERM, serves what they need, and takes no new ones", async () => {
    const held = await startHeld();
    const cli = startCli({ OPENAI_BASE_URL: held.url });
    const url = await urlOf(cli);
    const body = question("Count.", { requestId: "r1" });
    const stream = await openStream(url, { body });
    await untilWords(stream);
    cli.kill("SIGTERM");
    await cli.printed(/Open answers: 1\./);

    for (const at of ["POST /stream", "POST /generate"]) {
      const refused = await ask(url, { at, body: question() });
      expect([refused.status, refused.code]).toEqual([503, "run/draining"]);
      expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    }
    const ready = await ask(url, { at: "GET /ready" });
    expect([ready.status, typeof ready.headers["retry-after"]]).toEqual([503, "string"]);
    expect((await ask(url, { at: "GET /health" })).status).toBe(200);
    const headers = bearer(stream);
    expect((await ask(url, { at: `GET /runs/${stream.runId}`, headers })).json).toMatchObject({ status: "running" });
    const resumed = await openStream(url, { at: `GET /runs/${stream.runId}/events`, headers });
    const attached = await openStream(url, { headers, body });
    expect(attached.runId).toBe(stream.runId);

    held.release();
    for (const reader of [stream, resumed, attached]) {
      const { events, broken } = await reader.rest();
      expect([broken, events.at(-1)?.event]).toEqual([false, "done"]);
      expect(events.find(({ event }) => event === "message")?.data).toContain("One two.");
    }
    expect(await cli.ended).toBe(0);
    expect(cli.log().filter(({ msg }) => msg !== "request refused")).toEqual([]);
  });

  it("ends what is open when SLUICE_DRAIN_MS is over, with an error in the words of every dialect", async () => {
    const held = await startHeld();
    const cli = startCli({ OPENAI_BASE_URL: held.url, SLUICE_DRAIN_MS: "1" });
    const url = await urlOf(cli);
    const streams = await Promise.all(
      DIALECTS.map((dialect) => openStream(url, { at: `POST /stream?dialect=${dialect}`, body: question() })),
    );
    await Promise.all(streams.map(untilWords));
    const generated = ask(url, { at: "POST /generate", headers: bearer(streams[0] as OpenStream), body: question() });
    await held.asked(DIALECTS.length + 1);
    cli.kill("SIGTERM");
    const ends = await Promise.all(streams.map((stream) => stream.rest()));
    expect(ends.map(({ broken }) => broken)).toEqual(DIALECTS.map(() => false));
    const [sdk, ...others] = ends.map(({ events }) => events);
    for (const events of others) {
      expect(events.at(-1)).toMatchObject({
        event: "error",
        data: expect.stringContaining('"code":"run/shutdown"') as string,
      });
    }
    expect(sdk?.at(-2)?.data).toMatch(/^\{"type":"error","errorText":".*shut down/);
    expect(sdk?.at(-1)?.data).toBe("[DONE]");
    expect(await generated).toMatchObject({ status: 503, code: "run/shutdown" });
    expect(await cli.ended).toBe(0);
    const ended = cli.log().filter(({ msg }) => msg === "run interrupted");
    expect(ended.map(({ code }) => code)).toEqual(Array(DIALECTS.length + 1).fill("run/shutdown"));
    expect(ended.map(({ run }) => run)).toEqual(expect.arrayContaining(streams.map(({ runId }) => runId)));
  });

  it("ends what is open at once when it is told twice", async () => {
    const cli = startCli({ SLUICE_DRAIN_MS: "3600000" });
    const url = await urlOf(cli);
    const stream = await openStream(url, { body: question("words=1000000 rate=50 ttft=0") });
    await stream.until(({ event }) => event === "chunk");
    cli.kill("SIGTERM");
    await cli.printed(/Open answers: 1\./);
    // Told again with every word: two signals in a moment are one Ctrl-C.
    const last = await stream.until(({ event }) => {
      if (event === "chunk") cli.kill("SIGTERM");
      return event !== "chunk";
    });
    expect(last).toMatchObject({ event: "error", data: expect.stringContaining("run/shutdown") as string });
    expect((await stream.rest()).broken).toBe(false);
    expect(await cli.ended).toBe(0);
  });

  it("that is killed leaves no answer that looks complete", async () => {
    const held = await startHeld();
    const cli = startCli({ OPENAI_BASE_URL: held.url });
    const url = await urlOf(cli);
    const streams = await Promise.all(
      DIALECTS.map((dialect) => openStream(url, { at: `POST /stream?dialect=${dialect}`, body: question() })),
    );
    await Promise.all(streams.map(untilWords));
    cli.kill("SIGKILL");
    for (const stream of streams) {
      const { events, broken } = await stream.rest();
      expect(broken).toBe(true);
      expect(events.filter(({ event, data }) => event === "done" || event === "final" || data === "[DONE]")).toEqual(
        [],
      );
    }
    expect(await cli.ended).toBe("SIGKILL");
  });

  it("says which port is taken, and exits with 1", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const cli = startCli({ PORT: String(port) });
    expect(await cli.ended).toBe(1);
    expect(cli.stderr()).toContain(`127.0.0.1:${port}. Another program has it: PORT=`);
    expect(cli.stderr().trim().split("\n")).toHaveLength(1);
    expect(cli.stdout()).toBe("");
    server.close();
  });

  // A gateway whose port was taken left its directory as if it had been killed: the operator's next start read all of
  // it through before it served anybody.
  it("leaves its directory closed when it cannot listen", async () => {
    const directory = mkdtempSync(join(tmpdir(), "sluice-taken-"));
    const env = { SLUICE_STORE: `disk:${directory}` };
    expect(await startCli({ ...env, HOST: "203.0.113.1" }).ended).toBe(1);
    const cli = startCli(env);
    await urlOf(cli);
    expect(cli.log()).toEqual([]);
    cli.kill("SIGTERM");
    expect(await cli.ended).toBe(0);
    rmSync(directory, { recursive: true });
  });

  it("says which variable is wrong, not what is in it, and exits with 1", async () => {
    const cli = startCli({ SLUICE_API_KEYS: "hunter2" });
    expect(await cli.ended).toBe(1);
    expect(cli.stderr()).toMatch(/^SLUICE_API_KEYS: .+\n$/);
    expect(cli.stderr()).not.toContain("hunter2");
  });

  it("says which address cannot be had, and exits with 1", async () => {
    const cli = startCli({ HOST: "203.0.113.1" });
    expect(await cli.ended).toBe(1);
    expect(cli.stderr()).toMatch(/^listen .+203\.0\.113\.1.*\n$/);
  });

  it("reads .env where it is started; the environment wins; keys and prompts stay out of what it prints", async () => {
    const file = "SLUICE_API_KEYS=zoe:key-of-zoe\nSLUICE_MODEL=from-file\nOPENAI_API_KEY=sk-secret\n";
    const held = await startHeld();
    const cli = startCli({ SLUICE_MODEL: "from-environment", OPENAI_BASE_URL: held.url }, { file });
    const url = await urlOf(cli);
    expect(cli.stdout()).toContain("model: from-environment\n");
    expect(cli.stdout()).toContain("who has a key may ask: zoe");
    expect((await ask(url, { body: question("my secret prompt") })).status).toBe(401);
    const headers = { authorization: "Bearer key-of-zoe" };
    const stream = await openStream(url, { headers, body: question("my secret prompt") });
    await untilWords(stream);
    expect((await ask(url, { at: `POST /runs/${stream.runId}/stop`, headers })).status).toBeLessThan(300);
    await stream.rest();
    expect(provider?.requests[0]?.headers.authorization).toBe("Bearer sk-secret");
    cli.kill("SIGINT");
    expect([await cli.ended, cli.stderr()]).toEqual([0, ""]);
    expect(cli.log().map(({ msg, code }) => [msg, code])).toEqual([
      ["request refused", "auth/required"],
      ["run interrupted", "stopped"],
    ]);
    expect(cli.stdout() + cli.stderr()).not.toMatch(/key-of-zoe|sk-secret|secret prompt/);
  });
});

describe(".env.example", () => {
  const text = readFileSync(new URL("../../../.env.example", import.meta.url), "utf8");

  it("sets nothing when it is copied as it is", () => {
    expect(parseEnv(text)).toEqual({});
  });

  it("names every variable, each with its default", () => {
    const lines = text.split("\n").filter((line) => /^#[A-Z]\w*=/.test(line));
    const given = parseEnv(lines.map((line) => line.slice(1)).join("\n")) as Record<string, string>;
    expect(parseConfig(given)).toEqual(parseConfig({}));
    const source = readFileSync(new URL("../src/config.ts", import.meta.url), "utf8");
    const known = Array.from(source.matchAll(/^ {2}([A-Z]\w+): /gm), ([, name]) => name);
    expect(known.length).toBeGreaterThan(10);
    expect(new Set(Object.keys(given))).toEqual(new Set(known));
    for (const name of ["HOST", "PORT", "SLUICE_DRAIN_MS", "SLUICE_LOG_LEVEL"]) expect(given[name]).not.toBe("");
  });
});
