// @vitest-environment happy-dom
import { act } from "react";
import { expect, it } from "vitest";
import { useEventSource } from "../../src/react/index.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { lowest, refused } from "../client/support.ts";
import { createEventServer } from "./event-server.ts";
import { createFrames, renderHook, settled } from "./render.ts";

// The id that a server had refused was sent with each further connection: whoever came back to a topic that had lost
// his place, and pressed the button, was refused until the page was loaded anew.
it.each([
  [410, "log/gap", null],
  [400, "offset/beyond-end", null],
  [401, "auth/required", "1"],
])("reconnect after a refusal with %i %s sends the last id %s", async (status, code, sent) => {
  const server = createEventServer();
  const frames = createFrames();
  const clock = createManualClock();
  const given = { fetch: server.fetch, nextFrame: frames.nextFrame, clock, random: lowest };
  const hook = renderHook(() => useEventSource("https://example.test/topics/room", given), undefined);
  await frames.next();
  server.requests[0]?.send({ data: "a", id: "1" });
  await frames.next();
  server.refuse(() => refused(status, code));
  server.requests[0]?.cut();
  await settled();
  await clock.advance(0);
  await frames.next();
  expect(hook.current.error).toMatchObject({ code: "client/refused" });
  server.refuse(undefined);
  act(() => hook.current.reconnect());
  await frames.next();
  expect(server.requests[2]?.headers.get("last-event-id")).toBe(sent);
  expect(hook.current.isConnected).toBe(true);
});
