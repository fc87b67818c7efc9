import type { Control, VoiceAudio } from "sluice/client";
import { SluiceError } from "sluice/errors";
import { loopback, type Talk, type TalkAnswer } from "sluice/socket";
import { createManualClock } from "sluice/testing";
import { describe, expect, it } from "vitest";
import { PCM, place, speech } from "../socket/support.ts";
import { fakeAudio } from "./socket-audio.ts";
import { person } from "./socket-person.ts";

describe("a talk", () => {
  it("that is streamed goes up while it is said, and its answer is heard", async () => {
    const { url } = await place({ handler: loopback() });
    const { conversation, audio, states, untilState, state } = person(url, { scope: "kitchen" });
    expect(state).toEqual({
      voiceAgentState: "READY",
      error: undefined,
      connection: { status: "closed" },
      transcripts: [],
      audioContext: undefined,
      socket: undefined,
    });
    await conversation.startRecording();
    expect(audio.microphoneOn).toBe(true);
    const said = speech(48_000);
    audio.say(said.subarray(0, 1_920), said.subarray(1_920, 20_000), said.subarray(20_000, 47_000));
    audio.last = said.subarray(47_000);
    await conversation.stopRecording();
    expect(audio.microphoneOn).toBe(false);
    const { transcripts } = await untilState("RESPONDING");
    expect(audio.heard().equals(said)).toBe(true);
    expect(audio.formats).toEqual([PCM]);
    expect(audio.complete).toBe(true);
    expect(transcripts).toEqual([
      { text: "Loopback: 1.0 s of audio, 48,000 bytes, audio/pcm, 24000 Hz, 1 ch.", final: true },
    ]);
    audio.played();
    await untilState("READY");
    expect(states).toEqual(["READY", "RECORDING", "UPSTREAMING", "PROCESSING", "DOWNSTREAMING", "RESPONDING", "READY"]);
    expect(conversation.getSnapshot().error).toBeUndefined();
  });

  it("that is uploaded goes up when it has been said, in messages that the server takes", async () => {
    const talks: Talk[] = [];
    const echo = loopback();
    const { url } = await place({
      limits: { maxMessageBytes: 2_000 },
      handler: (talk) => {
        talks.push(talk);
        return echo(talk);
      },
    });
    const { conversation, audio, states, untilState, untilOpen } = person(url, { upstreamMode: "UPLOAD_AFTER_TALK" });
    conversation.open();
    await untilOpen();
    await conversation.startRecording({ scope: "garden" });
    audio.say(speech(9_000, 1), speech(9_000, 2));
    expect(talks).toEqual([]);
    await conversation.stopRecording();
    await untilState("RESPONDING");
    expect(audio.heard().equals(Buffer.concat([speech(9_000, 1), speech(9_000, 2)]))).toBe(true);
    expect(talks).toMatchObject([{ kind: "file", durationMs: 1_500, scope: "garden" }]);
    expect(audio.modes).toEqual(["UPLOAD_AFTER_TALK"]);
    audio.played();
    expect(states.filter((state) => state !== "PROCESSING")).toEqual([
      "READY",
      "RECORDING",
      "UPSTREAMING",
      "DOWNSTREAMING",
      "RESPONDING",
      "READY",
    ]);
  });

  it("loses no word that was said while the connection was made", async () => {
    const { url } = await place({ handler: loopback() });
    const { conversation, audio, untilState, untilOpen } = person(url);
    const started = conversation.startRecording();
    await expect.poll(() => audio.microphoneOn).toBe(true);
    audio.say(speech(100));
    await started;
    await untilOpen();
    await conversation.stopRecording();
    await untilState("RESPONDING");
    expect(audio.heard().equals(speech(100))).toBe(true);
  });

  it("is READY again at the end of an answer without a sound", async () => {
    const { url } = await place({
      async *handler() {
        yield { transcript: "Hel", final: false };
        yield { transcript: "Hello", final: false };
        yield { transcript: "Hello." };
        yield { transcript: "Who is there", final: false };
        yield { control: "mood", data: "good" };
      },
    });
    const controls: Control[] = [];
    const { conversation, audio, states, until } = person(url, { onControl: (control) => controls.push(control) });
    await conversation.startRecording();
    audio.say(speech(10));
    await conversation.stopRecording();
    const { transcripts } = await until(({ voiceAgentState }) => voiceAgentState === "READY");
    expect(transcripts).toEqual([
      { text: "Hello.", final: true },
      { text: "Who is there", final: false },
    ]);
    expect(controls.at(-1)).toEqual({ turn: 1, name: "mood", data: "good" });
    expect(states).not.toContain("DOWNSTREAMING");
  });

  it("whose answer has ended is over, also for who goes on talking", async () => {
    const { url } = await place({
      async *handler({ audio }) {
        for await (const _piece of audio) {
          yield { transcript: "Enough." };
          return;
        }
      },
    });
    const { conversation, audio, untilState } = person(url);
    await conversation.startRecording();
    audio.say(speech(10));
    await untilState("READY");
    await expect.poll(() => audio.microphoneOn).toBe(false);
    await conversation.startRecording();
    audio.say(speech(10));
    const { transcripts, error } = await untilState("READY");
    expect([transcripts, error]).toEqual([[{ text: "Enough.", final: true }], undefined]);
  });

  it("is RECORDING while its answer comes already, and DOWNSTREAMING when it is over", async () => {
    const { url } = await place({
      async *handler({ audio, format }) {
        yield { format };
        yield* audio;
      },
    });
    const { conversation, audio, states, untilState } = person(url);
    await conversation.startRecording();
    audio.say(speech(100));
    await expect.poll(() => audio.heard().byteLength).toBe(100);
    audio.say(speech(50));
    await conversation.stopRecording();
    await untilState("RESPONDING");
    expect(states).toEqual(["READY", "RECORDING", "DOWNSTREAMING", "RESPONDING"]);
  });

  it("ends by itself before it is longer than the server takes", async () => {
    const { url } = await place({ handler: loopback(), limits: { maxTalkBytes: 1_000 } });
    const { conversation, audio, untilState } = person(url);
    await conversation.startRecording();
    audio.last = speech(10);
    audio.say(speech(600), speech(600));
    const { error } = await untilState("RESPONDING");
    expect(error).toBeUndefined();
    expect(audio.heard().equals(speech(600))).toBe(true);
  });

  it("ends by itself before it takes longer than the server waits", async () => {
    const clock = createManualClock();
    const { url } = await place({ handler: loopback(), limits: { maxTalkMs: 10_000 } });
    const { conversation, audio, untilState } = person(url, { clock });
    await conversation.startRecording();
    audio.say(speech(600));
    await clock.advance(9_500);
    await untilState("RESPONDING");
    expect(audio.heard().equals(speech(600))).toBe(true);
  });
});

