import type { Browser, BrowserContext, Page } from "playwright-core";
import { startFaultProxy, type Cut, type FaultProxy } from "sluice/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { BROWSERS } from "./browsers.ts";
import { bundleClient, fetchInPage, listenInPage, readByHand, readInPage, servePage } from "./in-page.ts";
import { wordsOf, type HeldModel } from "./held-model.ts";
import { startOrigin, type Origin } from "./origin.ts";
import { streamPath } from "./reading.ts";

const PATIENCE = { timeout: 30_000, interval: 10 };
const SENTENCE = "Locks lift boats – even big ones ⛵ – by letting water in, and let them down by letting it out. ";
/** More bytes than the last of the cuts, however few frames it is worded in. */
const TEXT = SENTENCE.repeat(40);

/**
 * Where connections break, one after the other, counted from the status line; those after them are whole. Before the
 * first `retry:` has come a bare EventSource waits 3 s (Chromium) or 5 s (Firefox), so there is one cut each.
 */
const CUTS: Readonly<Record<string, readonly Cut[]>> = {
  "before the answer begins": [{ afterBytes: 0, by: "reset" }],
  "inside the headers": [{ afterBytes: 200, by: "fin" }],
  "by resets": [600, 1_000, 1_501, 2_002, 3_003].map((afterBytes) => ({ afterBytes, by: "reset" })),
  "by ends without a last chunk": [600, 1_000, 1_501, 2_002, 3_003].map((afterBytes) => ({ afterBytes, by: "fin" })),
};

