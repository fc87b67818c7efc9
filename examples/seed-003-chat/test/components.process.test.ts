import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import { toNodeHandler } from "sluice/http";
import { startOpenAIServer, type OpenAIServer } from "sluice/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { launchChromium } from "../../../test/integration/chromium.ts";
import * as notifications from "../app/api/notifications/route.ts";
import { conversations } from "../lib/conversations.ts";

let provider: OpenAIServer;
let server: Server;
let url: string;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  provider = await startOpenAIServer({
    *script({ body }) {
      if (JSON.stringify(body).includes("Break")) yield { type: "error", message: "sk-secret at db.internal" };
      for (const text of ["Hello, ", "how can I help?"]) yield { type: "text", text };
      yield { type: "finish" };
    },
  });
  process.env["OPENAI_BASE_URL"] = provider.url;
  process.env["OPENAI_API_KEY"] = "test";
  const chat = await import("../app/api/chat/conversations/[id]/stream/route.ts");
  const script = await bundle();
  const html = `<!doctype html><link rel="icon" href="data:,"><title>Chat</title><script src="/page.js" defer></script>`;
  const api = toNodeHandler((request) => {
    request.headers.set("x-user", "alice"); // a session's cookie in real life
    const [, id] = /conversations\/([^/]+)\/stream$/.exec(new URL(request.url).pathname) ?? [];
    if (id !== undefined) return chat.GET(request, { params: Promise.resolve({ id }) });
    return request.method === "POST" ? notifications.POST(request) : notifications.GET(request);
  });
  server = createServer((req, res) => {
    if (req.url === "/page.js") res.setHeader("content-type", "text/javascript; charset=utf-8").end(script);
    else if (req.url?.startsWith("/api/") === true) api(req, res);
    else res.setHeader("content-type", "text/html; charset=utf-8").end(html);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  server?.close();
  server?.closeAllConnections();
  await provider?.close();
});
beforeEach(async () => {
  page = await browser.newPage();
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

function converse(id: string, content: string): void {
  conversations.set(id, { owner: "alice", messages: [{ role: "user", content }] });
}
function shown(): Promise<string> {
  return page.locator("body > div").innerText();
}

it("ChatMessage shows the whole answer in the end", async () => {
  converse("123", "Hi");
  await page.goto(`${url}/#ChatMessage`);
  await expect.poll(shown).toBe("Hello, how can I help?");
  await expect.poll(() => page.locator("body > div").getAttribute("aria-busy")).toBe("false");
});

it("ChatStream shows the answer word by word, once, and asks the model once", async () => {
  converse("stream", "Hi");
  const before = provider.requests.length;
  await page.goto(`${url}/#ChatStream:stream`);
  await expect.poll(shown).toBe("Hello, how can I help?");
  expect(provider.requests.length).toBe(before + 1);
});

it("ChatStream shows why there is no answer, and no secret of the server", async () => {
  converse("broken", "Break");
  await page.goto(`${url}/#ChatStream:broken`);
  await expect.poll(() => page.getByRole("alert").textContent()).toMatch(/\w/);
  expect(await shown()).not.toMatch(/sk-secret|Reconnecting/);
});

it("Notifications shows what is broadcast, until it is closed", async () => {
  await page.goto(`${url}/#Notifications`);
  await expect.poll(shown).toContain("Connected");
  await fetch(`${url}/api/notifications`, { method: "POST", body: "New message received" });
  await expect.poll(shown).toContain('"message": "New message received"');
  await page.getByRole("button").click();
  await expect.poll(shown).toContain("Disconnected");
});
