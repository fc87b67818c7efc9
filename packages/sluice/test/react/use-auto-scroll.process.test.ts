import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launchChromium } from "../../../../test/integration/chromium.ts";
import { bundlePage, REACTS, servePage, type PageServer } from "./browser-page.ts";
import type { ScrollPage } from "./pages/auto-scroll.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser?.close());

for (const [name, react] of Object.entries(REACTS)) {
  describe(`useAutoScroll in Chromium, ${name}`, () => {
    let server: PageServer;
    let context: BrowserContext;
    let page: Page;
    beforeAll(async () => {
      server = await servePage(await bundlePage("auto-scroll", react));
    });
    afterAll(() => server?.close());
    beforeEach(async () => {
      context = await browser.newContext({ hasTouch: true });
      page = await context.newPage();
      await page.goto(`${server.url}/page`);
      await act((given) => given.lines(50));
    });
    afterEach(() => context.close());

    /** Does something and lets two frames pass. */
    async function act(change: (page: ScrollPage) => void): Promise<void> {
      await page.evaluate(`(${change.toString()})(window.page)`);
      await frames();
    }
    async function frames(): Promise<void> {
      await page.evaluate(
        () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(undefined)))),
      );
    }
    /** Pixels between what is seen and the end, and what the hook says. */
    async function look(): Promise<{ readonly below: number; readonly isAtBottom: boolean }> {
      return page.evaluate(() => {
        const box = document.querySelector("#box");
        const below = box === null ? -1 : box.scrollHeight - box.clientHeight - box.scrollTop;
        return { below: Math.round(below), isAtBottom: document.querySelector("output")?.textContent === "true" };
      });
    }
    async function wheel(pixels: number, over = "#box"): Promise<void> {
      await page.locator(over).hover({ position: { x: 10, y: 10 } });
      await page.mouse.wheel(0, pixels);
      await expect.poll(settledTop).toBe(true);
    }
    /** Nothing scrolls any more. */
    async function settledTop(): Promise<boolean> {
      const top = (): Promise<number> => page.evaluate(() => document.querySelector("#box")?.scrollTop ?? 0);
      const before = await top();
      for (let n = 0; n < 4; n += 1) await frames();
      return (await top()) === before;
    }

    it("keeps the end in view while content grows, also many times between two frames", async () => {
      expect(await look()).toEqual({ below: 0, isAtBottom: true });
      await act((given) => {
        for (let lines = 51; lines < 90; lines += 1) given.lines(lines);
      });
      expect(await look()).toEqual({ below: 0, isAtBottom: true });
    });

    // Each frame of a growing answer was two commits: React renders once more for a state that is set to what it is.
    // Whoever streamed fast answers paid for it with half of the frames.
    it("commits nothing of its own while the reader stays at the end", async () => {
      const commits = (): Promise<number> =>
        page.evaluate(() => (window as unknown as { counted: { commits: number } }).counted.commits);
      const before = await commits();
      for (let lines = 51; lines <= 70; lines += 1) {
        await page.evaluate((count) => (window as unknown as { page: ScrollPage }).page.lines(count), lines);
        await frames();
      }
      expect((await commits()) - before).toBe(20);
    });

    it("shows the end before the frame in which the content has grown is painted", async () => {
      const below = await page.evaluate(async () => {
        (window as unknown as { readonly page: ScrollPage }).page.lines(80);
        await Promise.resolve();
        const box = document.querySelector("#box");
        return box === null ? -1 : box.scrollHeight - box.clientHeight - box.scrollTop;
      });
      expect(below).toBe(0);
    });

    it("keeps the end in view when the box becomes smaller, or something above it larger", async () => {
      await act((given) => given.height(120));
      expect(await look()).toEqual({ below: 0, isAtBottom: true });
      await act((given) => given.above(500));
      expect(await look()).toEqual({ below: 0, isAtBottom: true });
    });

    it("keeps the end in view when content shrinks, and when it grows again", async () => {
      await act((given) => given.lines(20));
      expect(await look()).toEqual({ below: 0, isAtBottom: true });
      await act((given) => given.lines(60));
      expect(await look()).toEqual({ below: 0, isAtBottom: true });
    });

    it("lets go of a reader who scrolls up by the wheel, and leaves him where he is", async () => {
      await wheel(-100);
      const before = await look();
      expect(before).toEqual({ below: 100, isAtBottom: false });
      await act((given) => given.lines(60));
      expect(await look()).toEqual({ below: 300, isAtBottom: false });
    });

    it("lets go at the first few pixels, also while content grows in each frame", async () => {
      await page.evaluate(() => {
        let lines = 50;
        const grow = (): void => {
          (window as unknown as { readonly page: ScrollPage }).page.lines((lines += 1));
          if (lines < 200) requestAnimationFrame(grow);
        };
        grow();
      });
      await page.locator("#box").hover({ position: { x: 10, y: 10 } });
      await page.mouse.wheel(0, -12);
      await expect.poll(() => page.locator("p").count()).toBe(200);
      await frames();
      expect((await look()).isAtBottom).toBe(false);
      expect((await look()).below).toBeGreaterThan(40);
    });

    it("comes back with a reader who is at the end again", async () => {
      await wheel(-100);
      await wheel(500);
      expect(await look()).toEqual({ below: 0, isAtBottom: true });
      await act((given) => given.lines(70));
      expect(await look()).toEqual({ below: 0, isAtBottom: true });
    });

    it("lets go by keyboard, and comes back by it", async () => {
      await page.locator("#box").focus();
      await page.keyboard.press("PageUp");
      await expect.poll(settledTop).toBe(true);
      expect((await look()).isAtBottom).toBe(false);
      await page.keyboard.press("End");
      await expect.poll(settledTop).toBe(true);
      expect(await look()).toEqual({ below: 0, isAtBottom: true });
    });

    it("lets go by touch, and comes back by it", async () => {
      const session = await context.newCDPSession(page);
      const swipe = async (from: number, to: number): Promise<void> => {
        const at = (y: number) => [{ x: 100, y }];
        await session.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: at(from) });
        for (let step = 1; step <= 5; step += 1) {
          const y = from + ((to - from) * step) / 5;
          await session.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: at(y) });
        }
        await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
        await expect.poll(settledTop).toBe(true);
      };
      await swipe(60, 160);
      expect((await look()).isAtBottom).toBe(false);
      await act((given) => given.lines(55));
      expect((await look()).below).toBeGreaterThan(100);
      for (let n = 0; n < 4; n += 1) await swipe(180, 20);
      expect(await look()).toEqual({ below: 0, isAtBottom: true });
    });

    it("lets go when something else scrolls up: a search, a link, the bar", async () => {
      await page.evaluate(() => document.querySelectorAll("p")[10]?.scrollIntoView());
      await frames();
      expect((await look()).isAtBottom).toBe(false);
      await act((given) => given.lines(70));
      expect((await look()).isAtBottom).toBe(false);
    });

    it("goes to the end by a button, at once or smoothly, and stays there", async () => {
      for (const behavior of ["auto", "smooth"] as const) {
        await wheel(-300);
        expect((await look()).isAtBottom).toBe(false);
        await page.evaluate((how) => (window as unknown as { readonly page: ScrollPage }).page.toBottom(how), behavior);
        await expect.poll(look).toEqual({ below: 0, isAtBottom: true });
        await act((given) => given.lines(80));
        expect(await look()).toEqual({ below: 0, isAtBottom: true });
        await act((given) => given.lines(50));
      }
    });

    // Where scrolling has a thread of its own, setting the position can undo a movement before anybody hears of it.
    for (const [how, gestures] of Object.entries({
      wheel: (box: Element) => {
        const turn = (deltaY: number) => () => box.dispatchEvent(new WheelEvent("wheel", { deltaY }));
        return { up: turn(-3), down: turn(3) };
      },
      keys: (box: Element) => {
        const press = (key: string) => () => box.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        return { up: press("ArrowUp"), down: press("ArrowDown") };
      },
      touch: (box: Element) => {
        const touch = (type: string, clientY: number): boolean =>
          box.dispatchEvent(new TouchEvent(type, { touches: [new Touch({ identifier: 1, target: box, clientY })] }));
        const move = (from: number, to: number) => () => [touch("touchstart", from), touch("touchmove", to)];
        return { up: move(50, 53), down: move(53, 50) };
      },
    })) {
      it(`lets go by ${how}, and comes back by it, before anything has moved`, async () => {
        const gesture = (direction: "up" | "down"): Promise<unknown> =>
          page.evaluate(`((box) => void (${gestures.toString()})(box).${direction}())(document.querySelector("#box"))`);
        await gesture("up");
        await expect.poll(look).toEqual({ below: 0, isAtBottom: false });
        await gesture("down");
        await expect.poll(look).toEqual({ below: 0, isAtBottom: true });
      });
    }

    it("keeps the end in view when a style makes something larger, or smaller", async () => {
      const style = (height: string): Promise<void> =>
        page.evaluate((value) => {
          const inner = document.querySelector<HTMLElement>("#inner");
          if (inner !== null) inner.style.height = value;
          void inner?.offsetHeight; // the box is moved now, and a browser may say so before it tells of the sizes
          document.querySelector("#box")?.dispatchEvent(new Event("scroll"));
        }, height);
      for (const height of ["400px", "0px"]) {
        await style(height);
        await frames();
        expect(await look()).toEqual({ below: 0, isAtBottom: true });
      }
    });

    it("does not take scrolling inside a block of code for its own", async () => {
      await wheel(30, "#inner");
      await wheel(-20, "#inner");
      expect(await look()).toEqual({ below: 0, isAtBottom: true });
    });

    it("is at the end where there is nothing to scroll", async () => {
      await wheel(-100);
      await act((given) => given.lines(2));
      expect((await look()).isAtBottom).toBe(true);
      await act((given) => given.lines(50));
      expect(await look()).toEqual({ below: 0, isAtBottom: true });
    });
  });
}
