import fc from "fast-check";
import { fold, type ChatEvent, type Message } from "sluice/chat";
import { readMessage, openEventStream } from "sluice/client";
import { startFaultProxy, startOpenAIServer, startRedisServer, type Cut, type RedisServer } from "sluice/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBalancer, type Balancer } from "./balancer.ts";
import { startGateway, withGateways, type Gateway } from "./gateways.ts";
import { spread } from "./numbers.ts";
import { HEADERS, ask, expectWhole, get, impatient, join, stop, textOf, wholeRun, type RunView } from "./readers.ts";

withGateways();

describe("two gateways on one Redis", () => {
  let redis: RedisServer;
  let balancer: Balancer;
  let a: Gateway;
  let b: Gateway;

  beforeAll(async () => {
    redis = await startRedisServer();
    // Nobody is killed here: a lease is long enough for a gateway that the machine has no time for.
    const env = { SLUICE_STORE: redis.url, SLUICE_LEASE_MS: "10000" };
    [a, b] = await Promise.all([startGateway(env), startGateway(env)]);
    balancer = await startBalancer([a.port, b.port]);
  });
  afterAll(async () => {
    await balancer.close();
    await Promise.all([a.kill(), b.kill()]);
    await redis.close();
  });

  it("stop each other's runs, soon", async () => {
    const waits: number[] = [];
    for (let round = 0; round < 30; round += 1) {
      const reader = ask(a.url, `words=20000 ttft=0 rate=100 stop ${round}`);
      await reader.has(2 + (round % 7));
      const since = performance.now();
      expect([200, 202]).toContain(await stop(b.url, reader.runId));
      expect(await reader.outcome).toBe("abort");
      waits.push((reader.endedAt ?? Infinity) - since);
      await expectWhole(b.url, reader);
    }
    console.log(`stop from the other node, request to terminal (min/median/max): ${spread(waits)}`);
  });

  it("stop a run before its first token, and once only", async () => {
    const reader = ask(a.url, "words=5 ttft=600000");
    await reader.has(1);
    await Promise.all([stop(b.url, reader.runId), stop(a.url, reader.runId), stop(b.url, reader.runId)]);
    expect(await reader.outcome).toBe("abort");
    expect(textOf(reader)).toBe("");
    await expectWhole(b.url, reader);
    expect(await stop(b.url, reader.runId)).toBe(200);
  });

  it("answer a stop after the end with 200, and leave the answer as it was", async () => {
    const reader = ask(a.url, "words=5 rate=max");
    expect(await reader.outcome).toBe("finish");
    for (const { url } of [b, a]) expect(await stop(url, reader.runId)).toBe(200);
    await expectWhole(b.url, reader);
    expect(await get<RunView>(b.url, `/runs/${reader.runId}`)).toMatchObject({ status: "finished" });
  });

  // Promise 2, where every connection is to another node than the one before.
  it("give a reader that is cut at random bytes the message that an uncut one has", { timeout: 120_000 }, async () => {
    const cut = fc.record({
      afterBytes: fc.oneof(fc.nat(1_500), fc.nat(8_000)),
      by: fc.constantFrom<Cut["by"]>("reset", "fin"),
    });
    const question = fc
      .record({
        words: fc.integer({ min: 1, max: 150 }),
        rate: fc.constantFrom("max", "2000", "500"),
        more: fc.constantFrom("", "reasoning", "tool=weather rate=max", "fail-after=20"),
        seed: fc.nat(),
      })
      .map(({ words, rate, more, seed }) => `words=${words} ttft=0 rate=${rate} ${more} Question ${seed}`);
    const cuts = fc.array(cut, { minLength: 1, maxLength: 6 });
    let asked = 0;
    let connections = 0;
    await fc.assert(
      fc.asyncProperty(question, cuts, fc.boolean(), async (content, faults, aFirst) => {
        balancer.setTargets(aFirst ? [a.port, b.port] : [b.port, a.port]);
        const proxy = await startFaultProxy({
          target: { port: balancer.port },
          plan: (connection) => (faults[connection] ? { cut: faults[connection] } : undefined),
        });
        try {
          const reader = openEventStream(`${proxy.url}/stream?dialect=ai-sdk`, {
            body: { requestId: `cut ${(asked += 1)}`, message: { content } },
            headers: HEADERS,
            clock: impatient,
          });
          let message: Message | undefined;
          for await (message of readMessage(reader));
          connections += proxy.connections;
          for (const { url } of [a, b]) {
            const whole = await wholeRun(url, reader.runId ?? "", "ai-sdk");
            const events = whole.slice(0, -1).map(({ data }) => JSON.parse(data) as ChatEvent);
            expect(JSON.stringify(message)).toBe(JSON.stringify(fold(events)));
          }
        } finally {
          await proxy.close();
        }
      }),
      { numRuns: 60 },
    );
    console.log(`cuts: ${asked} answers over ${connections} connections`);
  });
});

describe("two gateways with one model behind them", () => {
  it("start one call of the model for one requestId that comes to both at the same instant", async () => {
    const redis = await startRedisServer();
    const provider = await startOpenAIServer();
    const env = { SLUICE_STORE: redis.url, OPENAI_BASE_URL: provider.url };
    const [a, b] = await Promise.all([startGateway(env), startGateway(env)]);
    try {
      for (let round = 1; round <= 20; round += 1) {
        const requestId = `same ${round}`;
        const readers = [a, b, a, b].map(({ url }) => ask(url, "Hello", { requestId }));
        expect(await Promise.all(readers.map(({ outcome }) => outcome))).toEqual(Array(4).fill("finish"));
        expect(new Set(readers.map(({ runId }) => runId)).size).toBe(1);
        expect(provider.requests).toHaveLength(round);
        for (const reader of readers) await expectWhole(b.url, reader);
      }
    } finally {
      await Promise.all([a.kill(), b.kill()]);
      await Promise.all([provider.close(), redis.close()]);
    }
  });

  it("end that call when the other one was told to stop, and when they slept through their lease", async () => {
    const redis = await startRedisServer();
    const provider = await startOpenAIServer({ script: () => [{ type: "text", text: "One" }, { type: "stall" }] });
    const env = { SLUICE_STORE: redis.url, OPENAI_BASE_URL: provider.url };
    const [a, b] = await Promise.all([startGateway(env), startGateway(env)]);
    try {
      const stopped = ask(a.url, "Stop me");
      await stopped.has(3);
      await stop(b.url, stopped.runId);
      expect(await stopped.outcome).toBe("abort");
      expect(await provider.requests[0]?.disconnected).toBe(true);

      const slept = ask(a.url, "Sleep");
      await slept.has(3);
      a.signal("SIGSTOP");
      expect(await join(b.url, slept.runId).outcome).toBe("run/producer-lost");
      a.signal("SIGCONT");
      expect(await provider.requests[1]?.disconnected).toBe(true);
      expect(await slept.outcome).toBe("run/producer-lost");
      for (const reader of [stopped, slept]) await expectWhole(a.url, reader);
      expect(provider.requests).toHaveLength(2);
    } finally {
      await Promise.all([a.kill(), b.kill()]);
      await Promise.all([provider.close(), redis.close()]);
    }
  });
});
