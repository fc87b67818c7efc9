import { loopback, type Talk, type TalkAnswer } from "sluice/socket";
import { SluiceError } from "sluice/errors";
import { describe, expect, it } from "vitest";
import { PCM, open, place, speech } from "./support.ts";

/** Tells the test what it was given, and answers with what the test hands it. */
function puppet(answer: (talk: Talk) => AsyncIterable<TalkAnswer>): {
  readonly handler: (talk: Talk) => AsyncIterable<TalkAnswer>;
  readonly talks: readonly Talk[];
  readonly called: (count: number) => Promise<Talk>;
} {
  const talks: Talk[] = [];
  let wake = (): void => {};
  return {
    talks,
    handler(talk) {
      talks.push(talk);
      wake();
      return answer(talk);
    },
    async called(count) {
      while (talks.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return talks[count - 1] as Talk;
    },
  };
}

async function collect(audio: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of audio) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe("a conversation", () => {
  it("begins with what the server allows and how often it is heard of", async () => {
    const { url } = await place({ heartbeatMs: 7_000, limits: { maxTalkMs: 60_000 } });
    const client = await open(url);
    expect(client.texts).toEqual([
      {
        type: "ready",
        data: { heartbeatMs: 7_000, maxMessageBytes: 65_536, maxTalkBytes: 8_388_608, maxTalkMs: 60_000 },
      },
    ]);
    expect(client.socket.protocol).toBe("sluice.voice.v1");
  });

  it("the loopback gives back every byte of a live talk in order, and says what it was", async () => {
    const { url } = await place({ handler: loopback() });
    const client = await open(url);
    const said = speech(153_600);
    const pieces = [said.subarray(0, 1), said.subarray(1, 60_001), said.subarray(60_001)].flatMap((part) =>
      part.byteLength > 65_536 ? [part.subarray(0, 50_000), part.subarray(50_000)] : [part],
    );
    client.talk(1, pieces);
    const end = await client.until("voice:received_end_of_response_stream");
    expect(client.audio().equals(said)).toBe(true);
    expect(end.data).toMatchObject({ turn: 1, bytes: 153_600, reason: "finish" });
    expect((await client.until("metadata")).data).toEqual({ turn: 1, format: PCM });
    expect((await client.until("control-message")).data).toEqual({
      turn: 1,
      name: "transcript",
      text: "Loopback: 3.2 s of audio, 153,600 bytes, audio/pcm, 24000 Hz, 1 ch.",
      final: true,
    });
  });

  it("a file is told as received when it is whole, and its length is what its client says", async () => {
    const { url } = await place({ handler: loopback() });
    const client = await open(url);
    const file = speech(51_200);
    const format = { mimeType: "audio/webm;codecs=opus" };
    client.say("voice:send_file", { turn: 1, format, bytes: 51_200, durationMs: 3_217 });
    client.send(file.subarray(0, 30_000), file.subarray(30_000));
    client.say("voice:commit", { turn: 1, chunks: 2, bytes: 51_200 });
    await client.until("voice:received_end_of_response_stream");
    expect((await client.until("voice:file_received")).data).toEqual({ turn: 1, chunks: 2, bytes: 51_200 });
    expect(client.texts.map(({ type }) => type)).not.toContain("voice:chunk_received");
    expect(client.audio().equals(file)).toBe(true);
    expect((await client.until("control-message")).data["text"]).toBe(
      "Loopback: 3.2 s of audio, 51,200 bytes, audio/webm;codecs=opus.",
    );
    expect((await client.until("metadata")).data["format"]).toEqual(format);
  });

  it("the last acknowledgement of a live talk counts all of it", async () => {
    const { url } = await place({ handler: loopback() });
    const client = await open(url);
    client.talk(
      1,
      Array.from({ length: 50 }, () => speech(960)),
    );
    await client.until("voice:received_end_of_response_stream");
    const told = client.texts.filter(({ type }) => type === "voice:chunk_received");
    expect(told.at(-1)?.data).toEqual({ turn: 1, chunks: 50, bytes: 48_000 });
  });

  it("a handler is given the scope, the owner, the format and the audio while it is said", async () => {
    const heard: string[] = [];
    let more = (): void => {};
    const { handler, called } = puppet(async function* ({ audio }) {
      for await (const piece of audio) {
        heard.push(Buffer.from(piece).toString());
        more();
        yield { transcript: heard.join(""), final: false };
      }
    });
    const { url } = await place({ handler });
    const client = await open(url, { headers: { "x-owner": "bob" } });
    client.say("voice:send_chunk", { turn: 1, format: PCM, scope: "kitchen" });
    client.send(Buffer.from("one "));
    const talk = await called(1);
    expect(talk).toMatchObject({ scope: "kitchen", owner: "bob", format: PCM, kind: "chunks", durationMs: undefined });
    expect((await client.until("control-message")).data).toMatchObject({ text: "one ", final: false });
    const two = new Promise<void>((resolve) => (more = resolve));
    client.send(Buffer.from("two"));
    await two;
    client.say("voice:commit", { turn: 1, chunks: 2, bytes: 7 });
    await client.until("voice:received_end_of_response_stream");
    expect(heard).toEqual(["one ", "two"]);
  });

  it("an answer may begin while the talk goes on", async () => {
    const { url } = await place({
      async *handler({ audio, format }) {
        yield { format };
        yield* audio;
      },
    });
    const client = await open(url);
    client.say("voice:send_chunk", { turn: 1, format: PCM });
    client.send(speech(2_000));
    await client.until("metadata");
    client.send(speech(2_000, 2));
    client.say("voice:commit", { turn: 1, chunks: 2, bytes: 4_000 });
    await client.until("voice:received_end_of_response_stream");
    expect(client.audio().equals(Buffer.concat([speech(2_000), speech(2_000, 2)]))).toBe(true);
  });

  it("a handler that has heard enough ends the answer, and what is still said is dropped", async () => {
    const { url } = await place({
      async *handler({ audio }) {
        for await (const piece of audio) {
          yield { transcript: String(piece.byteLength) };
          return;
        }
      },
    });
    const client = await open(url);
    client.say("voice:send_chunk", { turn: 1, format: PCM });
    client.send(speech(10));
    await client.until("voice:received_end_of_response_stream", 1);
    client.send(...Array.from({ length: 20 }, () => speech(60_000)));
    client.say("voice:commit", { turn: 1, chunks: 21, bytes: 1_200_010 });
    client.talk(2, [speech(20)]);
    await client.until("voice:received_end_of_response_stream", 2);
    expect(client.texts.filter(({ type }) => type === "control-message").map(({ data }) => data["text"])).toEqual([
      "10",
      "20",
    ]);
  });

  it("turns follow each other on one connection, also when the next is opened before the last is answered", async () => {
    const { url } = await place({ handler: loopback() });
    const client = await open(url);
    client.talk(1, [speech(30_000, 1)]);
    client.talk(2, [speech(30_000, 2)]);
    client.talk(7, [speech(30_000, 3)]);
    await client.until("voice:received_end_of_response_stream", 7);
    expect(client.audio().equals(Buffer.concat([1, 2, 3].map((seed) => speech(30_000, seed))))).toBe(true);
    const ends = client.texts.filter(({ type }) => type === "voice:received_end_of_response_stream");
    expect(ends.map(({ data }) => data["turn"])).toEqual([1, 2, 7]);
  });

  it("control messages of the application go down as they are", async () => {
    const { url } = await place({
      async *handler() {
        yield { control: "emotion", data: { joy: 0.5 } };
      },
    });
    const client = await open(url);
    client.talk(1, []);
    expect((await client.until("control-message")).data).toEqual({ turn: 1, name: "emotion", data: { joy: 0.5 } });
  });

  it("large audio goes down in pieces of 16 KiB", async () => {
    const { url } = await place({
      async *handler() {
        yield { format: PCM };
        yield speech(40_000);
      },
    });
    const client = await open(url);
    client.talk(1, []);
    const end = await client.until("voice:received_end_of_response_stream");
    expect(end.data).toEqual({ turn: 1, chunks: 3, bytes: 40_000, reason: "finish" });
    expect(client.audio().equals(speech(40_000))).toBe(true);
  });
});

describe("an answer that is not wanted, or fails", () => {
  it("a cancelled turn ends at once, reaches the handler's signal, and the next one works", async () => {
    const { handler, called } = puppet(async function* ({ signal, scope }) {
      if (scope === "short") return;
      yield { transcript: "thinking", final: false };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    const { url, lines } = await place({ handler });
    const client = await open(url);
    client.talk(1, [speech(100)]);
    await client.until("control-message");
    client.say("voice:cancel", { turn: 1 });
    expect((await client.until("voice:received_end_of_response_stream", 1)).data["reason"]).toBe("cancelled");
    expect((await called(1)).signal.reason).toMatchObject({ code: "reader/left" });
    client.talk(2, [speech(100)], { scope: "short" });
    expect((await client.until("voice:received_end_of_response_stream", 2)).data["reason"]).toBe("finish");
    expect(lines).toEqual([]);
  });

  it("a talk can be cancelled while its handler takes nothing of it, also one that never looks at its signal", async () => {
    const { url } = await place({
      handler: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }),
    });
    const client = await open(url);
    client.say("voice:send_chunk", { turn: 1, format: PCM });
    // More than the queue of a handler takes: what follows waits, the cancel must not.
    client.send(speech(60_000), speech(60_000), speech(60_000), speech(100));
    client.say("voice:cancel", { turn: 1 });
    expect((await client.until("voice:received_end_of_response_stream", 1)).data["reason"]).toBe("cancelled");
  });

  // A cancel is obeyed before what was said before it: that was taken for audio, or a commit, outside of a talk, and
  // whoever gave up a talk to a handler that was behind was thrown out with `socket/protocol`.
  it.each([
    { what: "in a talk", rest: [] },
    { what: "after a talk", rest: [["voice:commit", { turn: 1, chunks: 4, bytes: 180_100 }]] as const },
  ])("a cancel that passes what was said before it leaves the conversation as it is: $what", async ({ rest }) => {
    const { url } = await place({
      async *handler({ scope }) {
        if (scope !== "short") await new Promise(() => {});
        yield { transcript: "Yes." };
      },
    });
    const client = await open(url);
    client.say("voice:send_chunk", { turn: 1, format: PCM });
    client.send(speech(60_000), speech(60_000), speech(60_000), speech(100));
    for (const [type, data] of rest) client.say(type, data);
    client.say("voice:cancel", { turn: 1 });
    client.talk(2, [speech(100)], { scope: "short" });
    expect((await client.until("voice:received_end_of_response_stream", 2)).data["reason"]).toBe("finish");
    expect(client.texts.filter(({ type }) => type === "error")).toEqual([]);
  });

  it("a client that leaves fires the signal", async () => {
    const { handler, called } = puppet(async function* ({ audio }) {
      yield { transcript: (await collect(audio)).toString() };
    });
    const { url, conversations } = await place({ handler });
    const client = await open(url);
    client.say("voice:send_chunk", { turn: 1, format: PCM });
    const { signal } = await called(1);
    const left = new Promise((resolve) => signal.addEventListener("abort", resolve));
    client.socket.terminate();
    await left;
    expect(signal.reason).toMatchObject({ code: "reader/left" });
    await expect.poll(() => conversations.open).toBe(0);
  });

  it("a coded failure is told with its message, another one with a fixed sentence, and the conversation goes on", async () => {
    const { url, lines } = await place({
      async *handler({ scope }) {
        if (scope === "coded") throw new SluiceError("llm/failed", "The model has failed.");
        if (scope === "foreign") throw new Error("password=hunter2");
        yield { transcript: "fine" };
      },
    });
    const client = await open(url);
    client.talk(1, [speech(10)], { scope: "coded" });
    const coded = await client.until("error", 1);
    expect(coded.data).toMatchObject({ turn: 1, code: "llm/failed", message: "The model has failed." });
    client.talk(2, [speech(10)], { scope: "foreign" });
    const foreign = await client.until("error", 2);
    expect(foreign.data).toMatchObject({ code: "PROCESSING_ERROR", message: "The answer could not be completed." });
    client.talk(3, [speech(10)]);
    await client.until("voice:received_end_of_response_stream", 3);
    expect(lines.map(({ fields }) => fields["traceId"])).toEqual([coded.data["traceId"], foreign.data["traceId"]]);
  });

  it("audio without a format, and a format that nobody can play, are the handler's mistake", async () => {
    const { url } = await place({
      async *handler({ scope }) {
        if (scope === "odd") yield { format: { mimeType: "audio/pcm" } };
        if (scope === "twice") yield { format: PCM };
        if (scope === "twice") yield { format: PCM };
        yield new Uint8Array(2);
      },
    });
    const client = await open(url);
    client.talk(1, []);
    expect((await client.until("error", 1)).data["code"]).toBe("option/invalid");
    client.talk(2, [], { scope: "odd" });
    expect((await client.until("error", 2)).data["code"]).toBe("option/invalid");
    client.talk(3, [], { scope: "twice" });
    expect((await client.until("error", 3)).data["code"]).toBe("option/invalid");
    expect(client.audio()).toHaveLength(0);
  });

  it("an answer beyond its limit ends with an error, after what fits", async () => {
    const { url } = await place({
      limits: { maxAnswerBytes: 3_000 },
      async *handler() {
        yield { format: PCM };
        for (;;) yield speech(1_000);
      },
    });
    const client = await open(url);
    client.talk(1, []);
    expect((await client.until("error", 1)).data["code"]).toBe("request/too-large");
    expect(client.audio()).toHaveLength(3_000);
  });

  it("who may not talk now is told so, and what he says is dropped", async () => {
    let calls = 0;
    let released = 0;
    const { url } = await place({
      handler: loopback(),
      admit(_owner, action) {
        if (action === "connect") return () => {};
        calls += 1;
        if (calls === 1) throw new SluiceError("request/rate-limited", "Later.", { details: { retryAfterMs: 1 } });
        return () => (released += 1);
      },
    });
    const client = await open(url);
    client.talk(1, [speech(60_000), speech(60_000), speech(60_000)]);
    expect((await client.until("error", 1)).data["code"]).toBe("request/rate-limited");
    client.talk(2, [speech(1_000)]);
    await client.until("voice:received_end_of_response_stream", 2);
    expect(client.audio().equals(speech(1_000))).toBe(true);
    await expect.poll(() => released).toBe(1);
  });

  it("the loopback holds so much and no more, and lets go of it", async () => {
    const { url } = await place({ handler: loopback({ maxHeldBytes: 100_000 }) });
    const [one, two] = [await open(url), await open(url)];
    one.say("voice:send_chunk", { turn: 1, format: PCM });
    one.send(speech(60_000));
    await one.until("voice:chunk_received");
    two.talk(1, [speech(60_000)]);
    expect((await two.until("error")).data["code"]).toBe("run/too-many");
    one.say("voice:commit", { turn: 1, chunks: 1, bytes: 60_000 });
    await one.until("voice:received_end_of_response_stream");
    two.talk(2, [speech(60_000)]);
    await two.until("voice:received_end_of_response_stream", 2);
  });
});
