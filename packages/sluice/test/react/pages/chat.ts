import { createElement, Profiler, StrictMode, useLayoutEffect } from "react";
import { createRoot } from "react-dom/client";
import { useChat, type UseChatResult } from "../../../src/react/index.ts";

/** What the page has seen of itself. */
export interface ChatPage {
  /** What React committed, when, and the time of the frame in which it did so. */
  readonly commits: readonly { readonly frame: number; readonly at: number; readonly status: string }[];
  readonly chat: UseChatResult;
  /** What stood on the page in the commit that said `ready`. */
  readonly textAtReady: string | undefined;
  unmount(): void;
}

declare global {
  interface Window {
    page: ChatPage;
  }
}

const commits: ChatPage["commits"][number][] = [];

let shown = "";

function Page() {
  const chat = useChat();
  const { messages, status } = chat;
  const paragraphs = messages.at(-1)?.content.split("\n\n") ?? [];
  useLayoutEffect(() => {
    shown = status;
    const text = Array.from(document.querySelectorAll("p"), (element) => element.textContent);
    const textAtReady = status === "ready" ? text.join("\n\n") : undefined;
    window.page = { commits, chat, textAtReady, unmount: () => root.unmount() };
  });
  return createElement(
    "main",
    null,
    createElement("output", null, status),
    paragraphs.map((text, index) => createElement("p", { key: index }, text)),
  );
}

const root = createRoot(document.querySelector("#root") ?? document.body);
function onRender(): void {
  commits.push({ frame: Number(document.timeline.currentTime), at: performance.now(), status: shown });
}
const profiled = createElement(Profiler, { id: "page", onRender }, createElement(Page));
root.render(location.hash === "#strict" ? createElement(StrictMode, null, profiled) : profiled);
