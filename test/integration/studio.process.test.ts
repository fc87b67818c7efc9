import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { launchChromium } from "./chromium.ts";
import { expectWhole, openTab, PATIENCE, startSite, type Site, type Tab } from "./studio.ts";

const PHONE = { width: 360, height: 640 };

// The page as `npm run build` left it in apps/studio/dist, served by the gateway, answered by the demo model.
describe("the studio in Chromium", () => {
  let browser: Browser;
  let site: Site;
  const contexts: BrowserContext[] = [];
  let tab: Tab;
  let page: Page;
  /** What the browser complains about, on every page of a test. */
  const complaints: string[] = [];

  beforeAll(async () => {
    site = await startSite({ demo: true });
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });
  beforeEach(async () => {
    complaints.length = 0;
    site.proxy.setPlan(() => undefined);
    tab = await openStudio();
    page = tab.page;
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });

  /** In a browser profile of its own: another person. */
  async function openStudio(viewport = { width: 1_000, height: 700 }): Promise<Tab> {
    const context = await browser.newContext({ viewport });
    contexts.push(context);
    context.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    context.on("weberror", (error) => complaints.push(String(error.error())));
    return openTab(context, site.url);
  }

  const textbox = (): Locator => page.getByRole("textbox", { name: "Message" });

  async function untilLongerThan(length: number): Promise<number> {
    let found = 0;
    await vi.waitFor(async () => {
      found = (await tab.answer.innerText()).length;
      expect(found).toBeGreaterThan(length);
    }, PATIENCE);
    return found;
  }

  /** The words of an answer, as they are laid out: without what stands around them. */
  function words(of: Tab): Promise<string> {
    return of.answer.evaluate((answer) => {
      const parts = answer.querySelectorAll(".markdown");
      return Array.from(parts, (part) => part.innerHTML).join("\n");
    });
  }

  /** Code gets its colours a moment later. */
  async function expectWords(expected: string): Promise<void> {
    await vi.waitFor(async () => expect(await words(tab)).toBe(expected), PATIENCE);
  }

  /** The same answer on somebody else's page, at once and without anything happening to it. */
  async function uninterrupted(text: string): Promise<string> {
    const other = await openStudio();
    await other.ask(`${text} rate=max`);
    await other.untilStatus("finished");
    return words(other);
  }

  it("shows the question at once, before the server answers, and asks the model once", async () => {
    site.proxy.setPlan(() => ({ cut: { afterBytes: 0, by: "reset" } }));
    site.proxy.cutAll();
    await tab.ask("Tell me about locks words=20 rate=max");
    expect(await tab.question.innerText()).toContain("Tell me about locks");
    expect(await tab.question.getAttribute("data-status")).toBe("pending");
    expect(await textbox().inputValue()).toBe("");
    site.proxy.setPlan(() => undefined);
    await tab.untilStatus("finished");
    expect(await tab.question.getAttribute("data-status")).toBe("sent");
    expect(await tab.runs()).toMatchObject([{ status: "finished" }]);
  });

  it("shows an answer while it grows", async () => {
    await tab.ask("Tell me about canals words=2000 rate=100");
    let length = 0;
    for (let step = 0; step < 5; step += 1) length = await untilLongerThan(length + 10);
    expect(await tab.answer.getAttribute("data-status")).toBe("streaming");
    await page.getByRole("status").getByText("Answering").waitFor({ state: "attached" });
    expect(await tab.runs()).toMatchObject([{ status: "running" }]);
  });

  it("shows the whole answer once after a reload in the middle of it", async () => {
    const text = "Tell me about aqueducts words=400 rate=80";
    await tab.ask(text);
    await untilLongerThan(80);
    expect(await tab.answer.getAttribute("data-status")).toBe("streaming");
    await page.reload();
    await tab.untilStatus("finished");
    await page.getByRole("status").getByText("Answer complete").waitFor({ state: "attached" });
    await expectWhole(tab, "finished");
    await expectWords(await uninterrupted(text));
  });

  it("goes on by itself after the connection was lost, and says so meanwhile", async () => {
    const text = "Tell me about rivers words=300 rate=60";
    await tab.ask(text);
    await untilLongerThan(80);
    site.proxy.setPlan(() => ({ cut: { afterBytes: 0, by: "reset" } }));
    site.proxy.cutAll();
    await page.getByText(/^Reconnecting in \d+ s$/).waitFor();
    site.proxy.setPlan(() => undefined);
    await page.getByText(/^Resumed.*, 0 lost$/).waitFor();
    await tab.untilStatus("finished");
    await expectWhole(tab, "finished");
    await expectWords(await uninterrupted(text));
  });

  it("keeps what has come when an answer is stopped, also after a reload", async () => {
    await tab.ask("Tell me about bridges words=2000 rate=50");
    const length = await untilLongerThan(80);
    await tab.stop();
    await tab.untilStatus("aborted");
    await expectWhole(tab, "aborted");
    const kept = await words(tab);
    expect((await tab.answer.innerText()).length).toBeGreaterThanOrEqual(length);
    expect(await tab.answer.innerText()).toContain("Stopped");
    await page.reload();
    await tab.untilStatus("aborted");
    await expectWhole(tab, "aborted");
    await expectWords(kept);
  });

  // A mend of something else once left the last answer of every chat that was opened with nothing but its words.
  it("shows the thoughts, tool calls, files and sources of the last answer of a chat that is opened", async () => {
    await tab.ask("Tell me about mills words=20 rate=max reasoning tool=search sources=3 file=picture");
    await tab.untilStatus("finished");
    const parts = await tab.answer.evaluate(partsOf);
    expect(Object.values(parts).map((found) => found.length)).toEqual([1, 1, 1, 3, 1]);
    await page.reload();
    await vi.waitFor(async () => expect(await tab.answer.evaluate(partsOf)).toEqual(parts), PATIENCE);
    // In a tab that knows nothing of it, while no other one is there to ask.
    const [context, address] = [page.context(), page.url()];
    await page.close();
    tab = await openTab(context, address);
    await vi.waitFor(async () => expect(await tab.answer.evaluate(partsOf)).toEqual(parts), PATIENCE);
  });

  it("can be used with the keyboard alone", async () => {
    await vi.waitFor(async () => expect(await isFocused(textbox())).toBe(true), PATIENCE);
    await page.keyboard.type("First line words=2000 rate=50");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("second line");
    await page.keyboard.press("Enter");
    expect(await tab.question.innerText()).toMatch(/First line.*\nsecond line/);
    await untilLongerThan(40);
    await page.keyboard.press("Tab");
    expect(await isFocused(page.getByRole("button", { name: "Stop" }))).toBe(true);
    await page.keyboard.press("Enter");
    await tab.untilStatus("aborted");
    await page.keyboard.type("Next words=5 rate=max");
    await page.keyboard.press("Enter");
    await tab.untilStatus("finished", tab.answer.nth(1));
    expect((await tab.runs()).map(({ status }) => status)).toEqual(["finished", "aborted"]);
  });

  it("shows a failed answer as failed, with what has come, and tries again when asked", async () => {
    await tab.ask("Tell me about dams words=60 rate=max fail-after=20");
    await tab.untilStatus("failed", tab.answer.last());
    expect(await tab.answer.getByRole("alert").innerText()).toContain("llm/failed");
    expect((await tab.answer.innerText()).length).toBeGreaterThan(100);
    expect(await tab.runs()).toMatchObject([{ status: "failed" }]);
    await tab.answer.getByRole("button", { name: "Try again" }).click();
    await vi.waitFor(async () => expect(await tab.runs()).toHaveLength(2), PATIENCE);
    await tab.untilStatus("failed", tab.answer.last());
    expect(await tab.question.count()).toBe(1);
  });

  it("fits a phone: nothing scrolls sideways but tables and code", async () => {
    tab = await openStudio(PHONE);
    page = tab.page;
    expect(await widthOf(page)).toBe(PHONE.width);
    await tab.ask(`Tell me about ${"x".repeat(120)} words=400 rate=max`);
    await tab.untilStatus("finished");
    expect(await tab.answer.locator("pre, table").count()).toBeGreaterThan(0);
    expect(await widthOf(page)).toBe(PHONE.width);
    expect(await isInside(page.getByRole("button", { name: "Send" }), PHONE)).toBe(true);
  });

  // With Firefox, or over the header, a long answer scrolled the page itself: header and message box went out of sight.
  // What only screen readers have stood outside the box that scrolls.
  it("scrolls in the conversation, and never as a page", async () => {
    await tab.ask("Tell me about locks words=1500 rate=max reasoning tool=search");
    await tab.untilStatus("finished");
    const heights = await page.evaluate(() => {
      const conversation = document.querySelector(".scroller")?.scrollHeight ?? 0;
      return { conversation, page: document.documentElement.scrollHeight, window: window.innerHeight };
    });
    expect(heights.conversation).toBeGreaterThan(heights.window * 2);
    expect(heights.page).toBe(heights.window);
  });

  it("keeps the focus in the conversation when it was told to go to its end", async () => {
    await tab.ask("Tell me about weirs words=1500 rate=max");
    await tab.untilStatus("finished");
    await page.locator(".scroller").evaluate((box) => (box.scrollTop = 0));
    const jump = page.getByRole("button", { name: "Jump to latest" });
    await jump.focus();
    await page.keyboard.press("Enter");
    await jump.waitFor({ state: "detached" });
    expect(await isFocused(page.locator(".scroller"))).toBe(true);
  });

  // Who attached a large drawing on a transparent ground sent a black square, or, with Enter at once, no picture at all.
  it("sends a picture that has to be made smaller first, on white where it has holes", async () => {
    await page.locator("textarea").focus();
    await page.keyboard.type("What is this? words=5 rate=max");
    await page.evaluate(pasteLargeDrawing);
    await page.keyboard.press("Enter");
    expect(await tab.question.count()).toBe(0);
    await page.locator(".chip").waitFor();
    await page.keyboard.press("Enter");
    await tab.untilStatus("finished");
    const image = tab.question.locator("img");
    expect(await image.evaluate(lastPixelOf)).toEqual([255, 255, 255]);
  });

  it("does all it does under a strict Content-Security-Policy, without a complaint in the console", async () => {
    const response = await page.reload();
    expect(response?.headers()["content-security-policy"]).toContain("default-src 'self'");
    expect(response?.headers()["content-security-policy"]).not.toContain("unsafe");
    await tab.ask("Tell me about mills words=200 rate=max tool=weather reasoning");
    await tab.untilStatus("finished");
    await page.reload();
    await tab.untilStatus("finished");
    expect(complaints).toEqual([]);
  });
});

