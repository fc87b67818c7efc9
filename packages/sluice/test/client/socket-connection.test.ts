import type { Socket } from "node:net";
import { loopback } from "sluice/socket";
import { createManualClock } from "sluice/testing";
import { describe, expect, it } from "vitest";
import { WebSocket as NodeSocket } from "ws";
import { place, speech, type Place } from "../socket/support.ts";
import { person, type BrowserSocketClass } from "./socket-person.ts";

describe("a connection", () => {
  /** As a network does it: without a word. */
  async function breakable(): Promise<Place & { readonly cut: () => void }> {
    const at = await place({ handler: loopback() });
    const sockets = new Set<Socket>();
    at.server.on("connection", (socket) => sockets.add(socket));
    return { ...at, cut: () => sockets.forEach((socket) => socket.destroy()) };
  }

  it("that is lost between talks comes back without a word to the person", async () => {
    const at = await breakable();
    const { conversation, audio, until, untilOpen, untilState } = person(at.url);
    conversation.open();
    await untilOpen();
    const lost = until(({ connection }) => connection.status !== "open");
    at.cut();
    await lost;
    await untilOpen();
    expect(conversation.getSnapshot()).toMatchObject({ voiceAgentState: "READY", error: undefined });
    await conversation.startRecording();
    audio.say(speech(10));
    await conversation.stopRecording();
    await untilState("RESPONDING");
  });

  it("that is lost while the person talks is an error that stays to be seen, and comes back", async () => {
    const at = await breakable();
    const { conversation, audio, until, untilOpen } = person(at.url);
    await conversation.startRecording();
    audio.say(speech(10));
    at.cut();
    const { voiceAgentState } = await until(({ error }) => error?.code === "socket/lost");
    expect(voiceAgentState).toBe("READY");
    expect(audio.microphoneOn).toBe(false);
    await untilOpen();
    expect(conversation.getSnapshot().error).toMatchObject({ code: "socket/lost" });
    await conversation.startRecording();
    expect(conversation.getSnapshot()).toMatchObject({ voiceAgentState: "RECORDING", error: undefined });
  });

  it("that is lost when all of the answer is there takes nothing from what is heard", async () => {
    const at = await breakable();
    const { conversation, audio, until, untilState } = person(at.url);
    await conversation.startRecording();
    audio.say(speech(10));
    await conversation.stopRecording();
    await untilState("RESPONDING");
    at.cut();
    await until(({ connection }) => connection.status !== "open");
    expect(conversation.getSnapshot()).toMatchObject({ voiceAgentState: "RESPONDING", error: undefined });
    audio.played();
    expect(conversation.getSnapshot().voiceAgentState).toBe("READY");
  });

  it("that has fallen silent is given up after 2.5 heartbeats, and a heartbeat keeps it", async () => {
    const clock = createManualClock();
    const theirs = createManualClock();
    const { url } = await place({ handler: loopback(), heartbeatMs: 1_000, clock: theirs });
    let sockets = 0;
    class Counted extends NodeSocket {
      constructor(target: URL, protocols: string[]) {
        super(target, protocols);
        sockets += 1;
      }
    }
    const { conversation, untilOpen, until } = person(url, {
      clock,
      WebSocket: Counted as unknown as BrowserSocketClass,
    });
    conversation.open();
    const { socket } = await untilOpen();
    await clock.advance(2_400);
    const beat = new Promise((resolve) => socket?.addEventListener("message", resolve, { once: true }));
    await theirs.advance(1_000);
    await beat;
    await clock.advance(2_400);
    expect(conversation.getSnapshot().connection.status).toBe("open");
    const left = until(({ connection }) => connection.status !== "open");
    await clock.advance(100);
    await left;
    await clock.advance(1);
    await untilOpen();
    expect(sockets).toBe(2);
  });

  it("that is refused says why, does not try again by itself, and can be tried again", async () => {
    let known = false;
    const at = await place({ authorize: () => (known ? "alice" : undefined) });
    const { conversation, until, untilOpen } = person(at.url);
    conversation.open();
    const { error } = await until(({ connection }) => connection.status === "failed");
    expect(error).toMatchObject({ code: "client/refused", details: { status: 401, code: "auth/required" } });
    known = true;
    conversation.open();
    await untilOpen();
    expect(conversation.getSnapshot().error).toBeUndefined();
  });

  it("brings a key along, for the socket and for the question why not", async () => {
    const at = await place({
      authorize: (request) => (request.headers.get("authorization") === "Bearer käse~1" ? "alice" : undefined),
    });
    const right = person(at.url, { socketConfig: { token: "käse~1" } });
    right.conversation.open();
    expect((await right.untilOpen()).connection).toEqual({ status: "open" });
    const wrong = person(at.url, { socketConfig: { token: "other" } });
    wrong.conversation.open();
    const { error } = await wrong.until(({ connection }) => connection.status === "failed");
    expect(error).toMatchObject({ details: { status: 401 } });
  });

  it("that is full is tried again when the server says", async () => {
    const clock = createManualClock();
    const at = await place({ limits: { maxConversations: 1 } });
    const first = person(at.url);
    first.conversation.open();
    await first.untilOpen();
    const second = person(at.url, { clock });
    second.conversation.open();
    const { connection, error } = await second.until(({ connection }) => connection.status === "waiting");
    expect(connection).toMatchObject({
      attempt: 1,
      retryInMs: 2_000,
      error: { code: "client/refused", details: { status: 503 } },
    });
    expect(error).toBeUndefined();
  });

  it("that nobody answers ends the talk with an error after a while", async () => {
    const clock = createManualClock();
    const at = await place({ authorize: () => new Promise(() => {}) });
    const { conversation, until } = person(at.url, { clock, socketConfig: { connectMs: 5_000 } });
    const started = conversation.startRecording();
    await expect.poll(() => clock.timers).toBeGreaterThan(1);
    await clock.advance(5_000);
    await started;
    const { error } = await until((state) => state.error !== undefined);
    expect(error).toMatchObject({ code: "socket/lost" });
  });

  // A press of the button while a server was still asked why there is no socket was forgotten: on a network that had
  // just come back, the person waited out the question, a backoff of up to half a minute, and an error in between.
  it("is tried again at once for who presses the button while it is asked why there is none", async () => {
    const sockets: EventTarget[] = [];
    class Refused extends EventTarget {
      readonly readyState = 3;
      readonly OPEN = 1;
      constructor() {
        super();
        sockets.push(this);
      }
    }
    let asked = (): void => {};
    const question = new Promise<void>((resolve) => (asked = resolve));
    const fetch: typeof globalThis.fetch = (_, { signal } = {}) => {
      asked();
      return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("left"))));
    };
    const WebSocket = Refused as unknown as BrowserSocketClass;
    const { conversation, until } = person("ws://example.test/ws", { WebSocket, fetch, clock: createManualClock() });
    conversation.open();
    await until(({ connection }) => connection.status === "connecting");
    sockets[0]?.dispatchEvent(Object.assign(new Event("close"), { code: 1006, reason: "" }));
    await question;
    const again = until(({ connection }) => connection.status === "connecting" && connection.attempt === 2);
    conversation.open();
    await again;
    expect(sockets).toHaveLength(2);
  });

  it("that does not keep up with the talk is given up with its talk, and another is made", async () => {
    const { url, conversations } = await place({
      limits: { maxTalkBytes: 1_000_000_000 },
      handler: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }),
    });
    const { conversation, audio, until, untilOpen } = person(url);
    await conversation.startRecording();
    const { socket } = conversation.getSnapshot();
    const second = speech(1_000_000);
    for (let said = 0; said < 100 && audio.microphoneOn; said += 1) audio.say(second);
    expect(conversation.getSnapshot()).toMatchObject({ voiceAgentState: "READY", error: { code: "socket/lost" } });
    expect(audio.microphoneOn).toBe(false);
    await until((state) => state.socket !== undefined && state.socket !== socket);
    await untilOpen();
    expect(conversation.getSnapshot().error).toMatchObject({ code: "socket/lost" });
    expect(conversations.open).toBeGreaterThan(0);
  });

  it("that was left hears nothing more, whatever is still on its way", async () => {
    const opened: LateSocket[] = [];
    /** Closes as slowly as the other side likes. */
    class LateSocket extends EventTarget {
      readonly OPEN = 1;
      readonly readyState = 1;
      constructor() {
        super();
        opened.push(this);
      }
      close(): void {}
      ready(): void {
        const data = { heartbeatMs: 1, maxMessageBytes: 1, maxTalkBytes: 1, maxTalkMs: 1 };
        this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify({ type: "ready", data }) }));
      }
    }
    const clock = createManualClock();
    const { conversation, until } = person("ws://127.0.0.1:1/ws", {
      clock,
      WebSocket: LateSocket as unknown as BrowserSocketClass,
    });
    conversation.open();
    await until(({ connection }) => connection.status === "connecting");
    conversation.close();
    opened[0]?.ready();
    opened[0]?.dispatchEvent(new Event("close"));
    expect(conversation.getSnapshot()).toMatchObject({ connection: { status: "closed" }, socket: undefined });
    expect([opened.length, clock.timers]).toEqual([1, 0]);
  });

  it("opened, closed and opened at once, as React does in StrictMode, is one socket", async () => {
    const at = await place({ handler: loopback() });
    let made = 0;
    class Counted extends NodeSocket {
      constructor(target: URL, protocols: string[]) {
        super(target, protocols);
        made += 1;
      }
    }
    const { conversation, untilOpen } = person(at.url, { WebSocket: Counted as unknown as BrowserSocketClass });
    conversation.open();
    conversation.close();
    conversation.open();
    await untilOpen();
    expect(made).toBe(1);
  });

  it("is closed for good with its page, with all that was on, and leaves no timer", async () => {
    const clock = createManualClock();
    const at = await place({ handler: loopback() });
    const { conversation, audio, untilState } = person(at.url, { clock });
    await conversation.startRecording();
    await untilState("RECORDING");
    conversation.close();
    expect(audio).toMatchObject({ microphoneOn: false, closed: 1 });
    expect(conversation.getSnapshot()).toMatchObject({
      voiceAgentState: "READY",
      connection: { status: "closed" },
      socket: undefined,
      error: undefined,
    });
    expect(clock.timers).toBe(0);
    await expect.poll(() => at.conversations.open).toBe(0);
    conversation.open();
    await expect.poll(() => at.conversations.open).toBe(1);
  });
});
