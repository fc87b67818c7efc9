import { connect } from "node:net";
import { loopback } from "sluice/socket";
import { createManualClock } from "sluice/testing";
import { describe, expect, it } from "vitest";
import { PCM, open, place, speech, type Client } from "./support.ts";

const chunk = (turn: number): [string, object] => ["voice:send_chunk", { turn, format: PCM }];

/** What a client does, and the code and status that it is thrown out with. */
const BREACHES: Readonly<Record<string, (client: Client) => void>> = {
  "text that is no JSON": ({ socket }) => socket.send("hello"),
  "JSON that is no message": ({ socket }) => socket.send("[1]"),
  "a message of a type that there is not": (client) => client.say("voice:sing", { turn: 1 }),
  "an opening without a format": (client) => client.say("voice:send_chunk", { turn: 1 }),
  "PCM without a rate": (client) => client.say("voice:send_chunk", { turn: 1, format: { mimeType: "audio/pcm" } }),
  "a format that is no audio": (client) =>
    client.say("voice:send_chunk", { turn: 1, format: { mimeType: "text/html" } }),
  "a scope that is longer than a name": (client) =>
    client.say("voice:send_chunk", { turn: 1, format: PCM, scope: "x".repeat(129) }),
  "a turn that is no number": (client) => client.say("voice:send_chunk", { turn: "1", format: PCM }),
  "a file of no bytes": (client) => client.say("voice:send_file", { turn: 1, format: PCM, bytes: 0 }),
  "audio before a talk": (client) => client.send(speech(10)),
  "audio after a talk": (client) => {
    client.talk(1, [speech(10)]);
    client.send(speech(10));
  },
  "a piece of nothing": (client) => {
    client.say(...chunk(1));
    client.send(new Uint8Array(0));
  },
  "a talk in a talk": (client) => {
    client.say(...chunk(1));
    client.say(...chunk(2));
  },
  "a number that does not rise": (client) => {
    client.talk(3, [speech(10)]);
    client.talk(3, [speech(10)]);
  },
  "a commit of another turn": (client) => {
    client.say(...chunk(1));
    client.say("voice:commit", { turn: 2, chunks: 0, bytes: 0 });
  },
  "a commit without a talk": (client) => client.say("voice:commit", { turn: 1, chunks: 0, bytes: 0 }),
  "a cancel without a talk": (client) => client.say("voice:cancel", { turn: 1 }),
  "totals with a byte too many": (client) => {
    client.say(...chunk(1));
    client.send(speech(10));
    client.say("voice:commit", { turn: 1, chunks: 1, bytes: 11 });
  },
  "totals with a piece too few": (client) => {
    client.say(...chunk(1));
    client.send(speech(5), speech(5));
    client.say("voice:commit", { turn: 1, chunks: 1, bytes: 10 });
  },
  "a file that is shorter than it was to be": (client) => {
    client.say("voice:send_file", { turn: 1, format: PCM, bytes: 20 });
    client.send(speech(10));
    client.say("voice:commit", { turn: 1, chunks: 1, bytes: 10 });
  },
  "a text message of 5 KB": ({ socket }) => socket.send(JSON.stringify({ type: "x".repeat(5_000) })),
};