describe("the state of a turn", () => {
  it("is PROCESSING when the server has all of the talk, however quick it was", async () => {
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => (go = resolve));
    const { url } = await place({
      async *handler() {
        await gate;
        yield { transcript: "Done." };
      },
    });
    const { conversation, audio, states, untilState } = person(url);
    await conversation.startRecording();
    audio.say(speech(10));
    // All that was said is acknowledged before the talk is over.
    await new Promise((resolve) => conversation.getSnapshot().socket?.addEventListener("message", resolve));
    await conversation.stopRecording();
    await untilState("PROCESSING");
    go();
    await untilState("READY");
    expect(states).toEqual(["READY", "RECORDING", "UPSTREAMING", "PROCESSING", "READY"]);
  });
});

describe("a person who changes his mind", () => {
  function thinking(): {
    readonly handler: (talk: Talk) => AsyncIterable<TalkAnswer>;
    readonly talks: readonly Talk[];
  } {
    const talks: Talk[] = [];
    return {
      talks,
      async *handler(talk) {
        talks.push(talk);
        yield { format: PCM };
        yield speech(500, talks.length);
        if (talks.length > 1) return;
        await new Promise((resolve) => talk.signal.addEventListener("abort", resolve));
      },
    };
  }

  it("is READY at once after cancel, hears no more, and the handler is told", async () => {
    const { handler, talks } = thinking();
    const { url } = await place({ handler });
    const { conversation, audio, untilState } = person(url);
    await conversation.startRecording();
    audio.say(speech(10));
    await conversation.stopRecording();
    await untilState("DOWNSTREAMING");
    conversation.cancel();
    expect(conversation.getSnapshot().voiceAgentState).toBe("READY");
    expect(audio.stopped).toBe(1);
    await expect.poll(() => talks[0]?.signal.aborted).toBe(true);
  });

  it("may talk into the answer: it ends, and the new talk is answered", async () => {
    const { handler } = thinking();
    const { url } = await place({ handler });
    const { conversation, audio, untilState } = person(url);
    await conversation.startRecording();
    audio.say(speech(10));
    await conversation.stopRecording();
    await untilState("DOWNSTREAMING");
    await conversation.startRecording();
    expect(audio.stopped).toBe(1);
    audio.say(speech(10));
    await conversation.stopRecording();
    await untilState("RESPONDING");
    expect(audio.heard().equals(Buffer.concat([speech(500, 1), speech(500, 2)]))).toBe(true);
  });

  it("may take back a talk that waits for the microphone: it is turned off as soon as it is on", async () => {
    const { url, conversations } = await place({ handler: loopback() });
    const { conversation, audio } = person(url);
    let allow = (): void => {};
    audio.permission = new Promise((resolve) => (allow = resolve));
    const started = conversation.startRecording();
    await conversation.stopRecording();
    allow();
    await started;
    expect(audio.microphoneOn).toBe(false);
    expect(conversation.getSnapshot()).toMatchObject({ voiceAgentState: "READY", error: undefined });
    await expect.poll(() => conversations.open).toBe(1);
  });

  it("may take back a talk that waits for the connection, and it does not begin after all", async () => {
    let letIn = (): void => {};
    const gate = new Promise<string>((resolve) => (letIn = () => resolve("alice")));
    const { url } = await place({ handler: loopback(), authorize: () => gate });
    const { conversation, audio, states, untilOpen } = person(url);
    const started = conversation.startRecording();
    await expect.poll(() => audio.microphoneOn).toBe(true);
    conversation.cancel();
    expect(audio.microphoneOn).toBe(false);
    letIn();
    await started;
    await untilOpen();
    expect(states).toEqual(["READY"]);
  });

  // A recorder that had been made, and not yet been handed over, was turned off by nobody: the microphone stayed on for
  // who had pressed cancel, or left the page's part, at that moment.
  it("may take back a talk in the moment in which its microphone comes on", async () => {
    const { url } = await place({ handler: loopback() });
    const audio = fakeAudio();
    let on = (): void => {};
    const recording = new Promise<void>((resolve) => (on = resolve));
    const record: VoiceAudio["record"] = async (options) => {
      const recorder = await audio.record(options);
      on();
      return recorder;
    };
    const { conversation } = person(url, { audio: { ...audio, record } });
    const started = conversation.startRecording();
    await recording;
    expect(audio.microphoneOn).toBe(true);
    conversation.cancel();
    await started;
    expect(audio.microphoneOn).toBe(false);
    expect(conversation.getSnapshot()).toMatchObject({ voiceAgentState: "READY", error: undefined });
  });

  // While the last piece of a talk was waited for, a press of the button for the next one did nothing, without an error.
  // Whoever was quick talked to nobody.
  it("may begin a new talk before the last piece of the one before has come", async () => {
    const { url } = await place({ handler: loopback() });
    const audio = fakeAudio();
    let comeIn = (): void => {};
    const record: VoiceAudio["record"] = async (options) => {
      const recorder = await audio.record(options);
      const stop = async (): Promise<number> => {
        await new Promise<void>((resolve) => (comeIn = resolve));
        return recorder.stop();
      };
      return { ...recorder, stop };
    };
    const { conversation, untilState } = person(url, { audio: { ...audio, record } });
    await conversation.startRecording();
    const stopped = conversation.stopRecording();
    expect(conversation.getSnapshot().voiceAgentState).toBe("UPSTREAMING");
    await conversation.startRecording();
    expect(conversation.getSnapshot().voiceAgentState).toBe("RECORDING");
    comeIn();
    await stopped;
    audio.say(speech(20));
    const stoppedAgain = conversation.stopRecording();
    comeIn();
    await stoppedAgain;
    await untilState("RESPONDING");
    expect(audio.heard().equals(speech(20))).toBe(true);
  });

  it("may press twice: the second press of the same button does nothing", async () => {
    const { url } = await place({ handler: loopback() });
    const { conversation, audio, untilState } = person(url);
    await Promise.all([conversation.startRecording(), conversation.startRecording()]);
    expect(audio.modes).toHaveLength(1);
    audio.say(speech(10));
    await Promise.all([conversation.stopRecording(), conversation.stopRecording()]);
    await untilState("RESPONDING");
    expect(audio.heard()).toHaveLength(10);
  });
});

