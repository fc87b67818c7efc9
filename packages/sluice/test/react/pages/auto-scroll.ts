import { createElement, Profiler, StrictMode, useState } from "react";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { useAutoScroll } from "../../../src/react/index.ts";

/** What the test does to the page. */
export interface ScrollPage {
  /** Lines of 20 px. */
  lines(count: number): void;
  /** A block above everything. */
  above(height: number): void;
  toBottom(behavior?: ScrollBehavior): void;
  height(height: number): void;
}

function Page() {
  const [lines, setLines] = useState(0);
  const [above, setAbove] = useState(0);
  const [height, setHeight] = useState(200);
  const { ref, isAtBottom, scrollToBottom } = useAutoScroll();
  const page: ScrollPage = {
    lines: (count) => flushSync(() => setLines(count)),
    above: (pixels) => flushSync(() => setAbove(pixels)),
    height: (pixels) => flushSync(() => setHeight(pixels)),
    toBottom: (behavior = "auto") => scrollToBottom({ behavior }),
  };
  Object.assign(window, { page });
  const line = (n: number) => createElement("p", { key: n, style: { height: 20, margin: 0 } }, `Line ${n}`);
  return createElement(
    "main",
    null,
    createElement(
      "div",
      { ref, id: "box", tabIndex: 0, style: { height, width: 300, overflowY: "auto" } },
      createElement("div", { style: { height: above } }),
      createElement(
        "div",
        null,
        Array.from({ length: lines }, (_, n) => line(n)),
      ),
      createElement("pre", { id: "inner", style: { height: 40, margin: 0, overflow: "auto" } }, "a\nb\nc\nd\ne\nf\ng"),
    ),
    createElement("output", null, String(isAtBottom)),
  );
}

const counted = { commits: 0 };
Object.assign(window, { counted });
createRoot(document.querySelector("#root") ?? document.body).render(
  createElement(
    Profiler,
    { id: "page", onRender: () => void (counted.commits += 1) },
    createElement(StrictMode, null, createElement(Page)),
  ),
);
