import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { site, type Site } from "./support.ts";
import { buildTalkingPage, type TalkingPage } from "./talking-page.ts";

const PATIENCE = { timeout: 30_000, interval: 20 };

/** What the page says of itself; see talking-page.ts. */
interface Talking {
  open(options: object): void;
  arm(options?: object): void;
  state(): Seen;
  readonly conversation: Record<"stopRecording" | "startRecording" | "cancel" | "close", () => Promise<void>>;
  readonly states: readonly string[];
  readonly played: readonly Played[];
  readonly loudest: number;
  readonly tracks: readonly string[];
  texts(): readonly { readonly type: string; readonly data: Readonly<Record<string, unknown>> }[];
  sentBytes(): readonly number[];
}
interface Seen {
  readonly voiceAgentState: string;
  readonly error: { readonly code: string; readonly message: string } | undefined;
  readonly connection: string;
  readonly transcripts: readonly { readonly text: string }[];
  readonly rate: number | undefined;
}
interface Played {
  readonly at: number;
  readonly rate: number;
  readonly samples: readonly number[];
}
declare global {
  interface Window {
    readonly talking: Talking;
  }
}

// A person whose microphone is Chromium's own (it beeps), on a page that the gateway serves under its policy.
describe("talking to the gateway in Chromium", () => {
  let browser: Browser;
  let files: TalkingPage;
  let context: BrowserContext;
  let page: Page;
  let at: Site;
  const complaints: string[] = [];

  beforeAll(async () => {
    files = await buildTalkingPage();
    browser = await launch("--use-fake-ui-for-media-stream");
  });
  afterAll(async () => {
    await browser?.close();
    files?.remove();
  });
  afterEach(() => context?.close());

  function launch(...more: readonly string[]): Promise<Browser> {
    const quiet = [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
    ];
    const sound = ["--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required"];
    return chromium.launch({ executablePath: "/usr/bin/chromium", args: [...quiet, ...sound, ...more] });
  }

  async function visit(options: object, { from = browser, env = {} } = {}): Promise<void> {
    complaints.length = 0;
    at = await site(env, { pages: files.directory });
    context = await from.newContext();
    page = await context.newPage();
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    const response = await page.goto(at.url);
    expect(response?.headers()["content-security-policy"]).toContain("default-src 'self'");
    await page.evaluate((given) => {
      window.talking.open(given);
      window.talking.arm();
    }, options);
  }

  const seen = (): Promise<Seen> => page.evaluate(() => window.talking.state());

  async function untilState(state: string): Promise<Seen> {
    await vi.waitFor(async () => expect((await seen()).voiceAgentState).toBe(state), PATIENCE);
    return seen();
  }

  /** Long enough for the beep, which comes once in a second. */
  async function talk(): Promise<void> {
    await page.click("button");
    await untilState("RECORDING");
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1_500)));
    await page.evaluate(() => window.talking.conversation.stopRecording());
  }

  it("what is said is streamed, and comes back sample for sample, without a gap, and aloud", async () => {
    await visit({ upstreamMode: "STREAM_WHILE_TALK", scope: "test" });
    await talk();
    const { transcripts, rate } = await untilState("READY");
    const { sent, texts, played, loudest, states } = await page.evaluate(() => ({
      sent: window.talking.sentBytes(),
      texts: window.talking.texts(),
      played: window.talking.played,
      loudest: window.talking.loudest,
      states: window.talking.states,
    }));
    expect(texts[0]).toEqual({
      type: "voice:send_chunk",
      data: { turn: 1, scope: "test", format: { mimeType: "audio/pcm", sampleRate: 24_000, channels: 1 } },
    });
    // At least a second of what was said in 1.5, in whole samples.
    expect(sent.length).toBeGreaterThan(48_000);
    const view = new DataView(Uint8Array.from(sent).buffer);
    const said = Array.from({ length: sent.length / 2 }, (_, index) => view.getInt16(index * 2, true) / 32_768);
    expect(Math.max(...said)).toBeGreaterThan(0.5);
    expect(played.flatMap(({ samples }) => samples)).toEqual(said);
    for (const [index, piece] of played.entries()) {
      expect(piece.rate).toBe(24_000);
      const next = played[index + 1];
      if (next) expect(Math.round((next.at - piece.at) * 24_000)).toBe(piece.samples.length);
    }
    expect(loudest).toBeGreaterThan(0.5);
    expect(states).toEqual(["READY", "RECORDING", "UPSTREAMING", "PROCESSING", "DOWNSTREAMING", "RESPONDING", "READY"]);
    const seconds = (sent.length / 48_000).toFixed(1);
    const size = sent.length.toLocaleString("en-US");
    expect(transcripts).toEqual([
      { text: `Loopback: ${seconds} s of audio, ${size} bytes, audio/pcm, 24000 Hz, 1 ch.`, final: true },
    ]);
    expect(rate).toBe(24_000);
    expect(complaints).toEqual([]);
  });

  it("what is recorded first is uploaded as a file, and heard when it is back", async () => {
    await visit({ upstreamMode: "UPLOAD_AFTER_TALK" });
    await talk();
    const { transcripts } = await untilState("READY");
    const { sent, texts, played, loudest } = await page.evaluate(() => ({
      sent: window.talking.sentBytes(),
      texts: window.talking.texts(),
      played: window.talking.played,
      loudest: window.talking.loudest,
    }));
    expect(texts.map(({ type }) => type)).toEqual(["voice:send_file", "voice:commit"]);
    expect(texts[0]?.data).toMatchObject({
      turn: 1,
      format: { mimeType: "audio/webm;codecs=opus" },
      bytes: sent.length,
    });
    // The file begins as each WebM does, so it is whole.
    expect(sent.slice(0, 4)).toEqual([0x1a, 0x45, 0xdf, 0xa3]);
    expect(played).toHaveLength(1);
    expect((played[0]?.samples.length ?? 0) / (played[0]?.rate ?? 1)).toBeGreaterThan(1);
    expect(loudest).toBeGreaterThan(0.5);
    expect(transcripts[0]?.text).toMatch(/^Loopback: \d\.\d s of audio, [\d,]+ bytes, audio\/webm;codecs=opus\.$/);
    expect(complaints).toEqual([]);
  });

  it("two talks one after the other, the second into the answer of the first", async () => {
    await visit({});
    await talk();
    await vi.waitFor(
      async () => expect(await page.evaluate(() => window.talking.states)).toContain("RESPONDING"),
      PATIENCE,
    );
    const before = await page.evaluate(() => window.talking.sentBytes().length);
    await talk();
    const { error } = await untilState("READY");
    expect(error).toBeUndefined();
    const { sent, played } = await page.evaluate(() => ({
      sent: window.talking.sentBytes(),
      played: window.talking.played,
    }));
    const bytes = Uint8Array.from(sent.slice(before));
    const second = Array.from(
      { length: bytes.length / 2 },
      (_, index) => new DataView(bytes.buffer).getInt16(index * 2, true) / 32_768,
    );
    const all = played.flatMap(({ samples }) => samples);
    expect(all.slice(-second.length)).toEqual(second);
  });

  it("closing turns the microphone off, and what is heard, and leaves no connection", async () => {
    await visit({});
    await page.click("button");
    await untilState("RECORDING");
    expect(await page.evaluate(() => window.talking.tracks)).toEqual(["live"]);
    await page.evaluate(() => window.talking.conversation.close());
    expect(await page.evaluate(() => window.talking.tracks)).toEqual(["ended"]);
    expect(await seen()).toMatchObject({ voiceAgentState: "READY", connection: "closed" });
    await at.close(new AbortController().signal);
    expect(complaints).toEqual([]);
  });

  it("a microphone that is refused is an error with a code, and nothing is sent", async () => {
    const strict = await launch("--deny-permission-prompts");
    try {
      await visit({}, { from: strict });
      await page.click("button");
      await vi.waitFor(async () => expect((await seen()).error?.code).toBe("audio/refused"), PATIENCE);
      expect(await seen()).toMatchObject({ voiceAgentState: "READY", connection: "open" });
      expect(await page.evaluate(() => window.talking.texts())).toEqual([]);
      await context.close();
    } finally {
      await strict.close();
    }
  });

  it("a worklet that is not there is an error that names its address", async () => {
    await visit({ socketConfig: { workletUrl: "/nowhere.js" } });
    await page.click("button");
    await vi.waitFor(async () => expect((await seen()).error?.code).toBe("audio/unsupported"), PATIENCE);
    expect((await seen()).error?.message).toContain(`${at.url}/nowhere.js`);
    expect(await page.evaluate(() => window.talking.tracks)).toEqual(["ended"]);
  });

  it("a key that is missing is told as such, though a browser does not say why a socket is refused", async () => {
    await visit({}, { env: { SLUICE_API_KEYS: "alice:key-a" } });
    await vi.waitFor(async () => expect((await seen()).connection).toBe("failed"), PATIENCE);
    expect((await seen()).error).toMatchObject({ code: "client/refused" });
    expect((await seen()).error?.message).toContain("auth/required");
    await page.evaluate(() => window.talking.open({ socketConfig: { token: "key-a" } }));
    await vi.waitFor(async () => expect((await seen()).connection).toBe("open"), PATIENCE);
  });
});