describe("what goes wrong", () => {
  it("without the microphone nothing is sent, and the person is told why", async () => {
    const { url } = await place({ handler: loopback() });
    const { conversation, audio, untilOpen } = person(url);
    conversation.open();
    await untilOpen();
    audio.permission = Promise.reject(new SluiceError("audio/refused", "The microphone may not be used."));
    await conversation.startRecording();
    expect(conversation.getSnapshot()).toMatchObject({ voiceAgentState: "READY", error: { code: "audio/refused" } });
    audio.permission = Promise.resolve();
    await conversation.startRecording();
    expect(conversation.getSnapshot()).toMatchObject({ voiceAgentState: "RECORDING", error: undefined });
  });

  it("a microphone that is taken away ends the talk with its error", async () => {
    const { url } = await place({ handler: loopback() });
    const { conversation, audio, untilState } = person(url);
    await conversation.startRecording();
    audio.unplug(new SluiceError("audio/no-microphone", "Gone."));
    expect(conversation.getSnapshot()).toMatchObject({
      voiceAgentState: "READY",
      error: { code: "audio/no-microphone" },
    });
    expect(audio.microphoneOn).toBe(false);
    await conversation.startRecording();
    audio.say(speech(10));
    await conversation.stopRecording();
    await untilState("RESPONDING");
  });

  it("an answer that fails, and one that cannot be played, are shown, and the connection is kept", async () => {
    const { url, conversations } = await place({
      async *handler({ scope, format }) {
        if (scope === "fail") throw new SluiceError("llm/failed", "The model has failed.");
        yield { format };
        yield speech(10);
      },
    });
    const { conversation, audio, until, untilState } = person(url);
    await conversation.startRecording({ scope: "fail" });
    const { error } = await until((state) => state.error !== undefined);
    expect(error).toMatchObject({ code: "llm/failed", message: "The model has failed." });
    expect(audio.microphoneOn).toBe(false);
    await conversation.startRecording();
    audio.say(speech(10));
    await conversation.stopRecording();
    await untilState("RESPONDING");
    audio.unplayable(new SluiceError("audio/unplayable", "No."));
    expect(conversation.getSnapshot()).toMatchObject({ voiceAgentState: "READY", error: { code: "audio/unplayable" } });
    expect(conversations.open).toBe(1);
  });

  it("an upload in which nothing was recorded is an error of its own, and costs no turn", async () => {
    const { url } = await place({ handler: loopback() });
    const { conversation } = person(url, { upstreamMode: "UPLOAD_AFTER_TALK" });
    await conversation.startRecording();
    await conversation.stopRecording();
    expect(conversation.getSnapshot()).toMatchObject({
      voiceAgentState: "READY",
      error: { code: "audio/no-microphone" },
    });
  });
});