function isFocused(of: Locator): Promise<boolean> {
  return of.evaluate((element) => element === document.activeElement);
}

/** What would have to be scrolled over. */
function widthOf(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth);
}

async function isInside(of: Locator, view: { readonly width: number; readonly height: number }): Promise<boolean> {
  const box = await of.boundingBox();
  return box !== null && box.x >= 0 && box.x + box.width <= view.width && box.y + box.height <= view.height;
}

/** In the page: what an answer has beside its words. */
function partsOf(answer: Element): Readonly<Record<string, readonly (string | null)[]>> {
  return Object.fromEntries(
    [".thoughts", ".aside-name", ".tool-state", ".source-title", ".file-image img"].map((part) => [
      part,
      Array.from(answer.querySelectorAll(part), (found) => found.getAttribute("src") ?? found.textContent),
    ]),
  );
}

/** In the page: more than a chat may have, of which only the upper part is drawn. */
async function pasteLargeDrawing(): Promise<void> {
  const canvas = document.createElement("canvas");
  canvas.width = 1_200;
  canvas.height = 1_200;
  const context = canvas.getContext("2d");
  const drawn = context?.createImageData(1_200, 300);
  if (!context || !drawn) throw new Error("Nothing can be drawn.");
  for (let at = 0; at < drawn.data.length; at += 60_000) crypto.getRandomValues(drawn.data.subarray(at, at + 60_000));
  context.putImageData(drawn, 0, 0);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([blob ?? ""], "drawing.png", { type: "image/png" }));
  const paste = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
  document.querySelector("textarea")?.dispatchEvent(paste);
}

/** In the page: its red, green and blue. */
async function lastPixelOf(element: Element): Promise<readonly number[]> {
  const image = element as HTMLImageElement;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d");
  context?.drawImage(image, 0, 0);
  return [...(context?.getImageData(canvas.width - 1, canvas.height - 1, 1, 1).data ?? [])].slice(0, 3);
}
