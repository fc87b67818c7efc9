// @vitest-environment happy-dom
import { act } from "react";
import { loopback, type Talk } from "sluice/socket";
import { afterEach, describe, expect, it, vi } from "vitest";
import { WebSocket as NodeSocket } from "ws";
import type { SocketConversationClientOptions } from "../../src/client/index.ts";
import { useSocketConversation, type UseSocketConversationResult } from "../../src/react/index.ts";
import { fakeAudio } from "../client/socket-audio.ts";
import { place, speech } from "../socket/support.ts";
import { renderHook, settled, type Rendered } from "./render.ts";

type Options = SocketConversationClientOptions;
type Hook = Rendered<UseSocketConversationResult, Options>;

/** `ws` gives what a browser's WebSocket gives. */
const BrowserSocket = NodeSocket as unknown as new (url: URL, protocols: string[]) => WebSocket;

const mounted: Hook[] = [];
afterEach(() => {
  vi.unstubAllGlobals();
  mounted.splice(0).forEach((hook) => hook.unmount());
});

function mount(options: Options, strict = false): Hook {
  const hook = renderHook(
    (given: Options) => useSocketConversation(given),
    { WebSocket: BrowserSocket, ...options },
    { strict },
  );
  mounted.push(hook);
  return hook;
}

async function until(hook: Hook, wanted: (result: UseSocketConversationResult) => boolean): Promise<void> {
  // React 18 commits what happens within an act at its end only.
  while (!wanted(hook.current)) await act(() => settled());
}

const untilState = (hook: Hook, state: string): Promise<void> =>
  until(hook, ({ voiceAgentState }) => voiceAgentState === state);
const untilOpen = (hook: Hook): Promise<void> => until(hook, ({ connection }) => connection.status === "open");

