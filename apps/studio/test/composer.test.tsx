// @vitest-environment happy-dom
import { act, useLayoutEffect, useRef, type ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Composer } from "../src/components/composer.tsx";
import { useAttachments, type Attachments } from "../src/page/use-attachments.ts";

/** Files are read when the test says so. */
const reading = new Map<string, () => void>();

vi.mock("../src/page/read-file.ts", () => ({
  toDataUrl: (file: File) =>
    new Promise<string>((resolve) => reading.set(file.name, () => resolve(`data:,${file.name}`))),
  shrinkImage: async () => undefined,
}));

let root: Root;
let page: HTMLElement;
let attachments: Attachments;
const sent: (readonly string[])[] = [];

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  reading.clear();
  sent.length = 0;
  page = document.createElement("main");
  document.body.replaceChildren(page);
  root = createRoot(page);
  act(() => root.render(<Page />));
});

afterEach(() => {
  act(() => root.unmount());
  vi.unstubAllGlobals();
});

describe("a message with files", () => {
  // Who attached a large picture and pressed Enter at once had sent the question without it, and was not told.
  it("is not sent before its files are read", async () => {
    await add("photo");
    press("Enter");
    expect(sent).toEqual([]);
    expect(page.textContent).toContain("Reading files…");
    expect(page.querySelector<HTMLButtonElement>("[aria-label=Send]")?.disabled).toBe(true);
    await read("photo");
    expect(page.textContent).not.toContain("Reading files…");
    press("Enter");
    expect(sent).toEqual([["photo"]]);
  });

  // Who took one file off while another was being read lost both, without a word.
  it("keeps what is being read when another file is taken off", async () => {
    await add("one");
    await read("one");
    await add("two");
    act(() => attachments.remove(attachments.list[0]?.key ?? ""));
    expect(names()).toEqual([]);
    await read("two");
    expect(names()).toEqual(["two"]);
  });

  // Who added files twice in a row was not told why one of the first was left out.
  it("says what was left out of all that was added together", async () => {
    await add("good");
    await add("empty", "");
    await add("more");
    await read("good");
    await read("more");
    expect(names()).toEqual(["good", "more"]);
    expect(attachments.refused).toEqual(["“empty” is empty."]);
    await add("last");
    expect(attachments.refused).toEqual([]);
  });

  it("leaves to the next one what was added after it", async () => {
    await add("late");
    act(() => attachments.clear());
    await read("late");
    expect(names()).toEqual([]);
    expect(attachments.reading).toBe(false);
    await add("next");
    await read("next");
    expect(names()).toEqual(["next"]);
  });
});

function Page(): ReactNode {
  const textbox = useRef<HTMLTextAreaElement>(null);
  const list = useAttachments(0);
  useLayoutEffect(() => {
    attachments = list;
  });
  return (
    <Composer
      textbox={textbox}
      draft="What is this?"
      onDraft={() => {}}
      attachments={list}
      running={false}
      stopping={false}
      onSend={() => void sent.push(names())}
      onStop={() => {}}
    />
  );
}

function names(): readonly string[] {
  return attachments.list.map(({ filename }) => filename);
}

function add(name: string, text = name): Promise<void> {
  return act(async () => attachments.add([new File([text], name, { type: "text/plain", lastModified: 1 })]));
}

function read(name: string): Promise<void> {
  return act(async () => {
    await vi.waitFor(() => expect(reading.has(name)).toBe(true));
    reading.get(name)?.();
  });
}

function press(key: string): void {
  act(() => void page.querySelector("textarea")?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })));
}