describe.each(Object.entries(BROWSERS))("in %s", (_name, launch) => {
  let browser: Browser;
  let origin: Origin;
  let proxy: FaultProxy;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    const script = await bundleClient();
    // Cuts are counted in bytes of what the page reads, so nothing is compressed here.
    origin = await startOrigin({ pages: servePage(script) });
    proxy = await startFaultProxy({ target: { port: origin.port } });
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await proxy?.close();
    await origin?.close();
  });
  beforeEach(async () => {
    proxy.setPlan(() => undefined);
    context = await browser.newContext();
    page = await context.newPage();
    await page.goto(`${proxy.url}/page`);
  });
  afterEach(() => context.close());

  /** Cuts the connections from now on; none is left that was made before, for the page or on suspicion. */
  function cutNext(cuts: readonly Cut[]): void {
    proxy.cutAll();
    const first = proxy.connections;
    proxy.setPlan((connection) => {
      const cut = cuts[connection - first];
      return cut === undefined ? undefined : { cut };
    });
  }

  function streamRequests(): number {
    return origin.requests.filter((line) => line.startsWith("GET /stream ")).length;
  }

  describe("a bare EventSource", () => {
    /** Opens it in the page, where it stays as `window.seen`. */
    async function open(path: string): Promise<void> {
      await page.evaluate((url) => {
        const source = new EventSource(url);
        const seen = { words: [] as string[], messages: [] as string[], done: 0, source };
        source.addEventListener("chunk", ({ data }) => seen.words.push(JSON.parse(data).content));
        source.addEventListener("message", ({ data }) => seen.messages.push(JSON.parse(data).content));
        source.addEventListener("done", () => (seen.done += 1));
        Object.assign(window, { seen });
      }, path);
    }
    async function seen(): Promise<Seen> {
      return page.evaluate(() => {
        const { source, ...rest } = (window as unknown as { readonly seen: Seen & { source: EventSource } }).seen;
        return { ...rest, state: source.readyState };
      });
    }
    async function waitForText(text: string): Promise<void> {
      await vi.waitFor(async () => expect((await seen()).words.join("")).toBe(text), PATIENCE);
    }
    const CLOSED = 2;
    async function waitForClose(): Promise<void> {
      await vi.waitFor(async () => expect((await seen()).state).toBe(CLOSED), PATIENCE);
    }

    async function expectOneAnswer(model: HeldModel, text: string): Promise<void> {
      const { words, ...rest } = await seen();
      expect(words.join("")).toBe(text);
      expect(rest).toEqual({ messages: [text], done: 1, state: CLOSED });
      expect(model.calls).toBe(1);
      // What the page asks for next is the next thing the server sees.
      const before = streamRequests();
      await page.evaluate(async () => void (await fetch("/health")));
      expect(origin.requests.at(-1)).toContain("/health");
      expect(streamRequests()).toBe(before);
    }

    it("asks the model once, and is told by one more request that there is no more", async () => {
      const before = streamRequests();
      const model = origin.hold("whole");
      await open(streamPath("whole"));
      model.say(...wordsOf(SENTENCE));
      await waitForText(SENTENCE);
      model.say(...wordsOf(SENTENCE));
      model.end();
      await waitForClose();
      expect(streamRequests()).toBe(before + 2);
      await expectOneAnswer(model, SENTENCE + SENTENCE);
    });

    for (const [where, cuts] of Object.entries(CUTS)) {
      it(`has the answer of one model call once when it is cut ${where}`, async () => {
        const before = streamRequests();
        const model = origin.hold(where);
        model.say(...wordsOf(TEXT));
        cutNext(cuts);
        await open(streamPath(where));
        await waitForText(TEXT);
        model.end();
        await waitForClose();
        // Each cut is one request more. A browser itself may ask again when a connection says nothing at all.
        expect(streamRequests()).toBeGreaterThanOrEqual(before + cuts.length + 2);
        await expectOneAnswer(model, TEXT);
      });
    }

    it("has the whole answer once when cuts fall into its terminal", async () => {
      const text = SENTENCE.repeat(4);
      const model = origin.hold("late");
      model.say(...wordsOf(text));
      await open(streamPath("late"));
      await waitForText(text);
      // A connection begins with about 400 bytes of headers and `retry:`; then come 550 with the whole message and 80
      // that say it is done. One cut falls between the two, and those after it into what says that it is done.
      const positions = [...steps(380, 1_100, 40), ...steps(380, 520, 20)];
      cutNext(positions.map((afterBytes) => ({ afterBytes, by: "fin" })));
      model.end();
      await waitForClose();
      await expectOneAnswer(model, text);
    });
  });

  describe("our client", () => {
    for (const [where, cuts] of Object.entries(CUTS)) {
      it(`folds the same message when it is cut ${where}`, async () => {
        const question = `client, ${where}`;
        const model = origin.hold(question);
        model.say(...wordsOf(TEXT));
        cutNext(cuts);
        const { connections } = proxy;
        const reading = page.evaluate(readInPage, question);
        reading.catch(() => {}); // awaited below
        await vi.waitFor(() => expect(proxy.connections - connections).toBeGreaterThan(cuts.length), PATIENCE);
        model.end();
        const { message, runId, states } = await reading;
        expect(message).toBe(JSON.stringify(await origin.messageOf(runId)));
        expect(message).toContain(JSON.stringify(TEXT));
        expect(states.filter((status) => status === "done")).toHaveLength(1);
        expect(states.filter((status) => status === "waiting").length).toBeGreaterThanOrEqual(cuts.length);
        expect(model.calls).toBe(1);
      });
    }
  });

  describe("a fetch written by hand", () => {
    for (const [where, cuts] of Object.entries(CUTS)) {
      it(`has the answer of one model call once when it is cut ${where}`, async () => {
        const question = `by hand, ${where}`;
        const model = origin.hold(question);
        model.say(...wordsOf(TEXT));
        cutNext(cuts);
        const { connections } = proxy;
        const reading = page.evaluate(readByHand, question);
        reading.catch(() => {}); // awaited below
        await vi.waitFor(() => expect(proxy.connections - connections).toBeGreaterThan(cuts.length), PATIENCE);
        model.end();
        expect(await reading).toMatchObject({ text: TEXT, messages: [TEXT], done: 1 });
        expect((await reading).requests).toBeGreaterThan(cuts.length);
        expect(model.calls).toBe(1);
      });
    }
  });

  describe("an answer that is compressed", () => {
    let origin: Origin;
    const codings: (string | undefined)[] = [];

    beforeAll(async () => {
      origin = await startOrigin({ pages: servePage(""), compression: true });
    });
    afterAll(async () => {
      await origin?.close();
    });

    beforeEach(async () => {
      codings.length = 0;
      page.on("response", (response) => {
        if (response.url().includes("/stream")) codings.push(response.headers()["content-encoding"]);
      });
      await page.goto(`${origin.url}/page`);
    });

    /** What the page has seen, as it stands there. */
    async function expectSeen(expected: object): Promise<void> {
      const seen = (): Promise<unknown> => page.evaluate(() => (window as unknown as { readonly seen: unknown }).seen);
      await vi.waitFor(async () => expect(await seen()).toMatchObject(expected), PATIENCE);
    }

    for (const [what, open] of Object.entries({ fetch: fetchInPage, "a bare EventSource": listenInPage })) {
      it(`is read by ${what} word by word, while the model is at work on the next`, async () => {
        const model = origin.hold(what);
        await page.evaluate(open, streamPath(what));
        let text = "";
        for (const word of wordsOf(SENTENCE)) {
          model.say(word);
          await expectSeen({ text: (text += word), end: "" });
        }
        model.end();
        await expectSeen({ text, end: "done" });
        expect(codings[0]).toBe("gzip");
        expect(model.calls).toBe(1);
      });
    }

    it("fails the page's fetch when it is broken off, after all that was said", async () => {
      const model = origin.hold("broken off");
      await page.evaluate(fetchInPage, streamPath("broken off"));
      model.say(...wordsOf(SENTENCE));
      await expectSeen({ text: SENTENCE, end: "" });
      origin.letGo();
      await expectSeen({ text: SENTENCE, end: "TypeError" });
      model.end();
    });
  });
});

function steps(from: number, to: number, by: number): readonly number[] {
  return Array.from({ length: (to - from) / by }, (_, index) => from + index * by);
}

interface Seen {
  readonly words: readonly string[];
  readonly messages: readonly string[];
  readonly done: number;
  readonly state: number;
}
