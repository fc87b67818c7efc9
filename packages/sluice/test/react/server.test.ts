import { createElement, type FunctionComponent } from "react";
import { renderToString } from "react-dom/server";
import { expect, it } from "vitest";
import * as hooks from "../../src/react/index.ts";

// No DOM here: as on a server.
it("every hook renders on a server, where there is no window, and asks nobody", () => {
  expect(typeof window).toBe("undefined");
  const Page: FunctionComponent = () => {
    const { status, messages, input, threadId } = hooks.useChat();
    const { isConnected, data } = hooks.useEventSource("/events");
    const { isAtBottom } = hooks.useAutoScroll();
    const { object } = hooks.useObject();
    const { voiceAgentState } = hooks.useSocketConversation();
    const shown = { voiceAgentState, status, messages, input, threadId, isConnected, data, isAtBottom, object };
    return createElement("pre", null, JSON.stringify(shown));
  };
  const seen = renderToString(createElement(Page)).replaceAll("&quot;", '"');
  expect(JSON.parse(/\{.*\}/.exec(seen)?.[0] ?? "")).toMatchObject({
    voiceAgentState: "READY",
    status: "ready",
    messages: [],
    input: "",
    isConnected: false,
    isAtBottom: true,
  });
});
