// page.process.test.ts
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { chromium } from "playwright-core";
import { scriptedModel, startFaultProxy } from "sluice/testing";
import { expect, it, onTestFinished } from "vitest";
import { createApp } from "./app.ts";

const PAGE = `<!doctype html><link rel="icon" href="data:,"><p id="answer"></p><script>
  const source = new EventSource("/stream?payload=" + encodeURIComponent('{"message":{"content":"Hi"}}'));
  source.addEventListener("chunk", ({ data }) => (answer.textContent += JSON.parse(data).content));
  source.addEventListener("done", () => (source.close(), (document.title = "done")));
</script>`;

it("shows the whole answer in a page whose network breaks in the middle", async () => {
  const model = scriptedModel(["Half ", "of it, ", { type: "pause" }, "and ", "the rest."]);
  const app = createApp(model);
  const server = createServer((req, res) => {
    if (req.url === "/") res.setHeader("content-type", "text/html").end(PAGE);
    else void app.handleNode(req, res);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const proxy = await startFaultProxy({ target: { port: (server.address() as AddressInfo).port } });
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"], // nothing but this machine
  });
  onTestFinished(async () => {
    await browser.close();
    await proxy.close();
    server.closeAllConnections();
    server.close();
  });

  const page = await browser.newPage({ extraHTTPHeaders: { "x-user": "alice" } });
  await page.goto(proxy.url);
  await page.getByText("Half of it,").waitFor();
  proxy.cutAll("reset");
  model.resume();
  await page.waitForFunction(() => document.title === "done");
  expect(await page.locator("#answer").textContent()).toBe("Half of it, and the rest.");
  expect(model.calls).toHaveLength(1);
});
