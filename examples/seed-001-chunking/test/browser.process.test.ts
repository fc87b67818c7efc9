import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "../../../test/integration/chromium.ts";
import { startSite, type Site } from "./support.ts";

let site: Site;
let browser: Awaited<ReturnType<typeof launchChromium>>;
beforeAll(async () => {
  site = await startSite(() => []);
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
});

describe("the document's page in Chromium", () => {
  // An EventSource comes back when a stream has ended, also when it is complete.
  // Readers of the document's page saw the 100 chunks again and again, every three seconds.
  it("shows the 100 chunks once, and is told once that there is no more", async () => {
    const page = await browser.newPage();
    const statuses: number[] = [];
    page.on("response", (response) => {
      if (response.url().endsWith("/test-stream")) statuses.push(response.status());
    });
    await page.goto(site.url);
    const CLOSED = 2;
    await expect.poll(() => page.evaluate("es.readyState"), { timeout: 30_000 }).toBe(CLOSED);
    const lines = await page.locator("#stream-test > div").allTextContents();
    expect(lines).toEqual(Array.from({ length: 100 }, (_, index) => `Chunk ${index}: Token ${index}`));
    expect(statuses).toEqual([200, 204]);
  });
});
