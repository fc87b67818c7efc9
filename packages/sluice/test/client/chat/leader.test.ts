import { describe, expect, it, vi } from "vitest";
import type { RunEvent } from "../../../src/chat/index.ts";
import type { StreamEvent } from "../../../src/client/index.ts";
import {
  PATIENCE,
  delta,
  finish,
  said,
  saying,
  settled,
  start,
  status,
  text,
  transcript,
  unreachable,
} from "./support.ts";
import { LINGER_MS, SILENCE_MS, openSite, requestIdOf, slowly } from "./tabs-support.ts";

describe("the tab that reads", () => {
  it("is followed by another when it is closed, and no word is lost or doubled", async () => {
    const { gateway, openChat } = openSite();
    const [one, two] = [openChat(), openChat()];
    one.chat.send("Why?");
    await status(two.chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(two.chat, "One ");
    one.chat.close();
    gateway.send(delta("two "));
    await saying(two.chat, "One two ");
    expect(two.chat.getSnapshot().connection).toMatchObject({ status: "open", shared: false });
    gateway.send(delta("three"), finish);
    await status(two.chat, "ready");
    expect(said(two.chat)).toBe("One two three");
    expect(gateway.calls).toEqual(["POST /stream", "GET /runs/run_1/events"]);
    expect(gateway.headers.at(-1)?.get("last-event-id")).toBe("13");
  });

  it("is followed by another when it is killed before its question was heard, which then asks with the same key", async () => {
    const { gateway, openChat } = openSite();
    const [one, two] = [openChat(), openChat()];
    gateway.answerNext("/stream", () => new Promise<Response>(() => {}));
    one.chat.send("Why?");
    await status(two.chat, "submitted");
    one.tab.kill();
    await status(two.chat, "streaming");
    expect(gateway.asked[1]).toEqual(gateway.asked[0]);
    gateway.send(start, ...text("Because."), finish);
    await status(two.chat, "ready");
    expect(said(two.chat)).toBe("Because.");
  });

  it("is followed by one of many, and the others follow that one", async () => {
    const { gateway, openChat, browser } = openSite();
    const pages = Array.from({ length: 5 }, () => openChat());
    pages[0]?.chat.send("Why?");
    const expected: string[] = [];
    gateway.answerNext("/stream");
    await Promise.all(pages.map(({ chat }) => status(chat, "streaming")));
    gateway.send(start, ...text(""));
    for (let number = 1; number <= 4; number += 1) {
      expected.push(`${number} `);
      gateway.send(delta(`${number} `));
      const alive = pages.slice(number - 1);
      await Promise.all(alive.map(({ chat }) => saying(chat, expected.join(""))));
      expect(gateway.readers).toBe(1);
      const leader = pages[number - 1]?.tab;
      expect(browser.held).toBe(1);
      leader?.kill();
    }
    const last = pages[4]!;
    gateway.send(finish);
    await status(last.chat, "ready");
    expect(said(last.chat)).toBe("1 2 3 4 ");
    expect(gateway.asked).toHaveLength(1);
  });

  it("loses its place to one that is looked at when it is frozen, and follows when it thaws", async () => {
    const { gateway, openChat, clock, browser } = openSite();
    const [one, two] = [openChat(), openChat()];
    one.chat.send("Why?");
    await status(two.chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(two.chat, "One ");
    one.tab.freeze();
    gateway.send(delta("two "));
    await clock.advance(2 * SILENCE_MS - 1);
    expect(said(two.chat)).toBe("One ");
    await clock.advance(1);
    await saying(two.chat, "One two ");
    expect(browser.holder(requestIdOf(two.chat))).toBe(two.tab);
    one.tab.thaw();
    await saying(one.chat, "One two ");
    await vi.waitFor(
      () => expect(one.chat.getSnapshot().connection).toMatchObject({ status: "open", shared: true }),
      PATIENCE,
    );
    await vi.waitFor(() => expect(gateway.readers).toBe(1), PATIENCE);
    gateway.send(delta("three"), finish);
    await Promise.all([status(one.chat, "ready"), status(two.chat, "ready")]);
    expect(said(one.chat)).toBe("One two three");
    expect(two.chat.getSnapshot().messages).toEqual(one.chat.getSnapshot().messages);
  });

  it("reads no more when its lock is stolen, and again when it has it back", async () => {
    const { gateway, openChat, browser } = openSite();
    const { chat } = openChat();
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(chat, "One ");
    const name = `sluice:http://studio.test/:t:${requestIdOf(chat)}`;
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const theft = browser.openTab().tabs.locks.request(name, { steal: true }, () => held);
    await vi.waitFor(() => expect(gateway.readers).toBe(0), PATIENCE);
    gateway.send(delta("two"), finish);
    await settled();
    expect(said(chat)).toBe("One ");
    release();
    await theft;
    await status(chat, "ready");
    expect(said(chat)).toBe("One two");
  });

  it("keeps its place when it only has nothing to say", async () => {
    const { gateway, openChat, clock, browser } = openSite();
    const [one, two] = [openChat(), openChat()];
    one.chat.send("Why?");
    await status(two.chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(two.chat, "One ");
    for (let minute = 0; minute < 3; minute += 1) {
      await clock.advance(SILENCE_MS);
      await settled();
    }
    expect(browser.holder(requestIdOf(two.chat))).toBe(one.tab);
    expect(gateway.calls).toEqual(["POST /stream"]);
  });

  it("keeps it also when it is frozen, while nobody looks at the others", async () => {
    const { gateway, openChat, clock, browser } = openSite();
    const [one, two] = [openChat(), openChat()];
    two.tab.setVisible(false);
    one.chat.send("Why?");
    await status(two.chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(two.chat, "One ");
    one.tab.freeze();
    gateway.send(delta("two "));
    await clock.advance(10 * SILENCE_MS);
    expect(browser.holder(requestIdOf(two.chat))).toBe(one.tab);
    two.tab.setVisible(true);
    two.tab.tell("shown");
    await settled();
    await clock.advance(SILENCE_MS);
    await saying(two.chat, "One two ");
    expect(browser.holder(requestIdOf(two.chat))).toBe(two.tab);
  });

  it("gives its place up when its page goes into the back/forward cache", async () => {
    const { gateway, openChat, clock } = openSite();
    const [one, two] = [openChat(), openChat()];
    one.chat.send("Why?");
    await status(two.chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(two.chat, "One ");
    one.tab.tell("left");
    one.tab.freeze();
    gateway.send(delta("two "));
    await saying(two.chat, "One two ");
    gateway.send(finish);
    await status(two.chat, "ready");
    one.tab.thaw();
    one.tab.tell("shown");
    await settled();
    await clock.advance(LINGER_MS);
    await status(one.chat, "ready");
    expect(one.chat.getSnapshot().messages).toEqual(two.chat.getSnapshot().messages);
  });

  it("tells the others that it has no connection, and they wait with it", async () => {
    const { gateway, openChat } = openSite();
    const [one, two] = [openChat(), openChat()];
    one.chat.send("Why?");
    await status(two.chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(two.chat, "One ");
    gateway.answerNext("/runs/run_1/events", unreachable, () => new Promise<Response>(() => {}));
    gateway.cut();
    await vi.waitFor(
      () => expect(two.chat.getSnapshot().connection).toEqual({ status: "connecting", attempt: 3 }),
      PATIENCE,
    );
    expect(one.chat.getSnapshot().connection).toEqual({ status: "connecting", attempt: 3 });
    expect(two.chat.getSnapshot().status).toBe("streaming");
  });
});

describe("a tab that is told", () => {
  it("in another dialect reads from the start when it takes over: how far a decoder is it cannot know", async () => {
    const { gateway, openChat } = openSite();
    async function* decode(events: AsyncIterable<StreamEvent>): AsyncGenerator<RunEvent> {
      for await (const { data } of events) if (data !== "[DONE]") yield JSON.parse(data) as RunEvent;
    }
    const [one, two] = [openChat({ decode }), openChat({ decode })];
    one.chat.send("Why?");
    await status(two.chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(two.chat, "One ");
    const shown = new Set<string>();
    two.chat.subscribe(() => shown.add(said(two.chat)));
    one.tab.kill();
    gateway.send(delta("two"), finish);
    await status(two.chat, "ready");
    expect(said(two.chat)).toBe("One two");
    expect(["One ", "One two"]).toEqual(expect.arrayContaining([...shown]));
    expect(gateway.headers.at(-1)?.get("last-event-id")).toBeNull();
  });

  // The run's URL, which tabs tell each other and a page keeps, named the wording of whoever had begun it: whoever had
  // chosen another one saw the answer stand still, or fail, when their tab took the reading over.
  it("reads in its own dialect what was begun in another", async () => {
    const { gateway, openChat } = openSite();
    async function* decode(events: AsyncIterable<StreamEvent>): AsyncGenerator<RunEvent> {
      for await (const { data } of events) if (data !== "[DONE]") yield JSON.parse(data) as RunEvent;
    }
    const read: string[] = [];
    const fetch: typeof globalThis.fetch = (input, init) => {
      read.push(
        `${input instanceof Request ? input.url : input.toString()} after ${new Headers(init?.headers).get("last-event-id")}`,
      );
      return gateway.fetch(input, init);
    };
    const [one, two] = [openChat(), openChat({ dialect: "graph", decode, fetch })];
    one.chat.send("Why?");
    await status(two.chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(two.chat, "One ");
    one.tab.kill();
    gateway.send(delta("two"), finish);
    await status(two.chat, "ready");
    expect(said(two.chat)).toBe("One two");
    expect(read[0]).toBe("http://studio.test/runs/run_1/events?dialect=graph after null");
  });

  it("does not listen to one whom another has followed", async () => {
    const { gateway, openChat, browser } = openSite();
    const [one, two] = [openChat(), openChat()];
    one.chat.send("Why?");
    await status(two.chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(two.chat, "One ");
    const before = { sluice: 1, kind: "whole", requestId: requestIdOf(two.chat), epoch: 1, sequence: 9 };
    const events = [start, ...text("Of long ago"), finish];
    const connection = { status: "open", shared: false, resumed: 0 };
    browser
      .openTab()
      .tabs.channel("sluice:http://studio.test/:t")
      .postMessage({ ...before, events, lastEventId: "19", connection, run: {} });
    await settled();
    gateway.send(delta("two"), finish);
    await status(two.chat, "ready");
    expect(said(two.chat)).toBe("One two");
  });

  it("what it cannot fold reads for itself", async () => {
    const { gateway, openChat, browser } = openSite();
    const [one, two] = [openChat(), openChat()];
    one.chat.send("Why?");
    await status(two.chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(two.chat, "One ");
    browser
      .openTab()
      .tabs.channel("sluice:http://studio.test/:t")
      .postMessage({
        sluice: 1,
        kind: "whole",
        requestId: requestIdOf(two.chat),
        epoch: 1e9,
        sequence: 1,
        events: [{ type: "text-delta", id: "unheard", delta: "of" }],
        lastEventId: "11",
        connection: { status: "open", shared: false, resumed: 0 },
        run: { runId: "run_1", runUrl: undefined },
      });
    gateway.send(delta("two"), finish);
    await status(two.chat, "ready");
    expect(said(two.chat)).toBe("One two");
    await status(one.chat, "ready");
    expect(said(one.chat)).toBe("One two");
  });
});

describe("a tab that was away", () => {
  it("asks for what it missed", async () => {
    const { gateway, openChat } = openSite();
    const [one, two] = [openChat(), openChat()];
    one.chat.send("Why?");
    await status(two.chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(two.chat, "One ");
    two.tab.freeze();
    gateway.send(delta("two "));
    await saying(one.chat, "One two ");
    two.tab.thaw();
    two.tab.tell("shown");
    await saying(two.chat, "One two ");
    gateway.send(finish);
    await status(two.chat, "ready");
    expect(gateway.calls).toEqual(["POST /stream"]);
  });

  it("is told of a question that was asked meanwhile", async () => {
    const { gateway, openChat } = openSite();
    const one = openChat();
    one.chat.send("Why?");
    await status(one.chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(one.chat, "One ");
    const late = openChat();
    await saying(late.chat, "One ");
    expect(transcript(late.chat)).toEqual(["user: Why?", "assistant: One "]);
    gateway.answerNext("/runs/run_1/stop", slowly, slowly);
    late.chat.stop();
    await vi.waitFor(() => expect(one.chat.getSnapshot().stopping).toBe(true), PATIENCE);
    const later = openChat();
    await vi.waitFor(() => expect(later.chat.getSnapshot().stopping).toBe(true), PATIENCE);
    gateway.send({ type: "abort" });
    await Promise.all([one, late, later].map(({ chat }) => status(chat, "ready")));
  });

  it("and was reloaded follows again, whether it read itself or not", async () => {
    const { gateway, openChat, browser, clock } = openSite();
    const [one, two] = [openChat(), openChat()];
    one.chat.send("Why?");
    await status(two.chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(two.chat, "One ");
    one.chat.save();
    one.tab.kill();
    const again = openChat({}, browser.openTab({ storage: one.tab.storage }));
    await saying(again.chat, "One ");
    gateway.send(delta("two"));
    await Promise.all([saying(again.chat, "One two"), saying(two.chat, "One two")]);
    expect(gateway.readers).toBe(1);
    two.chat.save();
    two.tab.kill();
    const both = openChat({}, browser.openTab({ storage: two.tab.storage }));
    gateway.send(finish);
    await settled();
    await clock.advance(LINGER_MS);
    await Promise.all([status(again.chat, "ready"), status(both.chat, "ready")]);
    expect(both.chat.getSnapshot().messages).toEqual(again.chat.getSnapshot().messages);
  });
});
