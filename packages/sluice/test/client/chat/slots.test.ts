import { describe, expect, it, vi } from "vitest";
import { createSlots } from "../../../src/client/chat/slots.ts";
import type { Chat } from "../../../src/client/index.ts";
import type { FakeTab } from "./fake-browser.ts";
import { PATIENCE, delta, finish, said, saying, settled, start, status, text } from "./support.ts";
import { openSite, type Site } from "./tabs-support.ts";

describe("tabs on threads of their own, with fewer connections than answers", () => {
  it("give a connection to the one that is looked at, and all answers come whole", async () => {
    const site = openSite();
    const { gateway } = site;
    const pages = [openWith(site, "1"), openWith(site, "2"), openWith(site, "3")];
    for (const [index, { chat, tab }] of pages.slice(0, 2).entries()) {
      chat.send(`Question ${index + 1}?`);
      await status(chat, "streaming");
      gateway.sendTo(index + 1, start, ...text(`${index + 1}: One `));
      await saying(chat, `${index + 1}: One `);
      tab.setVisible(false);
    }
    const [one, two, three] = pages as [Opened, Opened, Opened];
    three.chat.send("Question 3?");
    await status(three.chat, "streaming");
    expect(gateway.readers).toBe(2);
    gateway.sendTo(3, start, ...text("3: One "));
    await saying(three.chat, "3: One ");
    for (const run of [1, 2]) gateway.sendTo(run, delta("two"));
    await settled();
    const waiting = [one, two].filter(({ chat }) => !said(chat).endsWith("two"));
    expect(waiting).toHaveLength(1);
    expect(waiting[0]?.chat.getSnapshot().connection).toEqual({ status: "connecting", attempt: 1 });
    gateway.sendTo(3, finish);
    await status(three.chat, "ready");
    await Promise.all([saying(one.chat, "1: One two"), saying(two.chat, "2: One two")]);
    for (const run of [1, 2]) gateway.sendTo(run, finish);
    await Promise.all([status(one.chat, "ready"), status(two.chat, "ready")]);
    expect(gateway.asked).toHaveLength(3);
  });

  it("take none from one that is looked at, and wait for it", async () => {
    const site = openSite();
    const { gateway } = site;
    const [one, two, three] = ["1", "2", "3"].map((thread) => openWith(site, thread)) as [Opened, Opened, Opened];
    one.chat.send("One?");
    two.chat.send("Two?");
    await vi.waitFor(() => expect(gateway.readers).toBe(2), PATIENCE);
    three.chat.send("Three?");
    await settled();
    expect(gateway.asked).toHaveLength(2);
    expect(three.chat.getSnapshot().status).toBe("submitted");
    two.tab.setVisible(false);
    three.tab.tell("shown");
    await status(three.chat, "streaming");
  });

  it("take none from one that reads for a tab that is looked at", async () => {
    const site = openSite();
    const { gateway } = site;
    const one = openWith(site, "1");
    one.chat.send("One?");
    await status(one.chat, "streaming");
    const other = openWith(site, "1");
    await status(other.chat, "streaming");
    one.tab.setVisible(false);
    const two = openWith(site, "2");
    two.chat.send("Two?");
    await status(two.chat, "streaming");
    two.tab.setVisible(false);
    openWith(site, "3").chat.send("Three?");
    await vi.waitFor(() => expect(gateway.asked).toHaveLength(3), PATIENCE);
    await settled();
    expect(one.chat.getSnapshot().connection.status).toBe("open");
    expect(two.chat.getSnapshot().connection.status).toBe("connecting");
  });

  it("get one back for a tab that is looked at, which follows one that waits", async () => {
    const site = openSite();
    const { gateway } = site;
    const pages = ["1", "2", "3"].map((thread) => openWith(site, thread));
    for (const { chat, tab } of pages) {
      tab.setVisible(false);
      chat.send("Why?");
      await settled();
    }
    expect(gateway.asked).toHaveLength(2);
    const looked = openWith(site, "3");
    await status(looked.chat, "streaming");
    expect(gateway.asked).toHaveLength(3);
  });
});

describe("a slot", () => {
  it("fails as its work fails, and is free for the next", async () => {
    const { browser } = openSite();
    const slots = createSlots({ ...browser.openTab().tabs, connections: 1 }, "server");
    const options = { signal: new AbortController().signal, isSeen: () => true };
    await expect(slots.hold(options, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    const work = vi.fn<() => Promise<void>>(() => Promise.resolve());
    await slots.hold(options, work);
    expect(work).toHaveBeenCalledTimes(1);
    expect(browser.held).toBe(0);
    slots.close();
  });

  it("is not waited for by who has left", async () => {
    const { browser } = openSite();
    const slots = createSlots({ ...browser.openTab().tabs, connections: 1 }, "server");
    const [first, second] = [new AbortController(), new AbortController()];
    const begun: string[] = [];
    const hold = ({ signal }: AbortController, name: string): Promise<void> =>
      slots.hold({ signal, isSeen: () => true }, (end) => {
        begun.push(name);
        return new Promise((resolve) => end.addEventListener("abort", () => resolve()));
      });
    const one = hold(first, "one");
    await settled();
    const two = hold(second, "two");
    await settled();
    second.abort();
    await two;
    first.abort();
    await one;
    expect(begun).toEqual(["one"]);
  });

  it("is needed by nobody where no locks are to be had", async () => {
    const { browser } = openSite();
    const locks = { request: () => Promise.reject(new DOMException("No.", "SecurityError")) };
    const slots = createSlots({ ...browser.openTab().tabs, locks, connections: 1 }, "server");
    const work = vi.fn<() => Promise<void>>(() => Promise.resolve());
    await slots.hold({ signal: new AbortController().signal, isSeen: () => true }, work);
    expect(work).toHaveBeenCalledTimes(1);
  });
});

interface Opened {
  readonly chat: Chat;
  readonly tab: FakeTab;
}

/** A tab of a browser that opens two connections. */
function openWith({ browser, openChat }: Site, threadId: string): Opened {
  const tab = browser.openTab();
  return openChat({ threadId, tabs: { ...tab.tabs, connections: 2 } }, tab);
}
