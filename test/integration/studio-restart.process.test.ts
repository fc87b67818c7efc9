import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startBalancer, type Balancer } from "../crash/balancer.ts";
import { folder, startGateway, withGateways, type Gateway } from "../crash/gateways.ts";
import { BROWSERS } from "./browsers.ts";
import { askInto, expectWhole, openTab, startProvider, type Middle, type Provider, type Tab } from "./studio.ts";

withGateways();

describe.each(Object.entries(BROWSERS))("the studio in %s, when the server", (_name, launch) => {
  let browser: Browser;
  let context: BrowserContext;
  let balancer: Balancer;
  let provider: Provider;
  let gateway: Gateway;
  let directory: string;

  beforeAll(async () => {
    browser = await launch();
    balancer = await startBalancer();
    provider = await startProvider();
  });
  afterAll(async () => {
    await browser?.close();
    await balancer?.close();
    await provider?.close();
  });
  beforeEach(async () => {
    directory = folder();
    gateway = await start();
    context = await browser.newContext();
  });
  afterEach(async () => {
    await context.close();
    await gateway.kill();
  });

  /** On a disk that outlives it, without keys: who comes from this machine is somebody. */
  async function start(env: Readonly<Record<string, string>> = {}): Promise<Gateway> {
    const settings = { SLUICE_STORE: "disk:./data", SLUICE_API_KEYS: "", OPENAI_BASE_URL: provider.url, ...env };
    const started = await startGateway(settings, directory);
    balancer.setTargets([started.port]);
    return started;
  }

  async function inTheMiddle(): Promise<Middle & { readonly tab: Tab }> {
    const tab = await openTab(context, balancer.url);
    return { tab, ...(await askInto(tab, provider)) };
  }

  it("is killed and comes back: says that the answer broke off, with all that was kept of it", async () => {
    const { tab } = await inTheMiddle();
    balancer.setTargets([]);
    await gateway.kill();
    gateway = await start();
    await tab.untilStatus("failed");
    await expectWhole(tab, "failed");
    await tab.page.reload();
    await tab.untilStatus("failed");
    await expectWhole(tab, "failed");
  });

  it("is told to end: has the whole answer, which the server stays for, and finds it after the restart", async () => {
    const { tab, finish } = await inTheMiddle();
    gateway.signal("SIGTERM");
    await finish();
    await tab.untilStatus("finished");
    expect(await gateway.ended).toBe(0);
    const text = await tab.copy();
    gateway = await start();
    await tab.page.reload();
    await tab.untilStatus("finished");
    expect(await tab.copy()).toBe(text);
    await expectWhole(tab, "finished");
  });

  it("is told to end at once: says why the answer broke off, with all that was kept of it", async () => {
    await gateway.kill();
    gateway = await start({ SLUICE_DRAIN_MS: "0" });
    const { tab } = await inTheMiddle();
    gateway.signal("SIGTERM");
    await gateway.ended;
    gateway = await start();
    await tab.untilStatus("failed");
    expect(await tab.answer.innerText()).toContain("run/shutdown");
    await expectWhole(tab, "failed");
  });
});
