import { createChat, type Chat, type ChatOptions } from "../../../src/client/index.ts";
import { createManualClock } from "../../../src/testing/manual-clock.ts";
import { createFakeBrowser, type FakeBrowser, type FakeTab } from "./fake-browser.ts";
import { createFakeGateway, type FakeGateway } from "./fake-gateway.ts";
import { noDelay } from "./support.ts";

/** For which a leader may be silent, twice. */
export const SILENCE_MS = 5_000;
/** For which a lock is kept after the end of its run. */
export const LINGER_MS = 250;

/** Tabs of one browser, all on one thread. */
export interface Site {
  readonly gateway: FakeGateway;
  readonly browser: FakeBrowser;
  readonly clock: ReturnType<typeof createManualClock>;
  openChat(options?: ChatOptions, tab?: FakeTab): { readonly chat: Chat; readonly tab: FakeTab };
}

export function openSite(): Site {
  const gateway = createFakeGateway();
  const browser = createFakeBrowser();
  const clock = createManualClock(1_000);
  // Backoffs of no time are over at once; the others come when time is moved.
  const quick = {
    now: clock.now,
    timer: (ms: number, run: () => void) => (ms === 0 ? soon(run) : clock.timer(ms, run)),
  };
  return {
    gateway,
    browser,
    clock,
    openChat(options = {}, tab = browser.openTab()) {
      const chat = createChat({
        url: "http://studio.test/stream",
        threadId: "t",
        fetch: tab.wrapFetch(gateway.fetch),
        clock: tab.wrapClock(quick),
        random: noDelay,
        nextFrame: tab.nextFrame,
        page: tab.page,
        tabs: tab.tabs,
        storage: tab.storage,
        ...options,
      });
      chat.subscribe(() => {});
      return { chat, tab };
    },
  };
}

/** A stop that its producer has not heard of yet. */
export function slowly(): Response {
  return Response.json({ status: "running" }, { status: 202 });
}

function soon(run: () => void): () => void {
  const immediate = setImmediate(run);
  return () => clearImmediate(immediate);
}

export function requestIdOf(chat: Chat): string {
  return chat.getSnapshot().messages.at(-1)?.requestId ?? "none";
}

export function kindOf(message: unknown): unknown {
  return typeof message === "object" && message !== null && "kind" in message ? message.kind : undefined;
}
