// @vitest-environment happy-dom
import * as React from "react";
import { act, createElement, type ExoticComponent, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { expect, it } from "vitest";
import { useChat, useEventSource, useObject } from "../../src/react/index.ts";
import { answer } from "./answer.ts";
import { createEventServer } from "./event-server.ts";
import { createFrames, settled } from "./render.ts";

// Not in React 18.
const { Activity } = React as { readonly Activity?: ExoticComponent<{ mode: string; children?: ReactNode }> };

it("what is hidden and shown again leaves its connections, and takes them up where it was", async () => {
  if (Activity === undefined) {
    expect(React.version).toMatch(/^18\./);
    return;
  }
  const events = createEventServer();
  const runs = createEventServer({ "sluice-run-id": "run_1", location: "/runs/run_1/events?dialect=ai-sdk" });
  const objects = createEventServer({ "sluice-run-id": "run_2", location: "/runs/run_2/events?dialect=ai-sdk" });
  const frames = createFrames();
  const { nextFrame } = frames;
  const url = "https://example.test/stream";
  const options = { url, fetch: runs.fetch, nextFrame, storage: null, tabs: null };
  let shown = "";
  let ask = (): void => {};
  const Page = (): ReactNode => {
    const { data, isConnected } = useEventSource("https://example.test/a", { fetch: events.fetch, nextFrame });
    const { send, messages } = useChat(options);
    const { object, submit } = useObject({ url, fetch: objects.fetch, nextFrame });
    ask = () => void [send("Why?"), submit("A list.")];
    shown = `${isConnected} ${data} ${messages.at(-1)?.content} ${JSON.stringify(object)}`;
    return null;
  };
  const root = createRoot(document.createElement("div"));
  const show = (mode: string): void => act(() => root.render(createElement(Activity, { mode }, createElement(Page))));

  show("visible");
  act(ask);
  await settled();
  const { begin, words } = answer("Because ", "water.");
  runs.requests[0]?.send(...begin, ...words.slice(0, 1));
  const list = answer("[1,", "2,");
  objects.requests[0]?.send(...list.begin, ...list.words.slice(0, 1));
  events.requests[0]?.send({ data: "1", id: "1" });
  await frames.next();
  expect(shown).toBe("true 1 Because  [1]");

  show("hidden");
  await settled();
  expect([events.open, runs.open, objects.open]).toEqual([0, 0, 0]);

  show("visible");
  await settled();
  expect(events.requests[1]?.headers.get("last-event-id")).toBe("1");
  expect(runs.requests[1]).toMatchObject({ method: "GET", url: expect.stringContaining("/runs/run_1/events") });
  expect(objects.requests[1]?.headers.get("last-event-id")).toBe("13");
  expect(shown).toBe("false 1 Because  [1]");
  objects.requests[1]?.send(...list.words.slice(1));
  events.requests[1]?.send({ data: "2", id: "2" });
  runs.requests[1]?.send(...begin, ...words);
  await frames.next();
  expect(shown).toBe("true 2 Because water. [1,2]");
  act(() => root.unmount());
  await settled();
});
