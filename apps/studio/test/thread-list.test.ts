import { SluiceError } from "sluice/errors";
import { createManualClock } from "sluice/testing";
import { describe, expect, it } from "vitest";
import type { RunningRun, Thread, ThreadPage } from "../src/server/threads.ts";
import { createThreadList, UNDO_MS, type ThreadList } from "../src/state/thread-list.ts";

describe("the list of chats", () => {
  it("has the one on top in which was said something last, whatever order the server gives", async () => {
    const { list } = given([thread("old", 10), thread("new", 30), thread("middle", 20)]);
    expect(list.getSnapshot().status).toBe("loading");
    await list.refresh();
    expect(ids(list)).toEqual(["new", "middle", "old"]);
    expect(list.getSnapshot().status).toBe("ready");
  });

  it("shows a chat in which was just asked on top, before the server tells of it", async () => {
    const { list, server } = given([thread("a", 10)]);
    await list.refresh();
    list.asked("b", "Why?");
    expect(list.getSnapshot().threads[0]).toMatchObject({ id: "b", title: "Why?" });
    await list.refresh();
    expect(ids(list), "the server does not have it yet").toEqual(["b", "a"]);
    server.pages = [{ threads: [thread("b", 2_000, "Why, then?"), thread("a", 10)] }];
    await list.refresh();
    expect(list.getSnapshot().threads[0]).toMatchObject({ id: "b", title: "Why, then?" });
    expect(ids(list)).toEqual(["b", "a"]);
  });

  it("keeps older pages when the newest is asked for again, and drops what was deleted elsewhere", async () => {
    const { list, server } = given([]);
    server.pages = [
      { threads: [thread("d", 40), thread("c", 30)], next: "n" },
      { threads: [thread("b", 20), thread("a", 10)] },
    ];
    await list.refresh();
    expect(list.getSnapshot().more).toBe(true);
    await list.loadMore();
    expect(ids(list)).toEqual(["d", "c", "b", "a"]);
    expect(list.getSnapshot().more).toBe(false);
    server.pages = [{ threads: [thread("d", 40), thread("b", 20)], next: "n" }];
    await list.refresh();
    expect(ids(list)).toEqual(["d", "b", "a"]);
  });

  it("says that a key is needed, and forgets it once there is one", async () => {
    const { list, server } = given([thread("a", 10)]);
    server.fail = refusal(401, "An API key is needed.");
    await list.refresh();
    expect(list.getSnapshot()).toMatchObject({ status: "error", error: { needsKey: true } });
    server.fail = undefined;
    await list.refresh();
    expect(list.getSnapshot().error).toBeUndefined();
    expect(ids(list)).toEqual(["a"]);
  });

  it("keeps what it has when the server is away", async () => {
    const { list, server } = given([thread("a", 10)]);
    await list.refresh();
    server.fail = refusal(0, "The server cannot be reached.");
    await list.refresh();
    expect(list.getSnapshot().status).toBe("ready");
    expect(ids(list)).toEqual(["a"]);
  });

  it("does not let an answer that comes late win over a newer one", async () => {
    const { list, server } = given([thread("a", 10)]);
    const release = server.hold();
    const slow = list.refresh();
    server.pages = [{ threads: [thread("b", 20)] }];
    await list.refresh();
    release();
    await slow;
    expect(ids(list)).toEqual(["b"]);
  });
});

describe("an answer that is written elsewhere", () => {
  it("marks its chat, and the chat is unread when it has ended", async () => {
    const { list, server } = given([thread("a", 10), thread("b", 20)]);
    await list.refresh();
    list.setOpen("b");
    server.running = [{ id: "r1", threadId: "a" }, { id: "r2", threadId: "b" }, { id: "r3" }];
    await list.refreshRunning();
    expect(list.getSnapshot().threads.map(({ running }) => running)).toEqual([true, true]);
    server.running = [];
    await list.refreshRunning();
    expect(list.getSnapshot().threads).toMatchObject([
      { id: "b", running: false, unread: false },
      { id: "a", running: false, unread: true },
    ]);
    list.setOpen("a");
    expect(list.getSnapshot().threads.some(({ unread }) => unread)).toBe(false);
  });

  it("tells nobody when nothing has changed", async () => {
    const { list, server } = given([thread("a", 10)]);
    await list.refresh();
    server.running = [{ id: "r1", threadId: "a" }];
    await list.refreshRunning();
    let told = 0;
    list.subscribe(() => (told += 1));
    await list.refreshRunning();
    expect(told).toBe(0);
  });
});

