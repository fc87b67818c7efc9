import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { createMemoryLog, type LogStore } from "../../src/log/index.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { SITES, ask, codeOf, createValve, eventsOf, say, startNodeSite, turn, until } from "./support.ts";

const SHUTDOWN = {
  simple: ["error", { code: "run/shutdown", message: expect.any(String) as string }],
  graph: ["error", { code: "run/shutdown", message: expect.any(String) as string }],
  "ai-sdk": ["message", { type: "error", code: "run/shutdown", errorText: expect.any(String) as string }],
} as const;

for (const [kind, start] of Object.entries(SITES)) {
  describe(`a drain over ${kind}`, () => {
    it("lets all readers stay until their terminal, takes no new runs, and resolves when they have it", async () => {
      const valve = createValve();
      const site = await start({ answer: valve.answer });
      const dialects = Object.keys(SHUTDOWN);
      const asking = dialects.map((dialect) =>
        site.fetch(`/stream?dialect=${dialect}`, ask("Hello", { requestId: dialect })),
      );
      const reading = (await Promise.all(asking)).map(eventsOf);
      await until(() => valve.calls === 3);
      let drained = false;
      const draining = site.sluice.drain(new AbortController().signal).then(() => (drained = true));
      const refused = await site.fetch("/stream", ask("Hello"));
      expect([refused.status, codeOf(await refused.json()), refused.headers.get("retry-after")]).toEqual([
        503,
        "run/draining",
        "2",
      ]);
      expect((await site.fetch("/ready")).status).toBe(503);
      const attached = site.fetch("/stream", ask("Hello", { requestId: "simple" })).then(eventsOf);
      await until(() => site.lines.length === 2);
      expect(drained).toBe(false);
      valve.push(...say("to the end"));
      valve.end();
      const all = await Promise.all(reading);
      expect(all.map((events) => JSON.stringify(events).includes("d"))).toEqual([true, true, true]);
      expect(all.map((events) => events.at(-1)?.data)).toEqual([
        '{"finishReason":"stop"}',
        expect.stringContaining("to the end"),
        "[DONE]",
      ]);
      expect(await attached).toEqual(all[0]);
      await draining;
      await site.close();
    });

    it("gives every reader the terminal of its dialect at the deadline, and then resolves, twice too", async () => {
      const valve = createValve();
      const site = await start({ answer: valve.answer });
      const asking = Object.keys(SHUTDOWN).map((dialect) => site.fetch(`/stream?dialect=${dialect}`, ask("Hello")));
      const reading = (await Promise.all(asking)).map(eventsOf);
      await until(() => valve.calls === 3);
      const deadline = new AbortController();
      const draining = [site.sluice.drain(deadline.signal), site.sluice.drain(deadline.signal)];
      await turn();
      deadline.abort();
      const events = await Promise.all(reading);
      await Promise.all(draining);
      for (const [index, [event, data]] of Object.values(SHUTDOWN).entries()) {
        const last = events[index]?.findLast(({ data: text }) => text !== "[DONE]");
        expect([last?.event, JSON.parse(last?.data ?? "")]).toEqual([event, data]);
      }
      expect(valve.signals.every(({ aborted }) => aborted)).toBe(true);
      expect(site.lines.map(({ message, fields }) => [message, fields["code"]])).toEqual(
        Array.from({ length: 3 }, () => ["run interrupted", "run/shutdown"]),
      );
      await site.close();
    });
  });
}

/** As memory, but as if others were there. */
function reaching(reach: LogStore["reach"], clock: Clock): LogStore {
  return new Proxy(createMemoryLog({ clock }), {
    get(target, key) {
      if (key === "reach") return reach;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("a drain", () => {
  // A process that exits once it has drained would take the last bytes with it, and with them the terminal.
  // On a shared store readers are sent elsewhere: not this one, whose answer is complete.
  it.each(["process", "cluster"] as const)(
    "waits for what was written until the connection has taken it: %s",
    async (reach) => {
      const clock = createManualClock();
      const valve = createValve();
      const site = await startNodeSite({ answer: valve.answer, clock, store: reaching(reach, clock) });
      const connection = once(site.server, "connection");
      const socket = connect(site.port, "127.0.0.1");
      socket.pause();
      socket.write(
        "GET /stream?payload=%7B%22message%22%3A%7B%22content%22%3A%22x%22%7D%7D HTTP/1.1\r\nHost: x\r\n\r\n",
      );
      const [peer] = (await connection) as [Socket];
      await until(() => valve.calls === 1);
      // Until the socket takes no more, and less than what would make the writer wait is left.
      valve.push({ type: "text-start", id: "t" });
      while (peer.writableLength === 0) {
        valve.push({ type: "text-delta", id: "t", delta: "x".repeat(8_000) });
        await turn();
        await turn();
      }
      valve.push({ type: "error", errorText: "the end", code: "PROCESSING_ERROR" });
      await until(() => site.sluice.runs.producing === 0);
      for (let left = 20; left > 0; left -= 1) await turn();
      let drained = false;
      const draining = site.sluice.drain(new AbortController().signal).then(() => (drained = true));
      for (let left = 20; left > 0; left -= 1) await turn();
      expect([drained, peer.writableLength > 0]).toEqual([false, true]);
      let text = "";
      socket.on("data", (chunk: Buffer) => (text = text.slice(-1_000) + chunk.toString()));
      socket.resume();
      await draining;
      expect(peer.writableLength).toBe(0);
      await until(() => text.endsWith("\r\n0\r\n\r\n"));
      expect(text).toContain("the end");
      socket.destroy();
      await site.close();
    },
  );
});

describe("a drain on a store that other nodes share", () => {
  it("sends readers of dialects whose clients come back elsewhere at once, the others stay", async () => {
    const store = reaching("cluster", createManualClock());
    const valve = createValve();
    const site = await startNodeSite({ answer: valve.answer, store });
    const asked = async (dialect: string): Promise<Response> =>
      site.fetch(`/stream?dialect=${dialect}`, ask("Hello", { requestId: "r", graphType: "g" }));
    const moved = await asked("simple");
    const staying = eventsOf(await asked("ai-sdk"));
    let text = "";
    const reading = (async () => {
      for await (const chunk of moved.body!.pipeThrough(new TextDecoderStream())) text += chunk;
    })();
    await until(() => text.includes("typing"));
    const draining = site.sluice.drain(new AbortController().signal);
    await expect(reading).rejects.toThrow(TypeError);
    expect(text).toMatch(/\n\nretry: 250\n\n$/);
    // The run goes on, and whoever comes back here after all is served.
    const back = eventsOf(
      await site.fetch(moved.headers.get("location") ?? "", { headers: { "last-event-id": "11" } }),
    );
    valve.push(...say("whole"));
    valve.end();
    expect((await staying).at(-1)?.data).toBe("[DONE]");
    expect((await back).at(-1)?.event).toBe("done");
    await draining;
    expect(site.lines.filter(({ fields }) => fields["code"] === "run/draining")).toMatchObject([{ level: "info" }]);
    await site.close();
  });
});
