// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { stickToEnd } from "../../src/react/stick-to-end.ts";

// A touch screen pulls what is at its end a little further and lets it go. The way back was taken for a reader who goes
// up: on a phone, one swipe at the end of an answer that was being written, and it went on out of sight.
it("keeps a reader at the end whose screen has bounced there", () => {
  const box = document.createElement("div");
  let top = 0;
  Object.defineProperties(box, {
    scrollHeight: { value: 1_000 },
    clientHeight: { value: 400 },
    scrollTop: { get: () => top },
    scrollTo: { value: (to: ScrollToOptions) => (top = Math.min(to.top ?? 0, 600)) },
  });
  const told: boolean[] = [];
  const scroll = (...tops: readonly number[]): void => {
    for (const next of tops) {
      top = next;
      box.dispatchEvent(new Event("scroll"));
    }
  };
  const stuck = stickToEnd(box, (sticks) => told.push(sticks));
  expect(top).toBe(600);
  scroll(615, 630, 620, 605, 600);
  expect(told).toEqual([true]);
  scroll(590);
  expect(told).toEqual([true, false]);
  stuck.release();
});
