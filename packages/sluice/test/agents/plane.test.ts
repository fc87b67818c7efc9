import { describe, expect, it } from "vitest";
import { z } from "zod";
import { AgentFactory, AgentNetwork, AgentNetworkEvent, type Agent, type Envelope } from "../../src/agents/index.ts";
import { createContexts } from "../../src/agents/contexts.ts";
import { Execution } from "../../src/agents/execution.ts";
import { Done, Start, Step, answering, meta, names, run, type Ran } from "./harness.ts";
import { createGate, stateOf, turns } from "./support.ts";

describe("a run", () => {
  it("is over when nobody works for it: events that lead to events, awaited or not, are waited for", async () => {
    const countdown = AgentFactory.run()
      .listensTo([Start, Step])
      .emits([Step, Done])
      .logic(async ({ triggerEvent: { payload }, emit }) => {
        if (payload % 2 === 0) await turns(1);
        const next = emit({ name: payload > 0 ? "step" : "done-work", payload: payload - 1 });
        if (payload % 3 === 0) await next;
      })
      .produce();
    const { seen } = await run(({ mainChannel, createChannel, registerAgent }) => {
      registerAgent(countdown).subscribe(mainChannel).publishTo(mainChannel).publishTo(createChannel("out"));
    }, 20);
    expect(names(seen).at(-1)).toBe("done-work -1");
    expect(seen).toHaveLength(21);
  });

  it("waits for a sink that is behind", async () => {
    const gate = createGate();
    const written: unknown[] = [];
    const running = run(({ mainChannel, createChannel, registerAgent, sink }) => {
      const late = createChannel("late").sink(
        sink.callback(async ({ payload }) => (await gate.opened, void written.push(payload))),
      );
      registerAgent(answering(Start, Step, () => [1, 2]))
        .subscribe(mainChannel)
        .publishTo(late);
    });
    expect(await stateOf(running)).toBe("pending");
    gate.open();
    await running;
    expect(written).toEqual([1, 2]);
  });

  it("fails with what an agent throws, and the signal of the others fires with it", async () => {
    const failure = new Error("no");
    let reason: unknown;
    const waits = AgentFactory.run()
      .listensTo([Start])
      .logic(
        ({ signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              reason = signal.reason;
              reject(new Error("a later one"));
            });
          }),
      )
      .produce();
    const throws = AgentFactory.run()
      .listensTo([Start])
      .logic(async () => {
        await turns(1);
        throw failure;
      })
      .produce();
    await expect(
      run(({ mainChannel, registerAgent }) => {
        registerAgent(waits).subscribe(mainChannel);
        registerAgent(throws).subscribe(mainChannel);
      }),
    ).rejects.toBe(failure);
    expect(reason).toBe(failure);
  });

  it("fails when an event does not fit its schema, or is not among those its agent emits, though nobody awaits it", async () => {
    const emitting = (event: { name: string; payload: unknown }): Agent =>
      AgentFactory.run()
        .listensTo([Start])
        .emits([Step])
        .logic(({ emit }) => void emit(event as never))
        .produce();
    const of = (agent: Agent): Promise<Ran> =>
      run(({ mainChannel, registerAgent }) => void registerAgent(agent).subscribe(mainChannel).publishTo(mainChannel));
    await expect(of(emitting({ name: "step", payload: "x" }))).rejects.toMatchObject({ code: "agents/invalid-event" });
    await expect(of(emitting({ name: "done-work", payload: 1 }))).rejects.toThrow(
      /not among those that its agent emits/,
    );
  });

  it("takes events of a schema that checks asynchronously in the order in which they are emitted", async () => {
    const Checked = AgentNetworkEvent.of(
      "checked",
      z.number().refine(async (n) => {
        await turns(n === 0 ? 3 : 0);
        return true;
      }),
    );
    const { seen } = await run(({ mainChannel, createChannel, registerAgent }) => {
      const agent = AgentFactory.run()
        .listensTo([Start])
        .emits([Checked])
        .logic(({ emit }) => {
          for (const payload of [0, 1, 2]) void emit({ name: "checked", payload });
        })
        .produce();
      registerAgent(agent).subscribe(mainChannel).publishTo(createChannel("out"));
    });
    expect(names(seen)).toEqual(["checked 0", "checked 1", "checked 2"]);
  });

  it("refuses what is emitted when it is over", async () => {
    let late: Promise<void> | undefined;
    const gate = createGate();
    const agent = AgentFactory.run()
      .listensTo([Start])
      .emits([Step])
      .logic(({ emit }) => {
        late = gate.opened.then(() => emit({ name: "step", payload: 1 }));
      })
      .produce();
    await run(
      ({ mainChannel, registerAgent }) => void registerAgent(agent).subscribe(mainChannel).publishTo(mainChannel),
    );
    gate.open();
    await expect(late).rejects.toMatchObject({ code: "run/ended" });
  });

  it("that is stopped lets go of whoever waits, and tells sinks that it is over", async () => {
    const ended: string[] = [];
    let emitted: PromiseLike<void> | undefined;
    const network = AgentNetwork.setup(({ mainChannel, createChannel, registerAgent }) => {
      const stuck = createChannel("stuck", { capacity: 1 }).sink({
        kind: "stuck",
        write: () => new Promise<void>(() => {}),
        end: ({ channel, runId }) => void ended.push(`${runId} ${channel}`),
      });
      const agent = AgentFactory.run()
        .listensTo([Start])
        .emits([Step])
        .logic(async ({ emit }) => {
          for (const payload of [1, 2, 3]) await (emitted = emit({ name: "step", payload }));
        })
        .produce();
      registerAgent(agent).subscribe(mainChannel).publishTo(stuck);
    });
    const plane = network.run();
    await plane.publish("main", Start.makeBound(meta(), 0));
    const over = plane.ended("one");
    over.catch(() => {});
    await turns(3);
    const reason = new Error("enough");
    plane.stop("one", reason);
    await expect(over).rejects.toBe(reason);
    await expect(emitted).rejects.toBe(reason);
    expect([ended, plane.running]).toEqual([["one stuck"], 0]);
  });

  it("tells each of its agents what happened up to the event it is called for", async () => {
    const counts: number[] = [];
    const counter = AgentFactory.run()
      .listensTo([Step])
      .logic(async ({ runEvents }) => {
        counts.push(runEvents.filter(Step.is).length);
        await turns(1);
      })
      .produce();
    await run(({ mainChannel, registerAgent }) => {
      registerAgent(answering(Start, Step, () => [1, 2, 3]))
        .subscribe(mainChannel)
        .publishTo(mainChannel);
      registerAgent(counter).subscribe(mainChannel);
    });
    expect(counts).toEqual([1, 2, 3]);
  });

  it("keeps at least its newest 10,000 events", async () => {
    let seen: readonly Envelope[] = [];
    const last = AgentFactory.run()
      .listensTo([Done])
      .logic(({ runEvents }) => void (seen = runEvents))
      .produce();
    await run(({ mainChannel, registerAgent }) => {
      const many = AgentFactory.run()
        .listensTo([Start])
        .emits([Step, Done])
        .logic(async ({ emit }) => {
          for (let payload = 0; payload < 25_000; payload += 1) await emit({ name: "step", payload });
          await emit({ name: "done-work", payload: 0 });
        })
        .produce();
      registerAgent(many).subscribe(mainChannel).publishTo(mainChannel);
      registerAgent(last).subscribe(mainChannel);
    });
    expect(seen).toHaveLength(10_000);
    expect(names(seen.slice(-2))).toEqual(["step 24999", "done-work 0"]);
  });
});

