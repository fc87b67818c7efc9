import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { AgentFactory, AgentNetwork, AgentNetworkEvent } from "../../src/agents/index.ts";
import { startRedisServer, type RedisServer } from "../../src/testing/redis-server.ts";

const Start = AgentNetworkEvent.of("start-work", z.number());
const Step = AgentNetworkEvent.of("step", z.object({ text: z.string() }));

describe("the sink redisStream()", () => {
  let server: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    server = await startRedisServer();
    client = new Redis(server.port, "127.0.0.1");
  });
  afterAll(async () => {
    client.disconnect();
    await server.close();
  });

  async function run(runId: string, count: number, maxLen?: number): Promise<void> {
    const agent = AgentFactory.run()
      .listensTo([Start])
      .emits([Step])
      .logic(async ({ triggerEvent, emit }) => {
        for (let at = 0; at < triggerEvent.payload; at += 1) await emit(Step.make({ text: `Grüße ${at}` }));
      })
      .produce();
    const plane = AgentNetwork.setup(({ mainChannel, createChannel, registerAgent, sink }) => {
      const key = maxLen === undefined ? "agents" : ({ meta }: { meta: { runId: string } }) => `agents:${meta.runId}`;
      const options = maxLen === undefined ? { key } : { key, maxLen };
      registerAgent(agent)
        .subscribe(mainChannel)
        .publishTo(createChannel("out").sink(sink.redisStream(client, options)));
    }).run();
    await plane.publish("main", Start.makeBound({ runId, contextId: "c" }, count));
    await plane.ended(runId);
  }

  it("adds each event to the stream, in order", async () => {
    await run("one", 3);
    const entries = await client.xrange("agents", "-", "+");
    expect(entries.map(([, fields]) => fields)).toEqual(
      [0, 1, 2].map((at) => {
        const event = { name: "step", meta: { runId: "one", contextId: "c" }, payload: { text: `Grüße ${at}` } };
        return ["name", "step", "runId", "one", "channel", "out", "event", JSON.stringify(event)];
      }),
    );
  });

  it("may have a stream for each run, of about a length", async () => {
    await run("two", 1_000, 100);
    const length = await client.xlen("agents:two");
    expect(length).toBeGreaterThanOrEqual(100);
    expect(length).toBeLessThan(400);
  });

  it("ends the run when Redis refuses", async () => {
    await client.set("agents:three", "no stream");
    await expect(run("three", 1, 10)).rejects.toThrow(/WRONGTYPE/);
  });
});
