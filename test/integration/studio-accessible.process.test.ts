import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "./chromium.ts";
import { openTab, startSite, type Site, type Tab } from "./studio.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const SCREENS = { desktop: { width: 1_280, height: 800 }, phone: { width: 375, height: 812 } } as const;
const SCHEMES = ["light", "dark"] as const;

const LONG = `# A long answer

With **bold**, *leaning*, \`code\`, a [link](https://example.org/) and ~~what was~~.

| part | what | since |
|---|:-:|--:|
${"| a lock | lifts boats | 1373 |\n".repeat(8)}

1. one
   - below
2. two

> Said by somebody.

\`\`\`ts
// What it is for.
export function lift(boat: Boat, level = 3): string {
  return \`\${boat.name} is ${"very ".repeat(30)}high\`;
}
\`\`\`

${"Locks lift boats by letting water in, and let them down by letting it out. ".repeat(40)}
`;

/** What a person may have before them. Each begins on a page where nothing was asked. */
const STATES: Readonly<Record<string, (tab: Tab, site: Site) => Promise<void>>> = {
  empty: async (tab) => tab.page.getByRole("textbox", { name: "Message" }).waitFor(),
  async streaming(tab, site) {
    site.hold("a stream").say("It begins with `code`, ", "and then ", "a list:\n\n- one\n- tw");
    await tab.ask("Tell me about a stream");
    await tab.untilShown("tw");
  },
  async error(tab, site) {
    site.hold("a failure").fail("Half of it. ");
    await tab.ask("Tell me about a failure");
    await tab.untilStatus("failed");
  },
  async long(tab, site) {
    const model = site.hold("everything");
    model.say(LONG);
    model.end();
    await tab.ask("Tell me about everything");
    await tab.untilStatus("finished");
  },
  async reconnecting(tab, site) {
    site.hold("a break").say("Half of it. ");
    await tab.ask("Tell me about a break");
    await tab.untilShown("Half");
    site.proxy.setPlan(() => ({ cut: { afterBytes: 0, by: "reset" } }));
    site.proxy.cutAll();
    await tab.page
      .getByText(/Reconnecting|Trying again/)
      .first()
      .waitFor();
  },
};

describe("the studio, as axe sees it", () => {
  let browser: Browser;
  let site: Site;
  let context: BrowserContext;

  beforeAll(async () => {
    site = await startSite();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });
  afterEach(async () => {
    await context.close();
    site.proxy.setPlan(() => undefined);
  });

  for (const [state, reach] of Object.entries(STATES)) {
    it(`has nothing serious to say of it: ${state}, on desktop and phone, light and dark`, async () => {
      context = await browser.newContext({ viewport: SCREENS.desktop });
      const tab = await openTab(context, site.url);
      await reach(tab, site);
      await tab.page.evaluate(AXE);
      for (const [screen, viewport] of Object.entries(SCREENS)) {
        await tab.page.setViewportSize(viewport);
        for (const colorScheme of SCHEMES) {
          await tab.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
          // Asked again: what scrolls at a new size is known a frame later, when it has been laid out.
          await expect
            .poll(async () => [screen, colorScheme, await findings(tab.page)])
            .toEqual([screen, colorScheme, []]);
        }
      }
    });
  }
});

/** Of the kinds that axe calls serious or critical, with where they are. */
async function findings(page: Page): Promise<readonly string[]> {
  const { violations, passes } = await page.evaluate(async () => {
    const { axe } = window as unknown as { readonly axe: { run(): Promise<AxeResults> } };
    return axe.run();
  });
  expect(passes.map(({ id }) => id)).toContain("color-contrast");
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
}
