import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "./chromium.ts";
import { watchMainThread, type LongestTask } from "./main-thread.ts";
import { expectWhole, openTab, startSite, type Site, type Tab } from "./studio.ts";

/** What the page itself has counted since it was loaded. */
interface Counted {
  /** Of React, all roots. */
  commits: number;
  /** Painted by the browser. */
  frames: number;
  /** Put into the conversation, whether they stayed or not. */
  nodesAdded: number;
}

// How fast a machine is says nothing about the studio: what is asserted is how often it works, and on how much. The times are
// printed.
describe("the studio in Chromium, while an answer streams", () => {
  let browser: Browser;
  let site: Site;

  beforeAll(async () => {
    site = await startSite({ demo: true });
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  async function openCounted(): Promise<Tab> {
    const context = await browser.newContext({ viewport: { width: 1_280, height: 800 } });
    await context.addInitScript(countInPage);
    const tab = await openTab(context, site.url);
    await tab.page.getByRole("textbox", { name: "Message" }).waitFor();
    return tab;
  }

  /** What it cost to show the answer to this question. */
  async function costOf(
    tab: Tab,
    question: string,
  ): Promise<Counted & { readonly seconds: number; readonly task: LongestTask }> {
    const before = await counted(tab);
    const begun = performance.now();
    const task = await watchMainThread(browser, tab.page, async () => {
      await tab.ask(question);
      await tab.untilStatus("finished");
    });
    const seconds = (performance.now() - begun) / 1_000;
    const after = await counted(tab);
    return {
      seconds,
      commits: after.commits - before.commits,
      frames: after.frames - before.frames,
      nodesAdded: after.nodesAdded - before.nodesAdded,
      task,
    };
  }

  it("commits at most once for each frame that is painted, at 500 tokens a second", async () => {
    const tab = await openCounted();
    const words = 2_500;
    const { commits, frames, seconds, task } = await costOf(tab, `Tell me about mills words=${words} rate=500`);
    const rate = (commits / seconds).toFixed(1);
    console.log(
      `500 tokens/s for ${seconds.toFixed(1)} s: ${commits} commits (${rate}/s) in ${frames} frames; ${told(task)}`,
    );
    expect(commits).toBeLessThanOrEqual(frames + (await commitsOfTheirOwn(tab)));
    expect(commits).toBeLessThan(words / 4);
    await expectWhole(tab, "finished");
    await tab.page.context().close();
  });

  it("does work for what is new, not for what is there, over an answer of 20,000 tokens", async () => {
    const tab = await openCounted();
    const { commits, frames, seconds, nodesAdded, task } = await costOf(
      tab,
      "Tell me about everything words=20000 rate=4000",
    );
    const nodes = await tab.answer.evaluate((answer) => answer.querySelectorAll("*").length);
    console.log(
      `20,000 tokens in ${seconds.toFixed(1)} s: ${commits} commits in ${frames} frames; ` +
        `${nodesAdded} nodes added for the ${nodes} elements that are there; ${told(task)}`,
    );
    expect(commits).toBeLessThanOrEqual(frames + (await commitsOfTheirOwn(tab)));
    // Each commit may build the block anew that is not complete, and nothing before it. Built anew as a whole it would be
    // hundreds of times what is there.
    expect(nodesAdded).toBeLessThan(20 * nodes);
    await expectWhole(tab, "finished");
    await tab.page.context().close();
  });
});

/** The question, the list of chats, the end of the answer; and each block that becomes too wide for the page, or gets colours. */
async function commitsOfTheirOwn({ answer }: Tab): Promise<number> {
  return 12 + 2 * (await answer.locator(".scroll-area").count());
}

function told({ wallMs, cpuMs, over50 }: LongestTask): string {
  const wall = `the longest task took ${Math.round(wallMs)} ms (${over50.wall} over 50)`;
  return `${wall}, ${Math.round(cpuMs)} ms of them on the processor (${over50.cpu} over 50)`;
}

type CountWindow = Window & { counted?: Counted; __REACT_DEVTOOLS_GLOBAL_HOOK__?: unknown };

function counted({ page }: Tab): Promise<Counted> {
  return page.evaluate(() => ({ ...(window as CountWindow).counted! }));
}

/** Runs in the page, before its own scripts. */
function countInPage(): void {
  const counts: Counted = { commits: 0, frames: 0, nodesAdded: 0 };
  // What React's DevTools put there: React tells it of every commit, in production too.
  const hook = {
    supportsFiber: true,
    renderers: new Map(),
    inject: () => 1,
    checkDCE: () => {},
    onCommitFiberRoot: () => (counts.commits += 1),
    onPostCommitFiberRoot: () => {},
    onCommitFiberUnmount: () => {},
  };
  Object.assign(window, { counted: counts, __REACT_DEVTOOLS_GLOBAL_HOOK__: hook });
  const frame = (): void => {
    counts.frames += 1;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  new MutationObserver((records) => {
    for (const { target, addedNodes } of records) {
      const inLog = target instanceof Element && target.closest('[role="log"]') !== null;
      if (inLog)
        for (const node of addedNodes)
          counts.nodesAdded += 1 + (node instanceof Element ? node.querySelectorAll("*").length : 0);
    }
  }).observe(document, { childList: true, subtree: true });
}
