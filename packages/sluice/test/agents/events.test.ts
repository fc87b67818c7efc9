import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { AgentFactory, AgentNetwork, AgentNetworkEvent } from "../../src/agents/index.ts";

const meta = { runId: "run_1", contextId: "context_1" };

describe.each<[string, StandardSchemaV1<{ text: string; count: number }>]>([
  ["zod", z.object({ text: z.string(), count: z.number().int() })],
  ["valibot", v.object({ text: v.string(), count: v.pipe(v.number(), v.integer()) })],
  ["arktype", type({ text: "string", count: "number.integer" })],
])("an event with a schema of %s", (_library, schema) => {
  const Said = AgentNetworkEvent.of("said", schema);
  const payload = { text: "Hello", count: 2 };

  it("is made of a payload that fits", () => {
    expect(Said.make(payload)).toEqual({ name: "said", payload });
    expect(Said.makeBound(meta, payload)).toEqual({ name: "said", meta, payload });
  });

  it("is not made of one that does not, and the error names the field", () => {
    const wrong = { text: "Hello", count: "two" } as never;
    expect(() => Said.make(wrong)).toThrow(/"said" does not fit its schema at payload\.count/);
    expect(() => Said.make(wrong)).toThrow(expect.objectContaining({ code: "agents/invalid-event" }));
  });

  it("is known by name, meta and payload", () => {
    expect(Said.is({ name: "said", meta, payload })).toBe(true);
    expect(Said.is({ name: "heard", meta, payload })).toBe(false);
    expect(Said.is({ name: "said", payload })).toBe(false);
    expect(Said.is({ name: "said", meta, payload: { text: 1 } })).toBe(false);
    expect(Said.is(null)).toBe(false);
  });

  it("is decoded from anything, or refused", async () => {
    expect(await Said.decode({ name: "said", meta, payload })).toEqual({ name: "said", meta, payload });
    const refused = { code: "agents/invalid-event" };
    await expect(Said.decode({ name: "said", meta, payload: {} })).rejects.toMatchObject(refused);
    await expect(Said.decode({ name: "heard", meta, payload })).rejects.toMatchObject(refused);
    await expect(Said.decode("said")).rejects.toMatchObject(refused);
  });
});

describe("an event", () => {
  it("with a schema that transforms carries what it becomes, and is not transformed twice", async () => {
    const Counted = AgentNetworkEvent.of("counted", z.string().transform(Number));
    const made = Counted.make("7");
    expectTypeOf(made.payload).toEqualTypeOf<number>();
    expect(made.payload).toBe(7);
    const bound = Counted.makeBound(meta, "7");
    expect([bound.payload, Counted.is(bound)]).toEqual([7, true]);
    const decoded = await Counted.decode({ name: "counted", meta, payload: "7" });
    expect([decoded.payload, Counted.is(decoded)]).toEqual([7, true]);
  });

  it("with a schema that checks asynchronously is decoded, and not made or tested at once", async () => {
    const Async = AgentNetworkEvent.of(
      "async",
      z.string().refine(async (text) => text !== ""),
    );
    expect(() => Async.make("x")).toThrow(expect.objectContaining({ code: "option/invalid" }));
    const decoded = await Async.decode({ name: "async", meta, payload: "x" });
    expect(Async.is(decoded)).toBe(true);
    expect(() => Async.is({ name: "async", meta, payload: "x" })).toThrow(
      expect.objectContaining({ code: "option/invalid" }),
    );
    await expect(Async.decode({ name: "async", meta, payload: "" })).rejects.toMatchObject({
      code: "agents/invalid-event",
    });
  });

  it("cannot be changed once it is made", () => {
    const made = AgentNetworkEvent.of("made", z.string()).make("x");
    expect(() => Object.assign(made, { payload: 1 })).toThrow(TypeError);
  });

  it.each(["", "a\nb", "x".repeat(257)])("cannot have the name %j", (name) => {
    expect(() => AgentNetworkEvent.of(name, z.string())).toThrow(expect.objectContaining({ code: "option/invalid" }));
  });

  it("has one definition in a network", () => {
    const one = AgentNetworkEvent.of("same", z.string());
    const two = AgentNetworkEvent.of("same", z.number());
    const agent = AgentFactory.run()
      .listensTo([one])
      .emits([two])
      .logic(() => {})
      .produce();
    expect(() => AgentNetwork.setup(({ registerAgent }) => void registerAgent(agent))).toThrow(/same is defined twice/);
  });
});

describe("a factory", () => {
  it("gives each agent its params, checked", async () => {
    const factory = AgentFactory.run()
      .params(z.object({ model: z.string(), temperature: z.number().default(0) }))
      .logic(({ params }) => void expectTypeOf(params).toEqualTypeOf<{ model: string; temperature: number }>());
    expect(factory.produce({ model: "small", temperature: 1 }).id).not.toBe(
      factory.produce({ model: "big", temperature: 1 }).id,
    );
    expect(() => factory.produce({ model: 1 } as never)).toThrow(/params\.model/);
  });

  it("adds up what is said of events, and changes no factory that there was", () => {
    const [a, b] = [AgentNetworkEvent.of("a", z.string()), AgentNetworkEvent.of("b", z.string())];
    const first = AgentFactory.run()
      .listensTo([a])
      .emits([a])
      .logic(() => {});
    const second = first.listensTo([b]).emits([b]);
    expect(first.produce().listensTo).toEqual([a]);
    expect(second.produce()).toMatchObject({ listensTo: [a, b], emits: [a, b] });
  });

  it("makes no agent without logic", () => {
    expect(() => AgentFactory.run().produce()).toThrow(expect.objectContaining({ code: "option/invalid" }));
  });

  it("types what an agent is given and what it may emit", () => {
    const In = AgentNetworkEvent.of("in", z.object({ n: z.number() }));
    const Out = AgentNetworkEvent.of("out", z.object({ m: z.string() }));
    AgentFactory.run()
      .listensTo([In])
      .emits([Out])
      .logic(({ triggerEvent, emit }) => {
        expectTypeOf(triggerEvent.payload).toEqualTypeOf<{ n: number }>();
        expectTypeOf(triggerEvent.name).toEqualTypeOf<"in">();
        // @ts-expect-error it does not emit this one
        void (() => emit({ name: "in", payload: { n: 1 } }));
        // @ts-expect-error nor this payload
        void (() => emit({ name: "out", payload: { m: 1 } }));
        void (() => emit({ name: "out", payload: { m: "x" } }));
      });
  });
});
