import type { ChatConnection } from "sluice/client";
import { describe, expect, it } from "vitest";
import { connectionWords, resumedWords } from "../src/state/connection-words.ts";

describe("what is said of the connection", () => {
  const words = (connection: ChatConnection, now = 0, status: "submitted" | "streaming" = "streaming") =>
    connectionWords({ connection, status }, now);

  it("is nothing while all is as it should be", () => {
    expect(words({ status: "idle" })).toBeUndefined();
    expect(words({ status: "open", shared: false, resumed: 3 })).toBeUndefined();
    expect(words({ status: "connecting", attempt: 1 })).toBeUndefined();
  });

  it("counts the seconds down to the next attempt", () => {
    const waiting = { status: "waiting", attempt: 2, retryAt: 10_000, reason: "unreachable" } as const;
    expect(words(waiting, 8_000)).toMatchObject({ text: "Reconnecting in 2 s", retry: true, ticking: true });
    expect(words(waiting, 8_999)?.text).toBe("Reconnecting in 2 s");
    expect(words(waiting, 9_001)?.text).toBe("Reconnecting in 1 s");
    expect(words(waiting, 10_400)).toMatchObject({ text: "Reconnecting…", ticking: false });
  });

  it("is spoken once for all ticks", () => {
    const waiting = { status: "waiting", attempt: 2, retryAt: 10_000, reason: "unreachable" } as const;
    expect(words(waiting, 1_000)?.spoken).toBe(words(waiting, 9_500)?.spoken);
  });

  it("tells an answer that is interrupted from a question that nobody has", () => {
    const waiting = { status: "waiting", attempt: 1, retryAt: 5_000, reason: "unreachable" } as const;
    expect(words(waiting, 0, "streaming")?.more).toBe("Connection lost.");
    expect(words(waiting, 0, "submitted")).toMatchObject({
      text: "Trying again in 5 s",
      more: "The server cannot be reached.",
    });
    expect(words({ ...waiting, reason: "unavailable" })?.more).toBe("The server is busy.");
  });

  it("does not count while the browser is offline: coming back is what ends it", () => {
    const offline = { status: "waiting", attempt: 1, retryAt: 5_000, reason: "offline" } as const;
    expect(words(offline)).toMatchObject({ text: "Offline", ticking: false });
    expect(words(offline, 0, "submitted")?.more).toBe("Your message is sent when you are back.");
  });

  it("says that another tab reads, and what a resumed answer has lost", () => {
    expect(words({ status: "open", shared: true, resumed: 0 })?.text).toBe("Another tab is reading");
    expect(resumedWords(1).text).toBe("Resumed, 0 lost");
    expect(resumedWords(3).text).toBe("Resumed 3 times, 0 lost");
  });
});