describe("a plane", () => {
  it("lets somebody subscribe to a channel of a run, who is waited for, and may leave", async () => {
    const network = AgentNetwork.setup(({ mainChannel, createChannel, registerAgent }) => {
      const out = createChannel("out");
      registerAgent(answering(Start, Step, () => [1, 2, 3]))
        .subscribe(mainChannel)
        .publishTo(out);
    });
    const plane = network.run();
    const all = plane.subscribe("out", { runId: "one" });
    const first = plane.subscribe("out", { runId: "one" });
    await plane.publish("main", Start.makeBound(meta(), 0));
    const ended = plane.ended("one");
    for await (const { payload } of first) {
      expect(payload).toBe(1);
      break;
    }
    expect(await stateOf(ended)).toBe("pending");
    const seen: unknown[] = [];
    for await (const { payload } of all) seen.push(payload);
    expect(seen).toEqual([1, 2, 3]);
    await ended;
    expect(plane.running).toBe(0);
  });

  it("keeps the events of ended runs for later runs of the same context", async () => {
    const known: string[] = [];
    const agent = AgentFactory.run()
      .listensTo([Start])
      .logic(({ contextEvents, triggerEvent }) => {
        known.push(contextEvents.all.map(({ payload }) => String(payload)).join(" "));
        expect(contextEvents.byRun(triggerEvent.meta.runId)).toHaveLength(1);
      })
      .produce();
    const plane = AgentNetwork.setup(
      ({ mainChannel, registerAgent }) => void registerAgent(agent).subscribe(mainChannel),
    ).run({
      maxContextEvents: 3,
    });
    const of = async (runId: string, contextId: string, n: number): Promise<void> => {
      await plane.publish("main", Start.makeBound(meta(runId, contextId), n));
      await plane.ended(runId);
    };
    await of("1", "a", 1);
    await of("2", "b", 2);
    await of("3", "a", 3);
    await of("4", "a", 4); // now there are four: b has not been asked for longest
    await of("5", "b", 5);
    expect(known).toEqual(["1", "2", "1 3", "1 3 4", "5"]);
    expect(plane.getContextEvents("a").map.size).toBe(2); // and then 1 was the oldest
  });

  it("that is shut down ends its runs and begins none", async () => {
    const waits = AgentFactory.run()
      .listensTo([Start])
      .logic(() => new Promise(() => {}))
      .produce();
    const plane = AgentNetwork.setup(
      ({ mainChannel, registerAgent }) => void registerAgent(waits).subscribe(mainChannel),
    ).run();
    await plane.publish("main", Start.makeBound(meta(), 0));
    expect(names(plane.getRunEvents("one"))).toEqual(["start-work 0"]);
    await plane.shutdown();
    expect(plane.running).toBe(0);
    await expect(plane.publish("main", Start.makeBound(meta("two"), 0))).rejects.toMatchObject({
      code: "run/draining",
    });
  });

  it("refuses a channel that is not there, and what is no event", async () => {
    const plane = AgentNetwork.setup(() => {}).run();
    await expect(plane.publish("nowhere", Start.makeBound(meta(), 0))).rejects.toMatchObject({
      code: "option/invalid",
    });
    await expect(plane.publish("main", {} as never)).rejects.toMatchObject({ code: "agents/invalid-event" });
  });
});

