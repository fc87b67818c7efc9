import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  AgentFactory,
  AgentNetwork,
  AgentNetworkEvent,
  EventAggregator,
  NextEndpoint,
  type Envelope,
} from "../../src/agents/index.ts";
import { eventsOf, turns } from "./support.ts";

const owned = z.object({ owner: z.string(), n: z.number() });
const Ask = AgentNetworkEvent.of("request", owned);
const Part = AgentNetworkEvent.of("part", owned);
const Sum = AgentNetworkEvent.of("sum", owned);
const Spawn = AgentNetworkEvent.of("spawn", z.object({ kind: z.string(), params: owned }));

interface Heard {
  readonly runId: string;
  readonly owner: string;
}

/** Whoever asks with `n` is told `n` parts and their sum, by agents that take their time. All that any of them hears is noted. */
function createNetwork(heard: Heard[], capacity: number): AgentNetwork {
  const note = ({ meta, payload }: Envelope<string, { readonly owner: string }>): void =>
    void heard.push({ runId: meta.runId, owner: payload.owner });
  const teller = AgentFactory.run()
    .listensTo([Ask])
    .emits([Part, Spawn])
    .logic(async ({ triggerEvent, emit, runEvents }) => {
      for (const event of runEvents) if (Ask.is(event) || Part.is(event)) note(event);
      const { owner, n } = triggerEvent.payload;
      for (let at = 1; at <= n; at += 1) {
        await emit({ name: "part", payload: { owner, n: at } });
        if (at % 3 === n % 3) await turns(1);
      }
      void emit({ name: "spawn", payload: { kind: "extra", params: { owner, n } } });
    })
    .produce();
  const sum = EventAggregator.listensTo([Part])
    .emits([Sum])
    .emitWhen(({ runEvents, triggerEvent }) => {
      const parts = runEvents.filter(Part.is);
      for (const part of parts) note(part);
      const asked = runEvents.find(Ask.is);
      return parts.length === asked?.payload.n && triggerEvent.payload.owner === asked.payload.owner;
    })
    .mapToEmit(({ runEvents, triggerEvent, emit }) =>
      emit(
        Sum.make({
          owner: triggerEvent.payload.owner,
          n: runEvents.filter(Part.is).reduce((total, { payload }) => total + payload.n, 0),
        }),
      ),
    );
  const extra = AgentFactory.run()
    .params(owned)
    .listensTo([Part])
    .logic(({ triggerEvent }) => note(triggerEvent));
  return AgentNetwork.setup(({ mainChannel, createChannel, sink, registerAgent, registerAggregator, spawner }) => {
    const client = createChannel("client", { capacity }).sink(sink.httpStream()).events([Part, Sum]);
    const control = createChannel("control").events([Spawn]);
    registerAgent(teller).subscribe(mainChannel).publishTo(client).publishTo(control);
    registerAggregator(sum).subscribe(client).publishTo(client);
    spawner()
      .listen(control, Spawn)
      .registry({ extra })
      .defaultBinding(() => ({ subscribe: ["client"] }));
  });
}

const expected = (owner: string, n: number): readonly string[] => [
  ...Array.from({ length: n }, (_, at) => `part ${owner} ${at + 1}`),
  ...(n > 0 ? [`sum ${owner} ${(n * (n + 1)) / 2}`] : []),
];

describe("1,000 runs at a time on one plane", () => {
  it("each get their own events, all of them, and no other", async () => {
    const heard: Heard[] = [];
    const network = createNetwork(heard, 2);
    const plane = network.run();
    const api = network.expose({ protocol: "sse", plane });
    const handler = NextEndpoint.from(api).handler();
    const runOf = new Map<string, string>();
    const told = await Promise.all(
      Array.from({ length: 1_000 }, async (_, at) => {
        const owner = `owner ${at}`;
        const body = JSON.stringify({ owner, n: at % 7 });
        const response = await handler(new Request("http://a.test/", { method: "POST", body }));
        runOf.set(owner, response.headers.get("sluice-run-id") ?? "");
        return eventsOf(response);
      }),
    );
    for (const [at, events] of told.entries()) {
      const owner = `owner ${at}`;
      const own = events.map(({ data }) => JSON.parse(data) as Envelope<string, { owner: string; n: number }>);
      expect(new Set(own.map(({ meta }) => meta.runId))).toEqual(new Set([runOf.get(owner)]));
      expect(own.at(-1)?.name).toBe("done");
      const said = own.slice(1, -1).map(({ name, payload }) => `${name} ${payload.owner} ${payload.n}`);
      expect(said).toEqual(expected(owner, at % 7));
    }
    expect(heard.length).toBeGreaterThan(3_000);
    expect(heard.filter(({ runId, owner }) => runOf.get(owner) !== runId)).toEqual([]);
    expect(plane.running).toBe(0);
  });
});

describe("any number of runs on one plane", () => {
  it("never meet, whatever they ask, in whatever order, over channels of any capacity, also when some are stopped", async () => {
    const asked = fc.array(fc.record({ n: fc.nat(12), stopped: fc.boolean() }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(asked, fc.integer({ min: 1, max: 4 }), async (asks, capacity) => {
        const heard: Heard[] = [];
        const plane = createNetwork(heard, capacity).run();
        const seen = await Promise.all(
          asks.map(async ({ n, stopped }, at) => {
            const runId = `run ${at}`;
            const events: string[] = [];
            const out = plane.subscribe("client", { runId });
            const meta = { runId, contextId: "all of them" };
            void plane.publish("main", Ask.makeBound(meta, { owner: runId, n })).catch(() => {});
            try {
              for await (const { name, payload } of out as AsyncIterable<
                Envelope<string, { owner: string; n: number }>
              >) {
                events.push(`${name} ${payload.owner} ${payload.n}`);
                if (stopped) plane.stop(runId);
              }
            } catch {
              // It was stopped.
            }
            return events;
          }),
        );
        for (const [at, { n, stopped }] of asks.entries()) {
          const whole = expected(`run ${at}`, n);
          expect(seen[at]).toEqual(stopped ? whole.slice(0, Math.min(1, n)) : whole);
        }
        expect(heard.filter(({ runId, owner }) => owner !== runId)).toEqual([]);
        expect(plane.running).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
