import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults, RunOptions } from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { createMemoryLog } from "sluice/log";
import { startFaultProxy, type FaultProxy } from "sluice/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { parseConfig } from "../../apps/gateway/src/config.ts";
import { startGateway, type Gateway } from "../../apps/gateway/src/gateway.ts";
import { launchChromium } from "./chromium.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PATIENCE = { timeout: 30_000, interval: 50 };
const ENV = {
  PORT: "0",
  SLUICE_STORE: "memory:",
  SLUICE_API_KEYS: "alice:key1,bob:key2",
  SLUICE_OPERATOR_KEY: "operator-key",
};

interface Line {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

// The page as `npm run build` left it in apps/studio/dist, and a gateway with answers that the demo model gives.
describe("the inspector in Chromium", () => {
  let browser: Browser;
  let gateway: Gateway;
  /** Between the gateway and those whose answers are inspected. */
  let readers: FaultProxy;
  /** Between the gateway and the page. */
  let proxy: FaultProxy;
  const lines: Line[] = [];
  const contexts: BrowserContext[] = [];
  const complaints: string[] = [];
  let page: Page;

  beforeAll(async () => {
    const log = (_level: string, message: string, fields: Line["fields"]): void => void lines.push({ message, fields });
    gateway = await startGateway(parseConfig(ENV), { store: createMemoryLog(), log });
    const target = { port: Number(new URL(gateway.url).port) };
    [readers, proxy] = await Promise.all([startFaultProxy({ target }), startFaultProxy({ target })]);
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await Promise.all([proxy?.close(), readers?.close()]);
    await gateway?.close(AbortSignal.abort());
  });
  beforeEach(async () => {
    complaints.length = 0;
    lines.length = 0;
    page = await open();
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });

  async function open(viewport = { width: 1_280, height: 800 }): Promise<Page> {
    const context = await browser.newContext({ viewport });
    contexts.push(context);
    const opened = await context.newPage();
    opened.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    opened.on("pageerror", (error) => complaints.push(String(error)));
    const response = await opened.goto(`${proxy.url}/inspector`);
    expect(response?.status(), "apps/studio is not built: npm run build").toBe(200);
    return opened;
  }

  async function signIn(on = page): Promise<void> {
    await on.getByLabel("Operator key").fill("operator-key");
    await on.getByRole("button", { name: "Sign in" }).click();
    await on.getByText("Live", { exact: true }).waitFor();
  }

  /** Starts a run and reads it; resolves with its id at once. */
  async function start(
    content: string,
    key = "key1",
  ): Promise<{ readonly id: string; readonly read: Promise<string> }> {
    const response = await fetch(`${readers.url}/stream`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      body: JSON.stringify({ message: { content } }),
    });
    return { id: String(response.headers.get("sluice-run-id")), read: idsOf(response) };
  }

  /** Reads to the end, or to the cut; resolves with the last id. */
  async function idsOf(response: Response): Promise<string> {
    let text = "";
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
    } catch {
      // What is complete counts.
    }
    return [...text.matchAll(/^id: ?(\S+)$/gm)].at(-1)?.[1] ?? "";
  }

  async function resume(id: string, last: string): Promise<string> {
    const headers = { authorization: "Bearer key1", "last-event-id": last };
    return idsOf(await fetch(`${readers.url}/runs/${id}/events`, { headers }));
  }

  const row = (id: string, on = page): ReturnType<Page["locator"]> => on.locator(`tr:has(a[title="${id}"])`);
  const textOf = (selector: string, on = page): Promise<string> => on.locator(selector).innerText();

  it("asks for the operator's key, and tells no more than that before it has it", async () => {
    await start("words=5 rate=max");
    await page.getByLabel("Operator key").fill("key1");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This is not the operator's key.").waitFor();
    expect(await page.locator("table").count()).toBe(0);
    await signIn();
    expect(await page.evaluate(() => document.cookie)).toBe("");
    await page.reload();
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Operator key").waitFor();
    // The wrong key alone.
    expect(complaints).toEqual([expect.stringContaining("401")]);
  });

