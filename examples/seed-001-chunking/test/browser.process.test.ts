import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "../../../test/integration/chromium.ts";
import { startSite, type Site } from "./support.ts";

// Lines 133 to 146 of the document.
const CLIENT = `
const eventSource = new EventSource('/chat/stream');

eventSource.addEventListener('update', (event) => {
    const chunk = JSON.parse(event.data);
    console.log('Delta:', chunk.delta);
    document.getElementById('response').textContent += chunk.delta;
});

eventSource.onerror = () => {
    eventSource.close();
    console.log('Stream ended');
};
`;

let site: Site;
let browser: Awaited<ReturnType<typeof launchChromium>>;
beforeAll(async () => {
  site = await startSite(function* () {
    yield { type: "text", text: "Locks" };
    yield { type: "text", text: " lift <b>boats</b>." };
    yield { type: "finish" };
  });
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

  it("runs the document's client against the basic route, word for word", async () => {
    const page = await browser.newPage();
    const said: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    const html = { contentType: "text/html", body: '<div id="response"></div>' };
    await page.route("**/chat", (route) => route.fulfill(html));
    await page.goto(`${site.url}/chat`);
    await page.evaluate(CLIENT);
    await expect.poll(() => said.at(-1), { timeout: 30_000 }).toBe("Stream ended");
    expect(said).toEqual(["Delta: Locks", "Delta:  lift <b>boats</b>.", "Delta: ", "Stream ended"]);
    expect(await page.locator("#response").textContent()).toBe("Locks lift <b>boats</b>.");
    expect(site.provider.requests.length).toBe(1);
  });
});
