// use-support.test.ts
// @vitest-environment happy-dom
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { scriptedModel } from "sluice/testing";
import { expect, it, vi } from "vitest";
import { createApp } from "./app.ts";
import { useSupport } from "./use-support.ts";

it("shows the answer as it grows, and says when it is whole", async () => {
  const model = scriptedModel(["Have you ", { type: "pause" }, "tried turning it off?"]);
  const app = createApp(model);
  let support: ReturnType<typeof useSupport> | undefined;
  function Page() {
    support = useSupport({
      headers: { "x-user": "alice" },
      // No network: the route answers at once.
      fetch: (input, init) => app.handle(new Request(input, init)),
      storage: null,
      tabs: null,
    });
    return null;
  }
  createRoot(document.createElement("div")).render(createElement(Page));
  await vi.waitFor(() => expect(support?.ask("It does not work")).toBe(true));
  await vi.waitFor(() => expect(support).toMatchObject({ answer: "Have you ", status: "streaming" }));
  model.resume();
  await vi.waitFor(() => expect(support?.status).toBe("ready"));
  expect(support?.answer).toBe("Have you tried turning it off?");
});
