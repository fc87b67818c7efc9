import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  AgentFactory,
  AgentNetwork,
  AgentNetworkEvent,
  EventAggregator,
  type Agent,
  type EventDefinition,
  type NetworkSetup,
} from "../../src/agents/index.ts";
import { Done, Start, Step, answering, names, run } from "./harness.ts";
import { createGate, stateOf, turns } from "./support.ts";

describe("a network", () => {
  it("takes an event through a chain of three agents, in order", async () => {
    const [A, B] = [AgentNetworkEvent.of("a", z.number()), AgentNetworkEvent.of("b", z.number())];
    const { seen } = await run(({ mainChannel, createChannel, registerAgent }) => {
      const [first, second, out] = [createChannel("first"), createChannel("second"), createChannel("out")];
      registerAgent(answering(Start, A, () => Array.from({ length: 50 }, (_, n) => n)))
        .subscribe(mainChannel)
        .publishTo(first);
      registerAgent(answering(A, B, (n) => [n * 2]))
        .subscribe(first)
        .publishTo(second);
      registerAgent(answering(B, Done, (n) => [n + 1]))
        .subscribe(second)
        .publishTo(out);
    });
    expect(names(seen)).toEqual(Array.from({ length: 50 }, (_, n) => `done-work ${n * 2 + 1}`));
  });

  it("gives an event to all who listen, and to nobody else", async () => {
    const { seen } = await run(({ mainChannel, createChannel, registerAgent }) => {
      const out = createChannel("out");
      registerAgent(answering(Start, Step, () => [1]))
        .subscribe(mainChannel)
        .publishTo(out);
      registerAgent(answering(Start, Step, () => [2]))
        .subscribe(mainChannel)
        .publishTo(out);
      registerAgent(answering(Done, Step, () => [3]))
        .subscribe(mainChannel)
        .publishTo(out);
    });
    expect(names(seen).toSorted()).toEqual(["step 1", "step 2"]);
  });

  it("calls an agent that names no events for every event on its channel", async () => {
    const heard: string[] = [];
    const all = AgentFactory.run()
      .logic(({ triggerEvent }) => void heard.push(triggerEvent.name))
      .produce();
    await run(({ mainChannel, registerAgent }) => {
      registerAgent(all).subscribe(mainChannel);
      registerAgent(answering(Start, Step, () => [1, 2]))
        .subscribe(mainChannel)
        .publishTo(mainChannel);
    });
    expect(heard).toEqual(["start-work", "step", "step"]);
  });

  it("gives an agent one event after the other on a channel", async () => {
    let [running, most] = [0, 0];
    const slow = AgentFactory.run()
      .listensTo([Start])
      .logic(async () => {
        running += 1;
        most = Math.max(most, running);
        await turns(2);
        running -= 1;
      })
      .produce();
    await run(({ mainChannel, registerAgent }) => void registerAgent(slow).subscribe(mainChannel), 1, 2, 3);
    expect(most).toBe(1);
  });

  it("takes on a channel only what it is said to carry, and refuses what none of an agent's channels carries", async () => {
    const build = ({ mainChannel, createChannel, registerAgent }: NetworkSetup): void => {
      const [out, steps] = [createChannel("out").events([Done]), createChannel("steps").events([Step])];
      const both = AgentFactory.run()
        .listensTo([Start])
        .emits([Step, Done, Start])
        .logic(async ({ emit, triggerEvent }) => {
          await emit({ name: "step", payload: 1 });
          await emit({ name: "done-work", payload: 2 });
          if (triggerEvent.payload === 1) await emit({ name: "start-work", payload: 3 });
        })
        .produce();
      registerAgent(both).subscribe(mainChannel).publishTo(out).publishTo(steps);
    };
    expect(names((await run(build)).seen)).toEqual(["done-work 2"]);
    await expect(run(build, 1)).rejects.toThrow(/"start-work" is carried by none of out, steps/);
  });

  it.each(["Main", "two words", "-x", ""])("has no channel with the name %j", (name) => {
    expect(() => AgentNetwork.setup(({ createChannel }) => void createChannel(name))).toThrow(/kebab-case/);
  });
});

