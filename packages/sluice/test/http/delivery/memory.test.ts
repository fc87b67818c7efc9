import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it } from "vitest";
import { createManualClock } from "../../../src/testing/manual-clock.ts";
import { createValve, say, startNodeSite, turn, until, type NodeSite } from "../support.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

let site: NodeSite;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await site.close();
});

async function held(): Promise<number> {
  for (let left = 10; left > 0; left -= 1) await turn();
  for (let left = 3; left > 0; left -= 1) collect();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
}

/** Connections whose clients ask and read nothing, as the server has them. */
async function ask(count: number, request: string): Promise<readonly Socket[]> {
  const peers: Socket[] = [];
  while (peers.length < count) {
    const connection = once(site.server, "connection");
    const socket = connect(site.port, "127.0.0.1");
    sockets.push(socket);
    socket.on("error", () => {});
    socket.pause();
    socket.write(request);
    peers.push((await connection)[0] as Socket);
  }
  return peers;
}

describe("readers that take nothing of a run of 30 MB", () => {
  it.each([
    ["in small entries", "x".repeat(100), "simple"],
    ["in entries that are not ASCII", "漢".repeat(100), "simple"],
    ["in entries that are nearly large", "漢".repeat(15_000), "ai-sdk"],
  ])(
    "hold at most 64 KiB each above one that is idle, %s",
    async (_, delta, dialect) => {
      const COUNT = 40;
      const bytes = 30_000_000;
      const valve = createValve();
      site = await startNodeSite({ answer: valve.answer, limits: { maxEntries: 1_000_000, maxBytes: 1_000_000_000 } });
      const idle = await site.sluice.startRun({ owner: "alice" }, valve.answer({ messages: [] }, { owner: "alice" }));
      const run = await site.sluice.startRun({ owner: "alice" }, async function* () {
        yield { type: "text-start", id: "t" } as const;
        for (let left = bytes / Buffer.byteLength(delta); left > 0; left -= 1)
          yield { type: "text-delta", id: "t", delta } as const;
        yield { type: "text-end", id: "t" } as const;
      });
      await site.sluice.runs.ended(run.id);
      const request = (id: string): string => `GET /runs/${id}/events?dialect=${dialect} HTTP/1.1\r\nHost: x\r\n\r\n`;
      // What the first ones make that stays.
      await ask(2, request(idle.id));
      const before = await held();
      await ask(COUNT, request(idle.id));
      const withIdle = await held();
      const peers = await ask(COUNT, request(run.id));
      await until(() => peers.every((peer) => peer.writableNeedDrain));
      const withStalled = await held();
      const each = (withStalled - withIdle - (withIdle - before)) / COUNT;
      expect(each).toBeLessThan(65_536);
      for (const peer of peers) expect(peer.destroyed).toBe(false);
      valve.end();
    },
    60_000,
  );
});

describe("a thousand streams that are silent", () => {
  it("have one timer for their heartbeats, and none when they have left", async () => {
    const clock = createManualClock();
    const valve = createValve();
    site = await startNodeSite({ answer: valve.answer, clock });
    const run = await site.sluice.startRun({ owner: "alice" }, valve.answer({ messages: [] }, { owner: "alice" }));
    const url = `http://site.test/runs/${run.id}/events`;
    const none = clock.timers;
    const responses = await Promise.all(Array.from({ length: 1_000 }, () => site.sluice.handle(new Request(url))));
    const readers = responses.map(({ body }) => body!.getReader());
    await Promise.all(readers.map((reader) => reader.read()));
    const waiting = readers.map((reader) => reader.read());
    await Promise.all(waiting); // the first frame, of the start
    expect(clock.timers).toBe(none + 1);
    const beats = readers.map((reader) => reader.read());
    await clock.advance(15_000);
    for (const { value } of await Promise.all(beats)) expect(new TextDecoder().decode(value)).toBe(":\n\n");
    expect(clock.timers).toBe(none + 1);
    valve.push(...say("a"));
    await Promise.all(readers.map((reader) => reader.cancel()));
    expect(clock.timers).toBe(none);
    valve.end();
  });
});
