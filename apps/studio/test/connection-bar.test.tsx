// @vitest-environment happy-dom
import { createRoot } from "react-dom/client";
import { afterEach, expect, it, vi } from "vitest";
import { ConnectionBar } from "../src/components/connection-bar.tsx";

afterEach(() => void vi.restoreAllMocks());

// Who lost the connection ten minutes after the page was opened saw "Reconnecting in 601 s" for a moment.
it("counts down from the moment when the wait begins, not from when the page was opened", async () => {
  const now = vi.spyOn(Date, "now").mockReturnValue(0);
  const page = document.createElement("main");
  document.body.replaceChildren(page);
  const shown: string[] = [];
  new MutationObserver(() => void shown.push(page.querySelector("strong")?.textContent ?? "")).observe(page, {
    subtree: true,
    childList: true,
    characterData: true,
  });
  // Without `act`, which would not show what a browser paints in between.
  const root = createRoot(page);
  root.render(<ConnectionBar snapshot={{ connection: { status: "idle" }, status: "streaming" }} onRetry={() => {}} />);
  await vi.waitFor(() => expect(page.querySelector("[aria-live]")).not.toBeNull());
  now.mockReturnValue(600_000);
  const waiting = { status: "waiting", attempt: 1, retryAt: 601_000, reason: "unreachable" } as const;
  root.render(<ConnectionBar snapshot={{ connection: waiting, status: "streaming" }} onRetry={() => {}} />);
  await vi.waitFor(() => expect(shown).toContain("Reconnecting in 1 s"));
  expect(shown.filter((words) => words !== "")).toEqual(["Reconnecting in 1 s"]);
  root.unmount();
});
