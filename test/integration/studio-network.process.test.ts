import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { randomOf } from "../crash/numbers.ts";
import { BROWSERS } from "./browsers.ts";
import {
  askInto,
  expectWhole,
  openTab,
  PATIENCE,
  startSite,
  textsOf,
  type Middle,
  type Site,
  type Tab,
} from "./studio.ts";

describe.each(Object.entries(BROWSERS))("the studio in %s", (name, launch) => {
  let browser: Browser;
  let site: Site;
  let context: BrowserContext;

  beforeAll(async () => {
    site = await startSite();
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });
  beforeEach(async () => {
    site.proxy.setPlan(() => undefined);
    context = await browser.newContext();
  });
  afterEach(() => context.close());

  /** A tab in which half of an answer is there. */
  async function inTheMiddle(opened?: Tab): Promise<Middle & { readonly tab: Tab }> {
    const tab = opened ?? (await openTab(context, site.url));
    return { tab, ...(await askInto(tab, site)) };
  }

  async function another(tab: Tab): Promise<Tab> {
    const opened = await openTab(context, tab.page.url());
    await opened.untilShown("HALF");
    return opened;
  }

  async function expectFinished(tab: Tab): Promise<void> {
    await tab.untilStatus("finished");
    await expectWhole(tab, "finished");
  }

  /** What was read before this test is over. */
  async function untilReaders(count: number): Promise<void> {
    await vi.waitFor(async () => expect(await site.metric("sluice_readers_active")).toBe(count), PATIENCE);
  }

  it("has the whole answer once after a reload in the middle of it", async () => {
    const { tab, model, finish } = await inTheMiddle();
    await tab.page.reload();
    await tab.untilShown("HALF");
    await finish();
    await expectFinished(tab);
    expect(model.calls).toBe(1);
  });

  it("has it after reloads one upon the other, while connections break, and after its end", async () => {
    const { tab, finish } = await inTheMiddle();
    await tab.page.reload();
    site.proxy.cutAll();
    await tab.page.reload();
    await finish();
    await expectFinished(tab);
    await tab.page.reload();
    await expectFinished(tab);
  });

  it.each([1, 2])("has it when the network is cut at random points (seed %i)", async (seed) => {
    const random = randomOf(seed);
    const { tab, model, finish } = await inTheMiddle();
    const resumes = await site.metric("sluice_resumes_total");
    const more = await textsOf(`more ${seed}`, 20);
    const first = site.proxy.connections;
    const cuts = 4 + random(4);
    site.proxy.setPlan((connection) => {
      if (connection >= first + cuts) return undefined;
      return { cut: { afterBytes: random(3_000), by: random(2) === 0 ? "reset" : "fin" } };
    });
    site.proxy.cutAll();
    await vi.waitFor(() => {
      model.say(...more); // so that the bytes come after which it is cut
      expect(site.proxy.connections).toBeGreaterThan(first + cuts);
    }, PATIENCE);
    await finish();
    await expectFinished(tab);
    expect(await site.metric("sluice_resumes_total")).toBeGreaterThan(resumes);
    expect(model.calls).toBe(1);
  });

  it("shows the answer in two tabs of a thread, over one connection", async () => {
    await untilReaders(0);
    const joined = await site.metric("sluice_readers_joined_total");
    const { tab, finish } = await inTheMiddle();
    const second = await another(tab);
    await untilReaders(1);
    await finish();
    for (const each of [tab, second]) await expectFinished(each);
    expect(await site.metric("sluice_readers_joined_total")).toBe(joined + 1);
  });

  it("shows it in seven tabs over HTTP/1.1, of which none is left without a connection", async () => {
    await untilReaders(0);
    const { tab, finish } = await inTheMiddle();
    const tabs = [tab];
    while (tabs.length < 7) tabs.push(await another(tab));
    await untilReaders(1);
    // A browser has six connections for all tabs: with seven streams on them this would never be answered.
    for (const { page } of tabs) expect(await page.evaluate(async () => (await fetch("/health")).status)).toBe(200);
    await finish();
    for (const each of tabs) await expectFinished(each);
  });

  it("goes on in the other tab when the one that reads is closed", async () => {
    const { tab, model, finish } = await inTheMiddle();
    const second = await another(tab);
    await tab.page.close();
    await finish();
    await expectFinished(second);
    expect(model.calls).toBe(1);
  });

  it("stops the answer in all tabs when it is stopped in one, and each has the same", async () => {
    const { tab } = await inTheMiddle();
    const second = await another(tab);
    await tab.stop();
    for (const each of [second, tab]) {
      await each.untilStatus("aborted");
      await expectWhole(each, "aborted");
    }
  });

  it("has the whole answer after a sleep: hours have passed, and every connection is dead without a word", async () => {
    const opened = await openTab(context, site.url);
    await opened.page.clock.install();
    await opened.page.reload();
    const { tab, finish } = await inTheMiddle(opened);
    site.proxy.cutAll("silence");
    await finish();
    // The first attempts go out on connections that the browser kept: it does not know yet that they are dead, too.
    await vi.waitFor(
      async () => {
        await tab.page.clock.fastForward("01:00:00");
        expect(await tab.answer.getAttribute("data-status")).toBe("finished");
      },
      { timeout: 30_000, interval: 1_000 },
    );
    await expectFinished(tab);
  });

  /**
   * To another page and back. Chromium keeps the page for that. Firefox may, when nothing is being fetched at that very
   * moment, and else makes it anew.
   */
  async function leaveAndComeBack({ page }: Tab, meanwhile: () => Promise<void>): Promise<void> {
    await page.evaluate(() => Object.assign(window, { isKept: true }));
    await page.goto(`${site.url}/favicon.svg`);
    await meanwhile();
    // Playwright waits for a load, which a page that was kept does not have again.
    await page.evaluate(() => setTimeout(() => history.back()));
    await vi.waitFor(async () => expect(await page.evaluate(() => location.search)).toContain("thread="), PATIENCE);
    const isKept = await page.evaluate(() => "isKept" in window);
    console.log(`${name}, the way back: ${isKept ? "the page as it was left" : "a page made anew"}`);
    if (name === "Chromium") expect(isKept).toBe(true);
  }

  it("has the whole answer after the person went to another page and back in the middle of it", async () => {
    const { tab, model, finish } = await inTheMiddle();
    await leaveAndComeBack(tab, finish);
    await expectFinished(tab);
    expect(model.calls).toBe(1);
  });

  it("shows it, and answers on, on a page that the person left when it was whole and came back to", async () => {
    const { tab, finish } = await inTheMiddle();
    await finish();
    await expectFinished(tab);
    await leaveAndComeBack(tab, async () => {});
    await expectFinished(tab);
    const next = await askInto(tab, site);
    await next.finish();
    await tab.untilStatus("finished", tab.answer.nth(1));
    expect(await tab.runs()).toMatchObject([{ status: "finished" }, { status: "finished" }]);
  });
});
