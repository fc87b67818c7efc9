// @vitest-environment happy-dom
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CodeBlock } from "../src/components/code-block.tsx";
import { CopyButton } from "../src/components/copy-button.tsx";
import { Markdown } from "../src/components/markdown.tsx";
import { Reasoning } from "../src/components/reasoning.tsx";
import { BLOCKS } from "./markdown-texts.ts";

let root: Root;
let page: HTMLElement;

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  page = document.createElement("main");
  document.body.replaceChildren(page);
  root = createRoot(page);
});

afterEach(() => {
  act(() => root.unmount());
  vi.unstubAllGlobals();
});

describe("the page while an answer grows", () => {
  it("keeps every element of what stands above the last block, from its first appearance to the end", () => {
    const text = BLOCKS.join("\n\n");
    const known = new Map<Element, string>();
    let settled: readonly Element[] = [];
    for (let length = 0; length < text.length; length += 11) {
      show(<Markdown text={text.slice(0, length)} unfinished />);
      const blocks = [...page.querySelectorAll(".markdown > :not(.footnotes)")];
      for (const [index, block] of settled.entries()) {
        expect(blocks[index]).toBe(block);
        expect(block.innerHTML).toBe(known.get(block));
      }
      settled = blocks.slice(0, -1);
      for (const block of settled) known.set(block, block.innerHTML);
    }
    show(<Markdown text={text} unfinished={false} />);
    const blocks = [...page.querySelectorAll(".markdown > :not(.footnotes)")];
    expect(settled.every((block, index) => block === blocks[index])).toBe(true);
  });

  it("keeps the items of a list, and the rows of a table, that grow", () => {
    show(<Markdown text={"- one\n- two\n- thr"} unfinished />);
    const items = [...page.querySelectorAll("li")];
    show(<Markdown text={"- one\n- two\n- three\n\n- four"} unfinished />);
    expect([...page.querySelectorAll("li")].slice(0, 3)).toEqual(items);
    expect([...page.querySelectorAll("li")].every((item, index) => index > 2 || item === items[index])).toBe(true);

    show(<Markdown text={"| a |\n|---|\n| 1 |\n| 2"} unfinished />);
    const row = page.querySelector("tbody tr");
    show(<Markdown text={"| a |\n|---|\n| 1 |\n| 2 |\n| 3 |"} unfinished={false} />);
    expect(page.querySelector("tbody tr")).toBe(row);
  });
});

describe("a block of code", () => {
  it("gets its colours when its language is there, and keeps its lines while it grows", async () => {
    const code = "const a = 1;\nconst b = 2;\n";
    show(<CodeBlock code={code} language="js" />);
    expect(page.querySelector("code")?.textContent).toBe(code);
    await act(() => vi.waitFor(() => expect(page.querySelector(".hljs-keyword")).not.toBeNull()));
    const keyword = page.querySelector(".hljs-keyword");
    show(<CodeBlock code={`${code}let c;`} language="js" />);
    expect(page.querySelector(".hljs-keyword")).toBe(keyword);
    expect(page.querySelector("code")?.textContent).toBe(`${code}let c;`);
  });
});

describe("copying", () => {
  it("takes the text as it is, and says that it did", async () => {
    const writeText = vi.fn<(text: string) => Promise<void>>(() => Promise.resolve());
    vi.stubGlobal("navigator", { clipboard: { writeText } });
    show(<CopyButton text="**words**" label="Copy answer" />);
    await act(async () => page.querySelector("button")?.click());
    expect(writeText).toHaveBeenCalledWith("**words**");
    expect(page.querySelector("[aria-live]")?.textContent).toBe("Copied");
  });

  it("says that it may not", async () => {
    vi.stubGlobal("navigator", { clipboard: { writeText: () => Promise.reject(new Error("denied")) } });
    show(<CopyButton text="words" label="Copy answer" />);
    await act(async () => page.querySelector("button")?.click());
    expect(page.querySelector("[aria-live]")?.textContent).toBe("Not allowed");
  });
});

describe("reasoning", () => {
  it("closes when the answer begins, and not under who has scrolled up in it", () => {
    show(<Reasoning text="Hm" streaming />);
    expect(page.querySelector("details")?.open).toBe(true);
    show(<Reasoning text="Hm, well" streaming={false} />);
    expect(page.querySelector("details")?.open).toBe(false);

    act(() => root.unmount());
    root = createRoot(page);
    show(<Reasoning text="Hm" streaming />);
    const box = page.querySelector(".thoughts");
    Object.defineProperties(box, { scrollHeight: { value: 900 }, clientHeight: { value: 100 } });
    act(() => void box?.dispatchEvent(new Event("scroll")));
    show(<Reasoning text="Hm, well" streaming={false} />);
    expect(page.querySelector("details")?.open).toBe(true);
  });
});

function show(node: React.ReactNode): void {
  act(() => root.render(node));
}
