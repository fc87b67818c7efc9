import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { createMemoryLog } from "sluice/log";
import { startFaultProxy, type FaultProxy } from "sluice/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { parseConfig } from "../../apps/gateway/src/config.ts";
import { startGateway, type Gateway } from "../../apps/gateway/src/gateway.ts";
import { launchChromium } from "./chromium.ts";

const PATIENCE = { timeout: 30_000, interval: 20 };
const PHONE = { width: 360, height: 640 };

interface Run {
  readonly id: string;
  readonly status: string;
}

// The page as `npm run build` left it in apps/studio/dist, served by the gateway, answered by the demo model.
describe("the studio in Chromium", () => {
  let browser: Browser;
  let gateway: Gateway;
  let proxy: FaultProxy;
  const contexts: BrowserContext[] = [];
  let page: Page;
  /** What the browser complains about, on every page of a test. */
  const complaints: string[] = [];

  beforeAll(async () => {
    gateway = await startGateway(parseConfig({ PORT: "0" }), { store: createMemoryLog(), log: () => {} });
    proxy = await startFaultProxy({ target: { port: Number(new URL(gateway.url).port) } });
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await proxy?.close();
    await gateway?.close(AbortSignal.abort());
  });
  beforeEach(async () => {
    complaints.length = 0;
    proxy.setPlan(() => undefined);
    page = await openStudio();
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });

  /** In a browser profile of its own: another person. */
  async function openStudio(viewport = { width: 1_000, height: 700 }): Promise<Page> {
    const context = await browser.newContext({ viewport });
    contexts.push(context);
    const opened = await context.newPage();
    opened.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    opened.on("pageerror", (error) => complaints.push(String(error)));
    const response = await opened.goto(proxy.url);
    expect(response?.status(), "apps/studio is not built: npm run build").toBe(200);
    return opened;
  }

  const textbox = (): Locator => page.getByRole("textbox", { name: "Message" });
  const log = (on = page): Locator => on.getByRole("log");
  const question = (on = page): Locator => log(on).locator('[data-role="user"]');
  const answer = (on = page): Locator => log(on).locator('[data-role="assistant"]');

  async function ask(text: string, on = page): Promise<void> {
    await on.getByRole("textbox", { name: "Message" }).fill(text);
    await on.getByRole("button", { name: "Send" }).click();
  }

  async function untilStatus(status: string, of: Locator = answer()): Promise<void> {
    await vi.waitFor(async () => expect(await of.getAttribute("data-status")).toBe(status), PATIENCE);
  }

  async function lengthOf(of: Locator): Promise<number> {
    return (await of.innerText()).length;
  }

  async function untilLongerThan(length: number): Promise<number> {
    await vi.waitFor(async () => expect(await lengthOf(answer())).toBeGreaterThan(length), PATIENCE);
    return lengthOf(answer());
  }

  /** What the owner of this page has started, as the gateway tells it. */
  async function runs(): Promise<readonly Run[]> {
    return page.evaluate(async () => ((await (await fetch("/runs")).json()) as { readonly runs: readonly Run[] }).runs);
  }

  /** The same answer on somebody else's page, at once and without anything happening to it. */
  async function uninterrupted(text: string): Promise<string> {
    const other = await openStudio();
    await ask(`${text} rate=max`, other);
    await untilStatus("ready", answer(other));
    return answer(other).innerHTML();
  }

  it("shows the question at once, before the server answers, and asks the model once", async () => {
    proxy.setPlan(() => ({ cut: { afterBytes: 0, by: "reset" } }));
    proxy.cutAll();
    await ask("Tell me about locks words=20 rate=max");
    expect(await question().innerText()).toContain("Tell me about locks");
    expect(await question().getAttribute("data-status")).toBe("submitted");
    expect(await textbox().inputValue()).toBe("");
    proxy.setPlan(() => undefined);
    await untilStatus("ready");
    expect(await question().getAttribute("data-status")).toBe("ready");
    expect(await runs()).toMatchObject([{ status: "finished" }]);
  });

  it("shows an answer while it grows", async () => {
    await ask("Tell me about canals words=2000 rate=100");
    let length = 0;
    for (let step = 0; step < 5; step += 1) length = await untilLongerThan(length + 10);
    expect(await answer().getAttribute("data-status")).toBe("streaming");
    expect(await page.getByRole("status").innerText()).toBe("Answering");
    expect(await runs()).toMatchObject([{ status: "running" }]);
  });

  it("shows the whole answer once after a reload in the middle of it", async () => {
    const text = "Tell me about aqueducts words=400 rate=80";
    await ask(text);
    await untilLongerThan(80);
    expect(await answer().getAttribute("data-status")).toBe("streaming");
    await page.reload();
    await untilStatus("ready");
    expect(await page.getByRole("status").innerText()).toBe("Answer complete");
    expect(await question().count()).toBe(1);
    expect(await answer().innerHTML()).toBe(await uninterrupted(text));
    expect(await runs()).toHaveLength(1);
  });

  it("goes on by itself after the connection was lost, and says so meanwhile", async () => {
    const text = "Tell me about rivers words=300 rate=60";
    await ask(text);
    await untilLongerThan(80);
    proxy.setPlan(() => ({ cut: { afterBytes: 0, by: "reset" } }));
    proxy.cutAll();
    await answer().getByText("reconnecting").waitFor();
    proxy.setPlan(() => undefined);
    await untilStatus("ready");
    expect(await answer().innerHTML()).toBe(await uninterrupted(text));
    expect(await runs()).toHaveLength(1);
  });

  it("keeps what has come when an answer is stopped, also after a reload", async () => {
    await ask("Tell me about bridges words=2000 rate=50");
    const length = await untilLongerThan(80);
    await page.getByRole("button", { name: "Stop" }).click();
    await untilStatus("ready");
    const kept = await answer().innerHTML();
    expect(await lengthOf(answer())).toBeGreaterThanOrEqual(length);
    expect(await answer().innerText()).toContain("Stopped");
    expect(await runs()).toMatchObject([{ status: "aborted" }]);
    await page.reload();
    await untilStatus("ready");
    expect(await answer().innerHTML()).toBe(kept);
  });

  it("can be used with the keyboard alone", async () => {
    await vi.waitFor(async () => expect(await isFocused(textbox())).toBe(true), PATIENCE);
    await page.keyboard.type("First line words=2000 rate=50");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("second line");
    await page.keyboard.press("Enter");
    expect(await question().innerText()).toMatch(/First line.*\nsecond line/);
    await untilLongerThan(40);
    await page.keyboard.press("Tab");
    expect(await isFocused(page.getByRole("button", { name: "Stop" }))).toBe(true);
    await page.keyboard.press("Enter");
    await untilStatus("ready");
    await page.keyboard.type("Next words=5 rate=max");
    await page.keyboard.press("Enter");
    await untilStatus("ready", answer().nth(1));
    expect((await runs()).map(({ status }) => status)).toEqual(["finished", "aborted"]);
  });

  it("shows a failed answer as failed, with what has come, and tries again when asked", async () => {
    await ask("Tell me about dams words=60 rate=max fail-after=20");
    await untilStatus("error");
    expect(await answer().getByRole("alert").innerText()).toContain("llm/failed");
    expect(await lengthOf(answer())).toBeGreaterThan(100);
    expect(await runs()).toMatchObject([{ status: "failed" }]);
    await answer().getByRole("button", { name: "Try again" }).click();
    await vi.waitFor(async () => expect(await runs()).toHaveLength(2), PATIENCE);
    await untilStatus("error");
    expect(await question().count()).toBe(1);
  });

  it("fits a phone: nothing scrolls sideways but tables and code", async () => {
    page = await openStudio(PHONE);
    expect(await widthOf(page)).toBe(PHONE.width);
    await ask(`Tell me about ${"x".repeat(120)} words=400 rate=max`);
    await untilStatus("ready");
    expect(await answer().locator("pre, table").count()).toBeGreaterThan(0);
    expect(await widthOf(page)).toBe(PHONE.width);
    expect(await isInside(page.getByRole("button", { name: "Send" }), PHONE)).toBe(true);
  });

  it("does all it does under a strict Content-Security-Policy, without a complaint in the console", async () => {
    const response = await page.reload();
    expect(response?.headers()["content-security-policy"]).toContain("default-src 'self'");
    expect(response?.headers()["content-security-policy"]).not.toContain("unsafe");
    await ask("Tell me about mills words=200 rate=max tool=weather reasoning");
    await untilStatus("ready");
    await page.reload();
    await untilStatus("ready");
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
