import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { launchChromium } from "../../../test/integration/chromium.ts";
import { server as app } from "../server.ts";

const TEXT = "This is a streamed response from the server.";

let server: Server;
let url: string;
let posted: string[];
let browser: Browser;
let page: Page;

beforeAll(async () => {
  const script = await bundle();
  const html = `<!doctype html><link rel="icon" href="data:,"><title>Chat</title><script src="/page.js" defer></script>`;
  server = createServer((req, res) => {
    if (req.url === "/page.js") res.setHeader("content-type", "text/javascript; charset=utf-8").end(script);
    else if (req.url === "/") res.setHeader("content-type", "text/html; charset=utf-8").end(html);
    else {
      if (req.method === "POST") posted.push(req.url?.split("?")[0] ?? "");
      app.emit("request", req, res);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  server?.close();
  server?.closeAllConnections();
});
beforeEach(async () => {
  posted = [];
  page = await browser.newPage();
  await page.goto(url);
});
afterEach(() => page.close());

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("./page.tsx", import.meta.url))],
    bundle: true,
    format: "iife",
    platform: "browser",
    jsx: "automatic",
    conditions: ["@sluice/source"],
    define: { "process.env.NODE_ENV": '"production"' },
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

const answer = (): Promise<string> => page.locator(".assistant").last().innerText();

it("shows the question before the server has answered, and the answer as it comes", async () => {
  await page.getByLabel("Message").fill("Hello?");
  await page.keyboard.press("Enter");
  expect(await page.locator(".user").innerText()).toBe("Hello?");
  expect(await page.getByLabel("Message").inputValue()).toBe("");
  await expect.poll(answer).toBe(TEXT);
  await page.getByRole("button", { name: "Send" }).waitFor();
  expect(posted).toEqual(["/stream"]);
});

it("stops by its button: the run, not the reading alone", async () => {
  // In the page, so that a busy machine does not make it late.
  await page.evaluate(() => {
    const observer = new MutationObserver(() => {
      if (!document.querySelector(".assistant")?.textContent) return;
      observer.disconnect();
      document.querySelector<HTMLElement>("button[type=button]")?.click();
    });
    observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  await page.getByLabel("Message").fill("Hello?");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Send" }).waitFor();
  await expect.poll(() => posted.length).toBe(2);
  expect(posted[1]).toMatch(/^\/runs\/run_[0-9a-f]+\/stop$/);
  expect(await answer()).not.toBe(TEXT);
});
