import { EventSource } from "eventsource";
import type { Browser, BrowserContext, Page } from "playwright-core";
import type { Cut } from "sluice/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { BROWSERS } from "./browsers.ts";
import type { HeldModel } from "./held-model.ts";
import { listenInPage, readByHand } from "./in-page.ts";
import { ask, streamPath } from "./reading.ts";
import { openTab, PATIENCE, startSite, textsOf, type Site } from "./studio.ts";

const CUTS: readonly Cut[] = [900, 1_400, 2_100, 3_000].map((afterBytes, index) => ({
  afterBytes,
  by: index % 2 === 0 ? "reset" : "fin",
}));

// What reads the gateway without a line of ours, through connections that break.
describe("an answer of the gateway", () => {
  let site: Site;
  let asked = 0;

  beforeAll(async () => {
    site = await startSite();
  });
  afterAll(() => site?.close());
  afterEach(() => site.proxy.setPlan(() => undefined));

  interface Asked {
    readonly question: string;
    readonly model: HeldModel;
    /** Resolves with all that was said, when all cuts have happened. */
    cut(): Promise<string>;
  }

  async function hold(): Promise<Asked> {
    const question = `reader ${(asked += 1)}`;
    const model = site.hold(question);
    const more = await textsOf(question, 100);
    const said: string[] = [];
    site.proxy.cutAll();
    const first = site.proxy.connections;
    site.proxy.setPlan((connection) => {
      const cut = CUTS[connection - first];
      return cut && { cut };
    });
    return {
      question,
      model,
      async cut() {
        await vi.waitFor(() => {
          // The answer is compressed: nobody knows how much it takes until the next cut.
          model.say(...more);
          said.push(...more);
          expect(site.proxy.connections - first).toBeGreaterThan(CUTS.length);
        }, PATIENCE);
        model.end();
        return said.join("");
      },
    };
  }

  describe.each(Object.entries(BROWSERS))("in %s", (_name, launch) => {
    let browser: Browser;
    let context: BrowserContext;
    let page: Page;

    beforeAll(async () => {
      browser = await launch();
    });
    afterAll(() => browser?.close());
    beforeEach(async () => {
      context = await browser.newContext();
      ({ page } = await openTab(context, site.url)); // that makes somebody of the browser
      await page.goto(`${site.url}/favicon.svg`);
    });
    afterEach(() => context.close());

    it("is read whole by a bare EventSource, from one call of the model", async () => {
      const { question, model, cut } = await hold();
      await page.evaluate(listenInPage, streamPath(question));
      const text = await cut();
      await vi.waitFor(async () => {
        expect(await page.evaluate(() => (window as unknown as { readonly seen: object }).seen)).toEqual({
          text,
          end: "done",
        });
      }, PATIENCE);
      expect(model.calls).toBe(1);
    });

    it("is read whole by a fetch that is written by hand", async () => {
      const { question, model, cut } = await hold();
      const reading = page.evaluate(readByHand, question);
      reading.catch(() => {}); // awaited below
      const text = await cut();
      expect(await reading).toMatchObject({ text, messages: [text], done: 1 });
      expect(model.calls).toBe(1);
    });
  });

  it("is read whole by the package eventsource", async () => {
    // Who starts something is told who they are.
    const token = (await fetch(`${site.url}/generate`, ask("Hello"))).headers.get("sluice-owner-token") ?? "";
    const { question, model, cut } = await hold();
    const source = new EventSource(site.url + streamPath(question), {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } }),
    });
    let read = "";
    source.addEventListener("chunk", ({ data }: MessageEvent<string>) => (read += JSON.parse(data).content));
    const done = new Promise((resolve) => source.addEventListener("done", resolve));
    const text = await cut();
    await done;
    source.close();
    expect(read).toBe(text);
    expect(model.calls).toBe(1);
  });
});