  it("shows runs as they come and go, without being asked again", async () => {
    await signIn();
    const { id, read } = await start("words=60 rate=30 ttft=50");
    await row(id).waitFor();
    await vi.waitFor(
      async () => expect(await row(id).innerText()).toMatch(/running\s+alice\s+demo\s+\d+ ms/),
      PATIENCE,
    );
    await read;
    await vi.waitFor(async () => expect(await row(id).innerText()).toContain("finished"), PATIENCE);
    const other = await start("words=3 rate=max", "key2");
    await row(other.id).waitFor();
    await page.getByRole("searchbox", { name: "Search runs" }).fill("bob");
    await vi.waitFor(async () => expect(await row(id).count()).toBe(0), PATIENCE);
    expect(await row(other.id).count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  it("goes on after its connection was cut, with what came meanwhile", async () => {
    await signIn();
    proxy.cutAll();
    const { id } = await start("words=3 rate=max");
    await row(id).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    expect(await page.locator(`tr:has(a[title="${id}"])`).count()).toBe(1);
  });

  it("draws one run, with a reader that was cut and came back, and stops it", async () => {
    await signIn();
    const { id, read } = await start("words=100000 rate=100 ttft=0");
    await row(id).getByRole("link").click();
    const happenings = page.getByRole("list", { name: "In order of time" });
    await happenings.getByText("First token").waitFor();
    readers.cutAll();
    const back = resume(id, await read);
    await happenings.getByText(/Reader 1 left or was cut at entry \d+/).waitFor();
    await happenings.getByText(/Reader 1 resumed after entry \d+/).waitFor();
    expect(await page.locator(".stretch").count()).toBe(2);
    expect(await page.locator(".timeline .cut").count()).toBe(1);
    expect(await page.locator(".timeline .resumed").count()).toBe(1);
    expect((await page.locator(".timeline path.tokens").getAttribute("d"))?.length).toBeGreaterThan(10);

    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await page.getByRole("button", { name: "Keep it" }).click();
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await page.getByRole("button", { name: "Stop it" }).click();
    // The buttons go, and the focus would be nowhere.
    expect(await page.getByRole("heading", { name: id }).evaluate((h) => h === document.activeElement)).toBe(true);
    await happenings.getByText("Stopped", { exact: true }).waitFor();
    await back;
    await happenings.getByText("Reader 1 has everything", { exact: false }).waitFor();
    expect(await page.locator('.mark[data-kind="stop-asked"]').count()).toBe(1);
    expect(lines.find(({ message }) => message === "inspector stop")?.fields).toMatchObject({
      run: id,
      owner: "alice",
    });
    expect(complaints).toEqual([]);
  });

  it("shows what was said only when it is asked to, in any wording, and replays it", async () => {
    await signIn();
    const { id, read } = await start("words=40 rate=80 ttft=0");
    await read;
    await page.goto(`${proxy.url}/inspector#/runs/${id}`);
    await page.getByRole("button", { name: "Show events" }).waitFor();
    expect(lines.filter(({ message }) => message === "inspector content")).toEqual([]);
    await page.getByRole("button", { name: "Show events" }).click();
    const options = page.getByRole("option");
    await options.filter({ hasText: "text-start" }).waitFor();
    expect(lines.find(({ message }) => message === "inspector content")?.fields).toMatchObject({ run: id });

    await page.getByLabel("Worded as").selectOption("ai-sdk");
    await options.filter({ hasText: "[DONE]" }).waitFor();
    await page.getByLabel("Worded as").selectOption("the log (chat events)");
    await options.filter({ hasText: "text-start" }).waitFor();
    await page.getByRole("button", { name: "Replay" }).click();
    await page.getByLabel("Speed").selectOption("50");
    await page.getByText("These are the recorder’s").waitFor();
    await page.getByRole("button", { name: "Play", exact: true }).waitFor();
    const headers = { authorization: "Bearer key1" };
    const state = (await (await fetch(`${gateway.url}/runs/${id}`, { headers })).json()) as {
      readonly message: { readonly parts: readonly { readonly type: string; readonly text?: string }[] };
    };
    const text = state.message.parts.map((part) => part.text ?? "").join("");
    expect((await page.locator(".replay-text").textContent())?.trim()).toBe(text.trim());
    await page.getByLabel("Place").fill("0");
    await vi.waitFor(async () => expect((await textOf(".replay-text")).length).toBeLessThan(text.length), PATIENCE);
    expect(complaints).toEqual([]);
  });

  it("can be used with the keyboard alone", async () => {
    const runs = await Promise.all([1, 2, 3].map((n) => start(`words=3 rate=max ${n}`)));
    await Promise.all(runs.map(({ read }) => read));
    await signIn();
    await row(runs[0]?.id ?? "").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("finished");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("type"))).toBe("search");
    const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.getAttribute("title") ?? "");
    await page.locator("tbody a").first().focus();
    const first = await focused();
    await page.keyboard.press("ArrowDown");
    const second = await focused();
    expect(second).toMatch(/^run_/);
    expect(second).not.toBe(first);
    await page.keyboard.press("ArrowUp");
    expect(await focused()).toBe(first);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: first }).waitFor();
    await page.goBack();
    await row(first).waitFor();
  });

  it("has no serious finding of axe, light or dark, on a desktop or a phone", async () => {
    const { id, read } = await start("words=60 rate=200 ttft=0");
    await read;
    for (const viewport of [
      { width: 1_280, height: 800 },
      { width: 375, height: 812 },
    ]) {
      const at = await open(viewport);
      await at.getByLabel("Operator key").waitFor();
      expect(await findings(at)).toEqual([]);
      await signIn(at);
      for (const colorScheme of ["light", "dark"] as const) {
        await at.emulateMedia({ colorScheme });
        await at.evaluate(() => (location.hash = "#/"));
        await row(id, at).waitFor();
        expect(await findings(at)).toEqual([]);
        await at.evaluate((run) => (location.hash = `#/runs/${run}`), id);
        await at.getByRole("button", { name: "Show events" }).click();
        await at.getByRole("button", { name: "Replay" }).click();
        await at.getByLabel("The answer so far").waitFor();
        expect(await findings(at)).toEqual([]);
        const { width } = await at.evaluate(() => ({ width: document.documentElement.scrollWidth }));
        expect(width).toBeLessThanOrEqual(viewport.width);
      }
    }
  });

  /** Of the kinds that axe calls serious or critical, with where they are. */
  async function findings(on: Page): Promise<readonly string[]> {
    await on.evaluate(AXE);
    const results = await on.evaluate(() => {
      const { axe } = window as unknown as { readonly axe: { run(options: RunOptions): Promise<AxeResults> } };
      return axe.run({ resultTypes: ["violations"] });
    });
    return results.violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
  }
});