describe("the signal of a run", () => {
  it("has no listener more for an event more", async () => {
    let [added, removed] = [0, 0];
    const { addEventListener, removeEventListener } = AbortSignal.prototype;
    AbortSignal.prototype.addEventListener = function (
      this: AbortSignal,
      ...args: Parameters<AbortSignal["addEventListener"]>
    ) {
      added += 1;
      return addEventListener.apply(this, args);
    } as AbortSignal["addEventListener"];
    AbortSignal.prototype.removeEventListener = function (
      this: AbortSignal,
      ...args: Parameters<AbortSignal["removeEventListener"]>
    ) {
      removed += 1;
      return removeEventListener.apply(this, args);
    } as AbortSignal["removeEventListener"];
    try {
      const { seen } = await run(({ mainChannel, createChannel, registerAgent }) => {
        registerAgent(answering(Start, Step, () => Array.from({ length: 1_000 }, () => 1)))
          .subscribe(mainChannel)
          .publishTo(createChannel("out"));
      });
      expect(seen).toHaveLength(1_000);
      expect(added - removed).toBe(0);
      expect(added).toBeLessThan(5);
    } finally {
      Object.assign(AbortSignal.prototype, { addEventListener, removeEventListener });
    }
  });

  it("is let go of by the run when it is over", async () => {
    const controller = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = controller.signal;
    Object.assign(controller.signal, {
      addEventListener(...args: Parameters<typeof addEventListener>) {
        listeners += 1;
        addEventListener.apply(controller.signal, args);
      },
      removeEventListener(...args: Parameters<typeof removeEventListener>) {
        listeners -= 1;
        removeEventListener.apply(controller.signal, args);
      },
    });
    const { plan } = AgentNetwork.setup(() => {});
    const run = new Execution(plan, { meta: meta(), signal: controller.signal, contexts: createContexts(1) });
    expect(listeners).toBe(1);
    await run.publish(["main"], Start.make(0));
    await run.ended;
    expect(listeners).toBe(0);
  });
});