describe("a channel with a capacity", () => {
  it("makes emit wait while so many events wait for an agent, and no longer", async () => {
    const gate = createGate();
    let taken = 0;
    const slow = AgentFactory.run()
      .listensTo([Step])
      .logic(() => gate.opened)
      .produce();
    const fast = AgentFactory.run()
      .listensTo([Start])
      .emits([Step])
      .logic(async ({ emit }) => {
        for (let payload = 0; payload < 10; payload += 1) {
          await emit({ name: "step", payload });
          taken += 1;
        }
      })
      .produce();
    const running = run(({ mainChannel, createChannel, registerAgent }) => {
      const narrow = createChannel("narrow", { capacity: 3 });
      registerAgent(fast).subscribe(mainChannel).publishTo(narrow);
      registerAgent(slow).subscribe(narrow);
    });
    expect(await stateOf(running)).toBe("pending");
    expect(taken).toBe(4); // three wait, and one is at work
    gate.open();
    await running;
    expect(taken).toBe(10);
  });

  it("in a circle that is full ends the run with agents/deadlock", async () => {
    const twice = (listens: EventDefinition, emits: EventDefinition): Agent => answering(listens, emits, (n) => [n, n]);
    const circle = run(({ mainChannel, createChannel, registerAgent }) => {
      const [there, back] = [createChannel("there", { capacity: 2 }), createChannel("back", { capacity: 2 })];
      registerAgent(answering(Start, Step, () => [0]))
        .subscribe(mainChannel)
        .publishTo(there);
      registerAgent(twice(Step, Done)).subscribe(there).publishTo(back);
      registerAgent(twice(Done, Step)).subscribe(back).publishTo(there);
    });
    await expect(circle).rejects.toMatchObject({ code: "agents/deadlock" });
  });

  it("bounds what an agent emits without awaiting it", async () => {
    const flood = AgentFactory.run()
      .listensTo([Start])
      .emits([Step])
      .logic(({ emit }) => {
        for (let payload = 0; payload < 100_000; payload += 1) void emit({ name: "step", payload });
      })
      .produce();
    const stuck = run(({ mainChannel, createChannel, registerAgent, sink }) => {
      const never = createChannel("never").sink(sink.callback(() => new Promise(() => {})));
      registerAgent(flood).subscribe(mainChannel).publishTo(never);
    });
    await expect(stuck).rejects.toMatchObject({ code: "agents/limit" });
  });

  it.each([0, -1, 1.5, Number.NaN])("cannot be %d", (capacity) => {
    expect(() => AgentNetwork.setup(({ createChannel }) => void createChannel("x", { capacity }))).toThrow(/capacity/);
  });
});

describe("an aggregator", () => {
  it("emits when the events add up, exactly once", async () => {
    const sum = EventAggregator.listensTo([Step])
      .emits([Done])
      .emitWhen(({ runEvents }) => runEvents.filter(Step.is).length === 3)
      .mapToEmit(({ runEvents, emit }) => {
        void emit(Done.make(runEvents.filter(Step.is).reduce((total, { payload }) => total + payload, 0)));
      });
    const { seen } = await run(({ mainChannel, createChannel, registerAgent, registerAggregator }) => {
      registerAgent(answering(Start, Step, () => [1, 2, 3, 4]))
        .subscribe(mainChannel)
        .publishTo(mainChannel);
      registerAggregator(sum).subscribe(mainChannel).publishTo(createChannel("out"));
    });
    expect(names(seen)).toEqual(["done-work 6"]);
  });

  it("without a condition emits for every event", async () => {
    const each = EventAggregator.listensTo([Step])
      .emits([Done])
      .mapToEmit(({ triggerEvent, emit }) => emit(Done.make(-triggerEvent.payload)));
    const { seen } = await run(({ mainChannel, createChannel, registerAgent, registerAggregator }) => {
      registerAgent(answering(Start, Step, () => [1, 2]))
        .subscribe(mainChannel)
        .publishTo(mainChannel);
      registerAggregator(each).subscribe(mainChannel).publishTo(createChannel("out"));
    });
    expect(names(seen)).toEqual(["done-work -1", "done-work -2"]);
  });
});