describe("useSocketConversation", () => {
  it("connects with its component, talks, is answered, and shows each state", async () => {
    const { url } = await place({ handler: loopback() });
    const audio = fakeAudio();
    const hook = mount({ scope: "kitchen", upstreamMode: "STREAM_WHILE_TALK", socketConfig: { url }, audio });
    expect(hook.current).toMatchObject({ voiceAgentState: "READY", error: undefined, audioContext: undefined });
    await untilOpen(hook);
    expect(hook.current.socket?.readyState).toBe(1);
    await act(() => hook.current.startRecording());
    expect(hook.current.voiceAgentState).toBe("RECORDING");
    audio.say(speech(4_800));
    await act(() => hook.current.stopRecording());
    await untilState(hook, "RESPONDING");
    expect(audio.heard().equals(speech(4_800))).toBe(true);
    expect(hook.current.transcripts[0]?.text).toContain("0.1 s of audio");
    act(() => audio.played());
    expect(hook.current.voiceAgentState).toBe("READY");
  });

  it("in StrictMode has one connection, and none after it, with the microphone off", async () => {
    const { url, conversations } = await place({ handler: loopback() });
    const audio = fakeAudio();
    const hook = mount({ socketConfig: { url }, audio }, true);
    await untilOpen(hook);
    await expect.poll(() => conversations.open).toBe(1);
    await act(() => hook.current.startRecording());
    expect(audio.microphoneOn).toBe(true);
    hook.unmount();
    expect(audio.microphoneOn).toBe(false);
    await expect.poll(() => conversations.open).toBe(0);
  });

  it("takes scope and mode as they are when a talk begins, and keeps its conversation over renders", async () => {
    const talks: Talk[] = [];
    const echo = loopback();
    const { url, conversations } = await place({
      handler: (talk) => {
        talks.push(talk);
        return echo(talk);
      },
    });
    const audio = fakeAudio();
    const given = (more: Options): Options => ({ socketConfig: { url }, audio, WebSocket: BrowserSocket, ...more });
    const hook = mount(given({ scope: "one" }));
    await untilOpen(hook);
    const { startRecording, stopRecording, cancel, socket } = hook.current;
    hook.rerender(given({ scope: "two", upstreamMode: "UPLOAD_AFTER_TALK" }));
    expect(hook.current).toMatchObject({ startRecording, stopRecording, cancel, socket });
    await act(() => hook.current.startRecording());
    audio.say(speech(10));
    await act(() => hook.current.stopRecording());
    await untilState(hook, "RESPONDING");
    await act(() => hook.current.startRecording({ scope: "three", upstreamMode: "STREAM_WHILE_TALK" }));
    audio.say(speech(10));
    await act(() => hook.current.stopRecording());
    await untilState(hook, "RESPONDING");
    expect(talks).toMatchObject([
      { scope: "two", kind: "file" },
      { scope: "three", kind: "chunks" },
    ]);
    expect(conversations.open).toBe(1);
  });

  // What the first render named came back when a later one named none: a talk went to the scope of a page that the
  // person had left.
  it("has no scope and the usual mode where the last render names none", async () => {
    const talks: Talk[] = [];
    const { url } = await place({
      async *handler(talk) {
        talks.push(talk);
        yield { transcript: "Yes." };
      },
    });
    const given = { socketConfig: { url }, audio: fakeAudio(), WebSocket: BrowserSocket };
    const hook = mount({ ...given, scope: "one", upstreamMode: "UPLOAD_AFTER_TALK" });
    await untilOpen(hook);
    hook.rerender(given);
    await act(() => hook.current.startRecording());
    await until(hook, ({ transcripts }) => transcripts.length > 0);
    expect(talks).toMatchObject([{ scope: undefined, kind: "chunks" }]);
  });

  // Each transcript was a commit of its own, where docs/react.md promises one a frame: a handler that tells a model's
  // words as they come had the page render as often.
  it("shows transcripts once a frame, however fast they come", async () => {
    const frames: (() => void)[] = [];
    vi.stubGlobal("requestAnimationFrame", (run: () => void) => frames.push(run));
    vi.stubGlobal("cancelAnimationFrame", () => {});
    const { url } = await place({
      async *handler({ signal }) {
        for (let n = 1; n <= 200; n += 1) {
          yield { transcript: `${n}`, final: false };
          await settled(); // so that each is read by itself
        }
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    });
    let told = 0;
    const hook = mount({ socketConfig: { url }, audio: fakeAudio(), onControl: () => (told += 1) });
    await untilOpen(hook);
    await act(() => hook.current.startRecording());
    vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", false);
    const before = hook.commits;
    await expect.poll(() => told).toBe(200);
    // Without a frame a timer of 100 ms takes its place, on a busy machine more than once.
    expect(hook.commits - before).toBeLessThanOrEqual(frames.length);
    for (const run of frames.splice(0)) run();
    await expect.poll(() => hook.current.transcripts).toEqual([{ text: "200", final: false }]);
  });

  it("has another conversation with another address, and lets go of the one before", async () => {
    const [one, two] = [await place({ handler: loopback() }), await place({ handler: loopback() })];
    const audio = fakeAudio();
    const hook = mount({ socketConfig: { url: one.url }, audio });
    await untilOpen(hook);
    hook.rerender({ socketConfig: { url: two.url }, audio, WebSocket: BrowserSocket });
    await untilOpen(hook);
    await expect.poll(() => [one.conversations.open, two.conversations.open]).toEqual([0, 1]);
  });

  it("tells control messages to the callback of the last render, and shows what went wrong", async () => {
    const { url } = await place({
      async *handler() {
        yield { control: "mood", data: 1 };
        throw new Error("secret");
      },
    });
    const audio = fakeAudio();
    const told: string[] = [];
    const given = (who: string): Options => ({
      socketConfig: { url },
      audio,
      WebSocket: BrowserSocket,
      onControl: ({ name }) => told.push(`${who} ${name}`),
    });
    const hook = mount(given("first"));
    await untilOpen(hook);
    hook.rerender(given("last"));
    await act(() => hook.current.startRecording());
    await until(hook, ({ error }) => error !== undefined);
    expect(hook.current).toMatchObject({ voiceAgentState: "READY", error: { code: "PROCESSING_ERROR" } });
    expect(told).toEqual(["last mood"]);
  });
});
