import { expect, it, vi } from "vitest";
import { launchFirefox } from "./firefox.ts";
import { askInto, openTab, startSite, PATIENCE } from "./studio.ts";

it("back", async () => {
  const site = await startSite();
  const browser = await launchFirefox();
  for (let round = 0; round < 16; round += 1) {
    const context = await browser.newContext();
    const tab = await openTab(context, site.url);
    const { finish } = await askInto(tab, site);
    const { page } = tab;
    await page.goto(`${site.url}/favicon.svg`);
    await finish();
    await page.evaluate(() => setTimeout(() => history.back()));
    await vi.waitFor(async () => expect(await page.evaluate(() => location.search)).toContain("thread="), PATIENCE);
    await page.evaluate(() => "isKept" in window);
    const status = await tab.untilStatus("finished").then(() => "ok", (e) => String(e).slice(0, 60));
    console.log(round, status, status === "ok" ? "" : await page.evaluate(() => [location.href, document.readyState, document.querySelector<HTMLElement>('[data-role="assistant"]')?.dataset["status"], document.body.innerText.slice(0, 300), Object.keys(sessionStorage).map((k) => `${k}=${sessionStorage.getItem(k)?.slice(0, 300)}`).join("\n")].join("\n")));
    if (status !== "ok") console.log(await page.evaluate(async () => JSON.stringify(await (await fetch("/threads/" + new URLSearchParams(location.search).get("thread"))).json()).slice(0, 400)));
    await context.close();
  }
  await browser.close();
  await site.close();
}, 200_000);
