import { createElement, type FunctionComponent } from "react";
import { renderToString } from "react-dom/server";
import { expect, it } from "vitest";
import { useSocketConversation } from "../../src/react/index.ts";

// No DOM here: as on a server.
it("useSocketConversation renders on a server, where there is no microphone, and connects to nothing", () => {
  const Page: FunctionComponent = () => {
    const { voiceAgentState, connection, error } = useSocketConversation({ scope: "kitchen" });
    return createElement("p", null, `${voiceAgentState} ${connection.status} ${String(error)}`);
  };
  expect(renderToString(createElement(Page))).toBe("<p>READY closed undefined</p>");
});
