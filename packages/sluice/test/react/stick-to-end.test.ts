// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { stickToEnd, type StickToEnd } from "../../src/react/stick-to-end.ts";

interface Screen {
  readonly stuck: StickToEnd;
  /** What `onChange` was told. */
  readonly told: readonly boolean[];
  readonly top: number;
  scroll(...tops: readonly number[]): void;
  /** A finger at that height of the screen. */
  touch(type: "touchstart" | "touchmove" | "touchend", y?: number): void;
}

/** A box whose end is in view at 600, on a screen that can be pulled beyond it. */
function touchScreen(): Screen {
  const box = document.createElement("div");
  let top = 0;
  Object.defineProperties(box, {
    scrollHeight: { value: 1_000 },
    clientHeight: { value: 400 },
    scrollTop: { get: () => top },
    scrollTo: { value: (to: ScrollToOptions) => (top = Math.min(to.top ?? 0, 600)) },
  });
  const told: boolean[] = [];
  const stuck = stickToEnd(box, (sticks) => told.push(sticks));
  return {
    stuck,
    told,
    get top() {
      return top;
    },
    scroll(...tops) {
      for (const next of tops) {
        top = next;
        box.dispatchEvent(new Event("scroll"));
      }
    },
    touch(type, clientY) {
      const touches = clientY === undefined ? [] : [{ clientY }];
      box.dispatchEvent(Object.assign(new Event(type), { touches }));
    },
  };
}

// A touch screen pulls what is at its end a little further and lets it go. The way back was taken for a reader who goes
// up: on a phone, one swipe at the end of an answer that was being written, and it went on out of sight.
it("keeps a reader at the end whose screen has bounced there", () => {
  const screen = touchScreen();
  expect(screen.top).toBe(600);
  screen.scroll(615, 630, 620, 605, 600);
  expect(screen.told).toEqual([true]);
  screen.scroll(590);
  expect(screen.told).toEqual([true, false]);
  screen.stuck.release();
});

// A finger that pulls beyond the end never lies quite still: where it gave way by a pixel, its reader had gone up, and
// the answer went on out of sight from the very end that he had come back to.
it("keeps a reader at the end whose finger gives way beyond it", () => {
  const screen = touchScreen();
  screen.touch("touchstart", 300);
  screen.touch("touchmove", 270);
  screen.scroll(615);
  screen.touch("touchmove", 272);
  screen.scroll(614);
  screen.touch("touchend");
  screen.scroll(607, 600);
  expect(screen.told).toEqual([true]);
  screen.touch("touchstart", 300);
  screen.touch("touchmove", 302);
  expect(screen.told).toEqual([true, false]);
  screen.stuck.release();
});