describe("a client that does not keep to the protocol", () => {
  for (const [what, act] of Object.entries(BREACHES)) {
    it(`is told so and thrown out: ${what}`, async () => {
      const { url, conversations, lines } = await place({ handler: loopback() });
      const client = await open(url);
      act(client);
      const { data } = await client.until("error");
      expect(data).toMatchObject({ code: "socket/protocol" });
      expect(await client.closed).toEqual({ status: 1008, reason: "socket/protocol" });
      await expect.poll(() => conversations.open).toBe(0);
      expect(lines).toMatchObject([{ level: "info", fields: { code: "socket/protocol", traceId: data["traceId"] } }]);
    });
  }

  it("is thrown out for a message that is too large, before it is held", async () => {
    const { url, conversations } = await place();
    const client = await open(url);
    client.say(...chunk(1));
    client.send(speech(65_537));
    expect((await client.closed).status).toBe(1009);
    await expect.poll(() => conversations.open).toBe(0);
  });

  it("is thrown out for text that is no UTF-8", async () => {
    const { url } = await place();
    const client = await open(url);
    client.socket.send(Buffer.from([0xff, 0xfe]), { binary: false });
    expect((await client.closed).status).toBe(1007);
  });

  it("is thrown out for a talk that is too large, and for a file that says so beforehand", async () => {
    const { url } = await place({ limits: { maxTalkBytes: 1_000 }, handler: loopback() });
    const [talker, uploader] = [await open(url), await open(url)];
    talker.say(...chunk(1));
    talker.send(speech(600), speech(600));
    expect(await talker.closed).toEqual({ status: 1009, reason: "request/too-large" });
    uploader.say("voice:send_file", { turn: 1, format: PCM, bytes: 1_001 });
    expect(await uploader.closed).toEqual({ status: 1009, reason: "request/too-large" });
  });

  it("is thrown out for a file that is larger than it said", async () => {
    const { url } = await place({ handler: loopback() });
    const client = await open(url);
    client.say("voice:send_file", { turn: 1, format: PCM, bytes: 100 });
    client.send(speech(60), speech(60));
    expect((await client.until("error")).data["code"]).toBe("request/too-large");
  });

  it("is thrown out for a flood of control messages", async () => {
    const { url } = await place({ clock: createManualClock() });
    const client = await open(url);
    for (let turn = 1; turn <= 60; turn += 1) {
      client.say(...chunk(turn));
      client.say("voice:cancel", { turn });
    }
    expect((await client.until("error")).data["code"]).toBe("request/rate-limited");
    expect(await client.closed).toEqual({ status: 1008, reason: "request/rate-limited" });
  });

  it("may send ten control messages a second for as long as it likes", async () => {
    const clock = createManualClock();
    const { url } = await place({ clock, heartbeatMs: 600_000 });
    const client = await open(url);
    for (let turn = 1; turn <= 60; turn += 1) {
      client.talk(turn, []);
      await client.until("voice:received_end_of_response_stream", turn);
      await clock.advance(200);
    }
    expect(client.texts.filter(({ type }) => type === "error")).toEqual([]);
  });

  // The bytes of a control message were counted as waiting and never as dealt with: after some 130 KB of them, 700 turns
  // or so, nothing was read from that client any more, and whoever talked waited for ever on a connection that stayed.
  it("is read from as long as it stays, however much its control messages were together", async () => {
    const { url } = await place();
    const client = await open(url);
    const more = "x".repeat(3_900);
    for (let turn = 1; turn <= 25; turn += 1) {
      client.say("voice:send_chunk", { turn, format: PCM, more });
      client.say("voice:commit", { turn, chunks: 0, bytes: 0, more });
      await client.until("voice:received_end_of_response_stream", turn);
    }
    expect(client.texts.filter(({ type }) => type === "error")).toEqual([]);
  });
});