describe("renaming", () => {
  it("shows the new title at once, and the old one again when the server refuses", async () => {
    const { list, server } = given([thread("a", 10, "Old")]);
    await list.refresh();
    const done = list.rename("a", "  New ");
    expect(list.getSnapshot().threads[0]?.title).toBe("New");
    await done;
    expect(server.calls).toEqual(["rename a New"]);
    server.fail = refusal(404, "There is no such conversation.");
    await list.rename("a", "Newer");
    expect(list.getSnapshot()).toMatchObject({
      threads: [{ title: "New" }],
      failure: "There is no such conversation.",
    });
    list.dismissFailure();
    expect(list.getSnapshot().failure).toBeUndefined();
  });

  it("does nothing for a title that is empty or the same", async () => {
    const { list, server } = given([thread("a", 10, "Old")]);
    await list.refresh();
    await list.rename("a", "   ");
    await list.rename("a", "Old");
    expect(server.calls).toEqual([]);
  });
});

describe("deleting", () => {
  it("takes it off the list at once, and deletes it when nobody wanted it back in time", async () => {
    const { list, server, clock } = given([thread("a", 10), thread("b", 20)]);
    await list.refresh();
    list.remove("a");
    expect(ids(list)).toEqual(["b"]);
    expect(list.getSnapshot().removed).toEqual({ id: "a", title: "a" });
    expect(server.calls).toEqual([]);
    await clock.advance(UNDO_MS);
    expect(server.calls).toEqual(["delete a"]);
    expect(list.getSnapshot().removed).toBeUndefined();
    expect(ids(list)).toEqual(["b"]);
  });

  it("is taken back by undo, and then never happens", async () => {
    const { list, server, clock } = given([thread("a", 10)]);
    await list.refresh();
    list.remove("a");
    list.undo();
    expect(ids(list)).toEqual(["a"]);
    await clock.advance(UNDO_MS * 2);
    expect(server.calls).toEqual([]);
  });

  // Who deleted a chat, went back to it within those 8 s and asked in it lost it all the same, in the middle of the answer.
  it("does not happen to a chat in which was asked meanwhile", async () => {
    const { list, server, clock } = given([thread("a", 10), thread("b", 20)]);
    await list.refresh();
    list.remove("a");
    list.asked("b", "Elsewhere?");
    expect(list.getSnapshot().removed).toMatchObject({ id: "a" });
    list.asked("a", "And this?");
    expect(list.getSnapshot().removed).toBeUndefined();
    await clock.advance(UNDO_MS * 2);
    expect(server.calls).toEqual([]);
    expect(ids(list)).toContain("a");
  });

  it("does not wait for one when another one is deleted, or when the page goes", async () => {
    const { list, server } = given([thread("a", 10), thread("b", 20)]);
    await list.refresh();
    list.remove("a");
    list.remove("b");
    expect(server.calls).toEqual(["delete a"]);
    await list.flush({ leaving: true });
    expect(server.calls).toEqual(["delete a", "delete b, leaving"]);
  });

  it("brings it back when the server did not delete it, unless it was gone", async () => {
    const { list, server } = given([thread("a", 10), thread("b", 20)]);
    await list.refresh();
    server.fail = refusal(503, "Busy.");
    list.remove("a");
    await list.flush();
    expect(ids(list)).toEqual(["b", "a"]);
    expect(list.getSnapshot().failure).toBe("Busy.");
    server.fail = refusal(404, "There is no such conversation.");
    list.remove("a");
    await list.flush();
    expect(ids(list)).toEqual(["b"]);
  });
});

interface FakeServer {
  pages: ThreadPage[];
  running: readonly RunningRun[];
  fail: Error | undefined;
  readonly calls: string[];
  /** The next answer waits; the function returned lets it go. */
  hold(): () => void;
}

function given(threads: readonly Thread[]) {
  let held: Promise<void> | undefined;
  const server: FakeServer = {
    pages: [{ threads }],
    running: [],
    fail: undefined,
    calls: [],
    hold() {
      let release = (): void => {};
      held = new Promise((resolve) => (release = resolve));
      return release;
    },
  };
  const clock = createManualClock(1_000);
  const failOr = async (call: string): Promise<void> => {
    if (server.fail) throw server.fail;
    server.calls.push(call);
  };
  const list = createThreadList({
    async readThreads(before) {
      if (server.fail) throw server.fail;
      const page = server.pages[before === undefined ? 0 : 1] ?? { threads: [] };
      const waiting = held;
      held = undefined;
      await waiting;
      return page;
    },
    readRunning: async () => server.running,
    rename: (id, title) => failOr(`rename ${id} ${title}`),
    delete: (id, { leaving }) => failOr(`delete ${id}${leaving ? ", leaving" : ""}`),
    now: clock.now,
    timer: clock.timer,
  });
  return { list, server, clock };
}

function thread(id: string, at: number, title = id): Thread {
  return { id, title, createdAt: at, updatedAt: at };
}

function ids(list: ThreadList): readonly string[] {
  return list.getSnapshot().threads.map(({ id }) => id);
}

function refusal(status: number, message: string): SluiceError {
  return new SluiceError("client/refused", message, { details: { status } });
}
