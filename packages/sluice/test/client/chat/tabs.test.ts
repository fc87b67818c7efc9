import { describe, expect, it, vi } from "vitest";
import type { RunEvent } from "../../../src/chat/index.ts";
import type { ChatAnswer, ChatError, ChatOptions } from "../../../src/client/index.ts";
import { refusal } from "./fake-gateway.ts";
import { PATIENCE, answer, delta, finish, said, saying, settled, start, status, text, transcript } from "./support.ts";
import { LINGER_MS, kindOf, openSite, requestIdOf, slowly } from "./tabs-support.ts";

describe("several tabs on a thread", () => {
  it("show the same answer over one connection, and leave nothing behind", async () => {
    const { gateway, openChat, clock, browser } = openSite();
    const [one, two] = [openChat(), openChat()];
    one.chat.send("Why?");
    await status(two.chat, "streaming");
    expect(transcript(two.chat)).toEqual(["user: Why?"]);
    gateway.send(start, ...text("Be"), delta("cause"));
    await saying(two.chat, "Because");
    await vi.waitFor(
      () => expect(two.chat.getSnapshot().connection).toEqual({ status: "open", shared: true, resumed: 0 }),
      PATIENCE,
    );
    gateway.send(delta("."), finish);
    await status(two.chat, "ready");
    await status(one.chat, "ready");
    expect(two.chat.getSnapshot().messages).toEqual(one.chat.getSnapshot().messages);
    await settled();
    await clock.advance(LINGER_MS);
    expect(gateway.calls).toEqual(["POST /stream"]);
    expect(browser.held).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it("give a tab that joins what there is, in as many events as it has parts", async () => {
    const { gateway, openChat, browser } = openSite();
    const one = openChat();
    one.chat.send("Why?");
    await status(one.chat, "streaming");
    gateway.send(start, ...text(""), ...Array.from({ length: 2_000 }, () => delta("word ")));
    await saying(one.chat, "word ".repeat(2_000));
    expect(browser.messages.filter((message) => kindOf(message) === "batch")).toHaveLength(1);
    const two = openChat();
    await saying(two.chat, "word ".repeat(2_000));
    const whole = browser.messages.find((message) => kindOf(message) === "whole") as { readonly events: unknown[] };
    expect(whole.events).toHaveLength(3);
    gateway.send(finish);
    await status(two.chat, "ready");
    expect(two.chat.getSnapshot().messages).toEqual(one.chat.getSnapshot().messages);
    expect(gateway.calls).toEqual(["POST /stream"]);
  });

  it("are told of its end without waiting for a frame, or for the end of the response", async () => {
    const { gateway, openChat, browser } = openSite();
    const tab = browser.openTab();
    let frames = true;
    const one = openChat({ nextFrame: (run) => (frames ? tab.nextFrame(run) : undefined) }, tab);
    const two = openChat();
    let write = (_text: string): void => {};
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => void (write = (words) => controller.enqueue(new TextEncoder().encode(words))),
    });
    const headers = { "content-type": "text/event-stream", "sluice-run-id": "run_1", location: "/runs/run_1/events" };
    gateway.answerNext("/stream", () => new Response(body, { headers }));
    one.chat.send("Why?");
    const frame = (id: number, event: RunEvent): string => `id: 1${id}\ndata: ${JSON.stringify(event)}\n\n`;
    write([start, ...text("Because")].map((event, index) => frame(index + 1, event)).join(""));
    await saying(two.chat, "Because");
    frames = false;
    write(frame(4, finish));
    await Promise.all([status(one.chat, "ready"), status(two.chat, "ready")]);
    expect(said(two.chat)).toBe("Because");
    expect(gateway.calls).toEqual(["POST /stream"]);
  });

  it("say nothing of an answer to each other while there is one of them", async () => {
    const { gateway, openChat, browser } = openSite();
    const { chat } = openChat();
    chat.send("Why?");
    await status(chat, "streaming");
    const before = browser.messages.length;
    gateway.send(start, ...text("Because."), finish);
    await status(chat, "ready");
    expect(browser.messages.slice(before).filter((message) => kindOf(message) === "batch")).toEqual([]);
  });

  it("stop from any of them", async () => {
    const { gateway, openChat } = openSite();
    const [one, two] = [openChat(), openChat()];
    one.chat.send("Why?");
    await status(two.chat, "streaming");
    gateway.send(start, ...text("Half"));
    await saying(two.chat, "Half");
    gateway.answerNext("/runs/run_1/stop", slowly, slowly);
    two.chat.stop();
    await vi.waitFor(() => expect(one.chat.getSnapshot().stopping).toBe(true), PATIENCE);
    expect(gateway.calls).toContain("POST /runs/run_1/stop");
    gateway.send({ type: "abort" });
    await status(one.chat, "ready");
    await status(two.chat, "ready");
    expect(answer(one.chat)).toMatchObject({ status: "aborted", content: "Half" });
    expect(two.chat.getSnapshot().messages).toEqual(one.chat.getSnapshot().messages);
  });

  it("stop a question whose run is not known yet, and take back one that nobody heard", async () => {
    const { gateway, openChat } = openSite();
    const [one, two] = [openChat(), openChat()];
    let accept = (): void => {};
    gateway.answerNext("/stream", () => new Promise((_, reject) => (accept = () => reject(new TypeError()))));
    one.chat.send("Why?");
    await status(two.chat, "submitted");
    two.chat.stop();
    await vi.waitFor(() => expect(one.chat.getSnapshot().stopping).toBe(true), PATIENCE);
    accept();
    await status(one.chat, "ready");
    await status(two.chat, "ready");
    expect(two.chat.getSnapshot().messages).toEqual(one.chat.getSnapshot().messages);
    expect(answer(two.chat)).toMatchObject({ status: "aborted", parts: [] });
    expect(gateway.calls.filter((call) => call.startsWith("POST /cancel/"))).toHaveLength(1);
  });

  it("have the one that knows the run stop it for one that does not yet", async () => {
    const { gateway, openChat, browser } = openSite();
    const { chat } = openChat();
    chat.send("Why?");
    await status(chat, "streaming");
    const stop = { sluice: 1, kind: "stop", requestId: requestIdOf(chat), wanted: true };
    browser.openTab().tabs.channel("sluice:http://studio.test/:t").postMessage(stop);
    await status(chat, "ready");
    expect(gateway.calls).toContain("POST /runs/run_1/stop");
  });

  it("show a question that is asked again in its place", async () => {
    const { gateway, openChat } = openSite();
    const [one, two] = [openChat(), openChat()];
    one.chat.send("Why?");
    await status(one.chat, "streaming");
    gateway.send(start, ...text("Because."), finish);
    await status(two.chat, "ready");
    two.chat.regenerate();
    await status(one.chat, "streaming");
    expect(transcript(one.chat)).toEqual(["user: Why?"]);
    gateway.send(start, ...text("So."), finish);
    await saying(one.chat, "So.");
    await status(two.chat, "ready");
    expect(transcript(one.chat)).toEqual(["user: Why?", "assistant: So."]);
    expect(two.chat.getSnapshot().messages).toEqual(one.chat.getSnapshot().messages);
    expect(gateway.asked[1]).toMatchObject({ messages: [{ role: "user", content: "Why?" }] });
  });

  it("have both answers, in one order, when two of them ask at once", async () => {
    const { gateway, openChat } = openSite();
    const [one, two] = [openChat(), openChat()];
    one.chat.send("One?");
    two.chat.send("Two?");
    await vi.waitFor(() => expect(gateway.asked).toHaveLength(2), PATIENCE);
    for (const { chat } of [one, two]) {
      await vi.waitFor(() => expect(chat.getSnapshot().messages).toHaveLength(2), PATIENCE);
    }
    gateway.sendTo(1, start, ...text("First."), finish);
    gateway.sendTo(2, start, ...text("Second."), finish);
    await status(one.chat, "ready");
    await status(two.chat, "ready");
    expect(two.chat.getSnapshot().messages).toEqual(one.chat.getSnapshot().messages);
    const words = transcript(one.chat);
    expect(words.indexOf("assistant: First.") - words.indexOf("user: One?")).toBe(1);
    expect(words.indexOf("assistant: Second.") - words.indexOf("user: Two?")).toBe(1);
  });

  // An answer that failed before a later question was answered was handed to `onFinish`, as one that is whole, and
  // nobody was told of the error.
  it("tell of an answer that failed as an error, also where another question came after it", async () => {
    const { gateway, openChat } = openSite();
    const onFinish = vi.fn<(message: ChatAnswer) => void>();
    const onError = vi.fn<(error: ChatError) => void>();
    const one = openChat({ onFinish, onError });
    const two = openChat();
    one.chat.send("One?");
    two.chat.send("Two?");
    await vi.waitFor(() => expect(gateway.asked).toHaveLength(2), PATIENCE);
    await vi.waitFor(() => expect(one.chat.getSnapshot().messages).toHaveLength(2), PATIENCE);
    const first = transcript(one.chat)[0] === "user: One?" ? 1 : 2;
    gateway.sendTo(first, start, { type: "error", errorText: "No.", code: "llm/failed" });
    await settled();
    gateway.sendTo(3 - first, start, ...text("Second."), finish);
    await status(one.chat, "ready");
    await settled();
    expect(onFinish.mock.calls).toMatchObject([[{ status: "finished" }]]);
    expect(onError.mock.calls).toMatchObject([[{ code: "llm/failed" }]]);
  });

  // A hidden tab had not kept that another one took the question back: thrown away by the browser and opened again, it
  // asked the model what the person had stopped.
  it("do not ask again what another has taken back, when they are thrown away without a word", async () => {
    const { gateway, openChat, browser, clock } = openSite();
    const [one, two] = [openChat(), openChat()];
    let drop = (): void => {};
    gateway.answerNext("/stream", () => new Promise((_, reject) => (drop = () => reject(new TypeError("reset")))));
    one.chat.send("Why?");
    await status(two.chat, "submitted");
    one.chat.stop();
    drop();
    await status(two.chat, "ready");
    two.tab.kill();
    await settled();
    await clock.advance(LINGER_MS);
    const again = openChat({}, browser.openTab({ storage: two.tab.storage }));
    await settled();
    expect(again.chat.getSnapshot()).toMatchObject({ status: "ready", messages: [{ status: "failed" }, {}] });
    expect(gateway.asked).toHaveLength(1);
  });

  // A question that was asked again elsewhere while this tab still read its answer: the reading went on without a
  // question, and its answer stood above the conversation. So did what had come of it since the last frame.
  it.each([0, 1])("read no more of an answer whose question is asked again in another: %i unseen", async (unseen) => {
    const { gateway, openChat, browser } = openSite();
    const tab = browser.openTab();
    const held: (() => void)[] = [];
    const { chat } = openChat(
      { nextFrame: (run) => (gateway.readers > 0 && said(chat) !== "" ? void held.push(run) : tab.nextFrame(run)) },
      tab,
    );
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.send(start, ...text("Be"));
    await saying(chat, "Be");
    if (unseen > 0) gateway.send(delta("ca"));
    await settled();
    const [question] = chat.getSnapshot().messages;
    const requestId = "req_other";
    const replaces = { id: question?.id, runId: question?.runId };
    const turn = { requestId, at: 2_000, body: {}, replaces, status: "submitted", stopping: false };
    const other = browser.openTab();
    void other.tabs.locks.request(`sluice:http://studio.test/:t:${requestId}`, () => new Promise(() => {}));
    await settled();
    other.tabs
      .channel("sluice:http://studio.test/:t")
      .postMessage({ sluice: 1, kind: "turn", turn, question: { ...question, requestId, status: "pending" } });
    await vi.waitFor(() => expect(gateway.readers).toBe(0), PATIENCE);
    gateway.send(delta("use."), finish);
    for (const run of held) run();
    await settled();
    expect(transcript(chat)).toEqual(["user: Why?"]);
  });

  it("show how the reading failed, and that it is tried again", async () => {
    const { gateway, openChat, clock } = openSite();
    const [one, two] = [openChat(), openChat()];
    gateway.answerNext("/stream", () => refusal(401, "auth/required", "Sign in."));
    one.chat.send("Why?");
    await status(two.chat, "error");
    expect(two.chat.getSnapshot().error).toMatchObject({ code: "auth/required", retry: "same-run" });
    two.chat.retry();
    await status(one.chat, "submitted");
    expect(one.chat.getSnapshot().error).toBeUndefined();
    await clock.advance(LINGER_MS);
    await status(one.chat, "streaming");
    gateway.send(start, ...text("Because."), finish);
    await status(one.chat, "ready");
    await status(two.chat, "ready");
    expect(transcript(one.chat)).toEqual(["user: Why?", "assistant: Because."]);
    expect(two.chat.getSnapshot().messages).toEqual(one.chat.getSnapshot().messages);
  });

  it("believe no other about what they read themselves, and about what is over", async () => {
    const { gateway, openChat, browser } = openSite();
    const { chat } = openChat();
    const stranger = browser.openTab().tabs.channel("sluice:http://studio.test/:t");
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.send(start, ...text("Because"));
    await saying(chat, "Because");
    const requestId = requestIdOf(chat);
    const turn = { requestId, at: 1, runUrl: "http://studio.test/runs/run_1/events", stopping: false };
    const question = chat.getSnapshot().messages[0];
    const error = { code: "client/gave-up", message: "No.", retry: "same-run" };
    stranger.postMessage({ sluice: 1, kind: "turn", question, turn: { ...turn, status: "failed", error } });
    await settled();
    expect(chat.getSnapshot().status).toBe("streaming");
    gateway.send(delta("."), finish);
    await status(chat, "ready");
    stranger.postMessage({ sluice: 1, kind: "turn", question, turn: { ...turn, status: "streaming" } });
    await settled();
    expect(chat.getSnapshot().status).toBe("ready");
    expect(transcript(chat)).toEqual(["user: Why?", "assistant: Because."]);
  });

  // A tab that was told the end of an answer before it was told of its run had an answer without one: after a reload the
  // thread's history stood beside it as another.
  it("know the run of an answer from whoever tells them of the answer", async () => {
    const { openChat, browser } = openSite();
    const { chat } = openChat();
    const { locks, channel } = browser.openTab().tabs;
    const requestId = "req_other";
    const question = { id: requestId, requestId, role: "user", parts: [], content: "Why?", status: "pending" };
    const turn = { requestId, at: 1, body: {}, status: "submitted", stopping: false };
    const run = { runId: "run_9", runUrl: "http://studio.test/runs/run_9/events" };
    const events = [start, ...text("Because."), finish];
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const lock = locks.request(`sluice:http://studio.test/:t:${requestId}`, () => held);
    const other = channel("sluice:http://studio.test/:t");
    await settled();
    other.postMessage({ sluice: 1, kind: "turn", turn, question });
    await status(chat, "submitted");
    const connection = { status: "open", shared: false, resumed: 0 };
    const place = { requestId, epoch: 9, sequence: 1 };
    other.postMessage({ sluice: 1, kind: "whole", ...place, events, lastEventId: "14", connection, run });
    await status(chat, "ready");
    expect(chat.getSnapshot().messages).toMatchObject([
      { role: "user", runId: "run_9", status: "sent" },
      { role: "assistant", runId: "run_9", content: "Because.", status: "finished" },
    ]);
    release();
    await lock;
  });

  it("know nothing of other threads, other servers and other versions of the page", async () => {
    const { gateway, openChat, browser } = openSite();
    const others = [openChat({ threadId: "other" }), openChat({ url: "http://studio.test/other/stream" })];
    const one = openChat();
    const stranger = browser.openTab().tabs.channel("sluice:http://studio.test/:t");
    for (const message of [
      null,
      1,
      { sluice: 2, kind: "hello" },
      { sluice: 1 },
      { sluice: 1, kind: "new" },
      { sluice: 1, kind: "turn" },
      { sluice: 1, kind: "batch", requestId: 1 },
    ]) {
      stranger.postMessage(message);
    }
    one.chat.send("Why?");
    await status(one.chat, "streaming");
    gateway.send(start, ...text("Because."), finish);
    await status(one.chat, "ready");
    for (const { chat } of others) expect(chat.getSnapshot().messages).toEqual([]);
  });

  it("each read alone where nothing is shared", async () => {
    const { gateway, openChat } = openSite();
    const options: ChatOptions = { tabs: null };
    const one = openChat(options);
    openChat({ shareTabs: false });
    one.chat.send("Why?");
    await status(one.chat, "streaming");
    gateway.send(start, ...text("Because."), finish);
    await status(one.chat, "ready");
    expect(answer(one.chat)?.content).toBe("Because.");
  });

  it("read alone where the browser gives no locks after all", async () => {
    const { gateway, openChat, browser } = openSite();
    const tab = browser.openTab();
    const locks = { request: () => Promise.reject(new DOMException("No.", "SecurityError")) };
    const { chat } = openChat({ tabs: { ...tab.tabs, locks } }, tab);
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.send(start, ...text("Because."), finish);
    await status(chat, "ready");
    expect(gateway.calls).toEqual(["POST /stream"]);
  });
});