describe("a client that takes its time", () => {
  it("is thrown out when its talk does not end", async () => {
    const clock = createManualClock();
    const { url } = await place({ clock, limits: { maxTalkMs: 5_000 }, heartbeatMs: 600_000, handler: loopback() });
    const client = await open(url);
    client.say(...chunk(1));
    client.send(speech(10));
    await client.until("voice:chunk_received");
    await clock.advance(5_000);
    expect((await client.until("error")).data["code"]).toBe("socket/timeout");
    expect(await client.closed).toEqual({ status: 1008, reason: "socket/timeout" });
  });

  it("is thrown out at once also when nothing of it is read any more", async () => {
    const clock = createManualClock();
    const { url, conversations } = await place({
      clock,
      limits: { maxTalkMs: 5_000, maxTalkBytes: 100_000_000 },
      heartbeatMs: 600_000,
      async *handler() {
        yield { control: "deaf" };
        await new Promise(() => {});
      },
    });
    const client = await open(url);
    client.say(...chunk(1));
    const piece = speech(60_000);
    client.send(...Array.from({ length: 400 }, () => piece));
    let before = -1;
    await expect
      .poll(
        () => {
          const left = client.socket.bufferedAmount;
          const same = left > 0 && left === before;
          before = left;
          return same;
        },
        { interval: 200 },
      )
      .toBe(true);
    await clock.advance(5_000);
    expect((await client.until("error")).data["code"]).toBe("socket/timeout");
    // Without the clock, so it is not the 2 s after which who says nothing is cut off.
    await expect.poll(() => conversations.open).toBe(0);
  });

  it("gets an error for an answer that does not end, and may go on", async () => {
    const clock = createManualClock();
    const { url } = await place({
      clock,
      limits: { maxTurnMs: 9_000 },
      heartbeatMs: 600_000,
      async *handler({ scope }) {
        yield { control: "begun" };
        if (scope === "hang") await new Promise(() => {});
      },
    });
    const client = await open(url);
    client.talk(1, [], { scope: "hang" });
    await client.until("control-message");
    await clock.advance(9_000);
    expect((await client.until("error", 1)).data["code"]).toBe("socket/timeout");
    client.talk(2, []);
    await client.until("voice:received_end_of_response_stream", 2);
  });

  it("that is gone without a word is noticed after 2.5 heartbeats", async () => {
    const clock = createManualClock();
    const { url, port, conversations, lines } = await place({ clock, heartbeatMs: 1_000 });
    // A client that shakes hands, and then answers no ping.
    const socket = connect(port, "127.0.0.1", () => {
      const headers = [
        "GET /ws HTTP/1.1",
        `Host: 127.0.0.1:${port}`,
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
      ];
      socket.write(`${headers.join("\r\n")}\r\n\r\n`);
    });
    const ended = new Promise((resolve) => socket.once("close", resolve));
    socket.on("data", () => {});
    socket.on("error", () => {});
    const live = await open(url);
    await expect.poll(() => conversations.open).toBe(2);
    for (let beat = 1; beat <= 3; beat += 1) {
      const pinged = new Promise((resolve) => live.socket.once("ping", resolve));
      const heard = new Promise((resolve) => live.socket.once("message", resolve));
      await clock.advance(1_000);
      await Promise.all([pinged, heard]);
      // The pong of the one that lives is on its way back by now, and read before the next beat.
      await expect.poll(() => live.socket.bufferedAmount).toBe(0);
    }
    await ended;
    await expect.poll(() => conversations.open).toBe(1);
    expect(lines).toMatchObject([{ fields: { code: "reader/left" } }]);
    expect(live.texts.filter(({ type }) => type === "ping")).toHaveLength(3);
  });

  it("that reads nothing holds its handler up, and nothing piles up on the server", async () => {
    const clock = createManualClock();
    let asked = 0;
    const { url, lines, conversations } = await place({
      clock,
      stallMs: 30_000,
      heartbeatMs: 600_000,
      limits: { maxAnswerBytes: 1_000_000_000 },
      async *handler() {
        yield { format: PCM };
        for (;;) {
          asked += 1;
          yield speech(16_384);
        }
      },
    });
    const client = await open(url);
    client.socket.pause();
    client.talk(1, []);
    let before = -1;
    await expect
      .poll(
        () => {
          const same = asked > 10 && asked === before;
          before = asked;
          return same;
        },
        { interval: 200 },
      )
      .toBe(true);
    // What the system holds of a connection on this machine is a few MB.
    expect(asked).toBeLessThan(2_000);
    const usedBefore = asked;
    await clock.advance(30_000);
    await expect.poll(() => conversations.open).toBe(0);
    expect(asked - usedBefore).toBeLessThanOrEqual(1);
    expect(lines.map(({ fields }) => fields["code"])).toContain("reader/stalled");
  });

  it("is not read from while its handler is behind, and no byte is lost for it", async () => {
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => (go = resolve));
    let taken = 0;
    const clock = createManualClock();
    const { url } = await place({
      clock,
      heartbeatMs: 1_000,
      limits: { maxTalkBytes: 100_000_000 },
      async *handler({ audio, signal }) {
        await gate;
        signal.throwIfAborted();
        for await (const piece of audio) taken += piece.byteLength;
        yield { transcript: String(taken) };
      },
    });
    const client = await open(url);
    const piece = speech(60_000);
    client.talk(
      1,
      Array.from({ length: 400 }, () => piece),
    );
    let before = -1;
    await expect
      .poll(
        () => {
          const left = client.socket.bufferedAmount;
          const same = left === before;
          before = left;
          return same;
        },
        { interval: 200 },
      )
      .toBe(true);
    // 24 MB were said; what is not with the system, and not in the two queues of 128 KiB, is still with the client.
    expect(client.socket.bufferedAmount).toBeGreaterThan(10_000_000);
    // Its pongs are not read either, and that is not its fault.
    for (let beat = 1; beat <= 5; beat += 1) await clock.advance(1_000);
    go();
    expect((await client.until("control-message")).data["text"]).toBe("24000000");
    await client.until("voice:received_end_of_response_stream");
  });
});
