import { describe, expect, it } from "vitest";
import { z } from "zod";
import { AgentFactory, AgentNetwork, AgentNetworkEvent, type Agent } from "../../src/agents/index.ts";
import { Done, Start, meta, names, run, type Ran } from "./harness.ts";

describe("a spawner", () => {
  const Spawn = AgentNetworkEvent.of(
    "spawn",
    z.object({ kind: z.string(), id: z.string().optional(), params: z.unknown() }),
  );
  const Work = AgentNetworkEvent.of("work", z.number());
  const times = AgentFactory.run()
    .params(z.object({ factor: z.number() }))
    .listensTo([Work])
    .emits([Done])
    .logic(({ params, triggerEvent, emit }) => emit(Done.make(triggerEvent.payload * params.factor)));
  const boss = (...spawns: readonly { kind: string; id?: string; params?: unknown }[]): Agent =>
    AgentFactory.run()
      .listensTo([Start])
      .emits([Spawn, Work])
      .logic(async ({ emit }) => {
        for (const payload of spawns) void emit({ name: "spawn", payload: { params: undefined, ...payload } });
        await emit({ name: "work", payload: 21 });
      })
      .produce();

  it("adds agents to the run, which are told of what comes after the event that spawned them", async () => {
    const network = AgentNetwork.setup(({ mainChannel, createChannel, registerAgent, spawner, sink }) => {
      createChannel("out").sink(
        sink.callback(({ meta: { runId }, payload }) => void seen.push(`${runId} ${String(payload)}`)),
      );
      registerAgent(boss({ kind: "times", params: { factor: 2 } }, { kind: "times", params: { factor: 3 } }))
        .subscribe(mainChannel)
        .publishTo(mainChannel);
      spawner(AgentFactory)
        .listen(mainChannel, Spawn)
        .registry({ times })
        .defaultBinding(() => ({ subscribe: ["main"], publishTo: ["out"] }));
    });
    const seen: string[] = [];
    const plane = network.run();
    for (const runId of ["one", "two"]) {
      await plane.publish("main", Start.makeBound(meta(runId), 0));
      await plane.ended(runId);
    }
    expect(seen).toEqual(["one 42", "one 63", "two 42", "two 63"]); // and not four in the second run
  });

  it("spawns an id once, by a function of its own where there is one, and refuses kinds it does not know", async () => {
    const of = (...spawns: readonly { kind: string; id?: string; params?: unknown }[]): Promise<Ran> =>
      run(({ mainChannel, createChannel, registerAgent, spawner }) => {
        createChannel("out");
        registerAgent(boss(...spawns))
          .subscribe(mainChannel)
          .publishTo(mainChannel);
        spawner()
          .listen(mainChannel, Spawn)
          .registry({ times })
          .onSpawn(({ factory, payload, spawn }) => {
            const agent = factory.produce(payload.params);
            spawn(agent, { publishTo: ["out"] });
            return agent;
          });
      });
    const same = { kind: "times", id: "a", params: { factor: 2 } };
    expect(names((await of(same, same)).seen)).toEqual(["done-work 42"]);
    await expect(of({ kind: "constructor" })).rejects.toMatchObject({ code: "agents/invalid-event" });
    await expect(of({ kind: "times", params: {} })).rejects.toMatchObject({ code: "option/invalid" });
  });

  // Where an event that spawns named a channel twice (a list that was put together from two), or whoever published did,
  // all who listened there were told everything twice: the reader saw each word two times.
  it("puts an agent on a channel once, however often it is named, and so is an event", async () => {
    const seen: unknown[] = [];
    const network = AgentNetwork.setup(({ mainChannel, createChannel, registerAgent, spawner, sink }) => {
      createChannel("out").sink(sink.callback(({ payload }) => void seen.push(payload)));
      registerAgent(boss({ kind: "times", params: { factor: 2 } }))
        .subscribe(mainChannel)
        .publishTo(mainChannel);
      spawner()
        .listen(mainChannel, Spawn)
        .registry({ times })
        .defaultBinding(() => ({ subscribe: ["main", "main"], publishTo: ["out", "out"] }));
    });
    const plane = network.run();
    await plane.publishToChannels(["main", "main"], Start.makeBound(meta("one"), 0));
    await plane.ended("one");
    expect(seen).toEqual([42]);
  });

  it("that spawns without end is stopped", async () => {
    const again = AgentFactory.run()
      .listensTo([Work])
      .emits([Spawn, Work])
      .logic(async ({ emit }) => {
        await emit({ name: "spawn", payload: { kind: "again", params: undefined } });
        await emit({ name: "work", payload: 1 });
      });
    const endless = run(({ mainChannel, registerAgent, spawner }) => {
      registerAgent(boss({ kind: "again" }))
        .subscribe(mainChannel)
        .publishTo(mainChannel);
      spawner()
        .listen(mainChannel, Spawn)
        .registry({ again })
        .defaultBinding(() => ({ publishTo: ["main"], subscribe: [] }));
      registerAgent(again.produce()).subscribe(mainChannel).publishTo(mainChannel);
    });
    await expect(endless).rejects.toMatchObject({ code: "agents/limit" });
  });
});
