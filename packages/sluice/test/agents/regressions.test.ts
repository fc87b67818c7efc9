import express from "express";
import { describe, expect, it } from "vitest";
import { AgentFactory, AgentNetwork, ExpressEndpoint, NextEndpoint, type Agent } from "../../src/agents/index.ts";
import { createGate, eventsOf, greeter, listen, networkOf, Question, Reply, stateOf, told, turns } from "./support.ts";

const HELLO = ['agent-response {"text":"Hello"}', 'agent-response {"text":" World"}', 'done {"finishReason":"stop"}'];

const web = (agent: Agent): ((init?: RequestInit, query?: string) => Promise<Response>) => {
  const handler = NextEndpoint.from(networkOf(agent).expose({ protocol: "sse" })).handler();
  return (init, query = "") => handler(new Request(`http://next.test/api/chat${query}`, init));
};
const post: RequestInit = { method: "POST", body: JSON.stringify({ query: "Hi" }) };

describe("bugs of the system that this one is made after", () => {
  // Behind Express a POST streamed nothing: the request's `close` fires when its body has been read, and that was taken
  // for the client's leaving. Every user of POST on Express saw an empty answer.
  it("a POST behind express.json() streams, also when the agent takes its time", async () => {
    const slow = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply])
      .logic(async (context) => {
        await turns(20);
        await greeter.invoke(context as never);
      })
      .produce();
    const app = express();
    app.post(
      "/api/chat",
      express.json(),
      ExpressEndpoint.from(networkOf(slow).expose({ protocol: "sse" })).handler() as never,
    );
    const { url, close } = await listen(app as never);
    const response = await fetch(`${url}/api/chat`, { ...post, headers: { "content-type": "application/json" } });
    expect(told(await eventsOf(response))).toEqual(HELLO);
    await close();
  });

  // The answer never ended when the agents had: pages waited for ever, and each held a connection.
  // Now a run is over when nobody works for it, and the last event says so.
  it("an answer ends when its agents are done", async () => {
    expect(told(await eventsOf(await web(greeter)(post))).at(-1)).toBe(HELLO[2]);
  });

  // An agent that threw left its client with no byte and no end, and only the server's console knew.
  // Now the client is told that the answer failed, and not how.
  it("an agent that throws before it has said anything is told to the client", async () => {
    const throws = AgentFactory.run()
      .listensTo([Question])
      .logic(() => {
        throw new Error("secret");
      })
      .produce();
    const text = await (await web(throws)(post)).text();
    expect(text).toMatch(/event: error\n.*\n.*"code":"PROCESSING_ERROR"/);
    expect(text).not.toContain("secret");
  });

  // The payload of a GET was ignored, so that the document's own EventSource asked nothing: agents saw `{}`.
  // Every page with an EventSource got an answer to no question.
  it("a GET asks what its payload says", async () => {
    const echo = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply])
      .logic(({ triggerEvent, emit }) => emit(Reply.make({ text: triggerEvent.payload.query })))
      .produce();
    const response = await web(echo)({}, `?payload=${encodeURIComponent('{"query":"Hi"}')}`);
    expect(told(await eventsOf(response))[0]).toBe('agent-response {"text":"Hi"}');
  });

  // On a shared plane every client got the events of all: one user read another's answer.
  // isolation.test.ts does this with 1,000 runs; here are two that meet for certain.
  it("two runs on one plane do not get each other's events", async () => {
    const both = createGate();
    let runs = 0;
    const meeting = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply])
      .logic(async ({ triggerEvent, emit }) => {
        runs += 1;
        if (runs === 2) both.open();
        await both.opened;
        for (let at = 0; at < 3; at += 1) await emit(Reply.make({ text: triggerEvent.payload.query }));
      })
      .produce();
    const network = networkOf(meeting);
    const handler = NextEndpoint.from(network.expose({ protocol: "sse", plane: network.run() })).handler();
    const told = await Promise.all(
      ["alice", "bob"].map(async (query) => {
        const init = { method: "POST", body: JSON.stringify({ query }) };
        return (await handler(new Request("http://next.test/", init))).text();
      }),
    );
    expect(told.map((text) => [text.split('"alice"').length - 1, text.split('"bob"').length - 1])).toEqual([
      [3, 0],
      [0, 3],
    ]);
  });

  // 20,000 emits went into memory as fast as the agent could make them, whoever was slow: the process grew until it died.
  // Now an agent that awaits `emit` is never further ahead of a slow one than the channel has room.
  it("20,000 emits wait for the slowest who listens", async () => {
    let [emitted, handled, most] = [0, 0, 0];
    const fast = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply])
      .logic(async ({ emit }) => {
        for (; emitted < 20_000; emitted += 1) {
          await emit({ name: "agent-response", payload: { text: "x" } });
          most = Math.max(most, emitted - handled);
        }
      })
      .produce();
    const slow = AgentFactory.run()
      .listensTo([Reply])
      .logic(async () => {
        if (handled % 1_000 === 0) await turns(1);
        handled += 1;
      })
      .produce();
    const network = AgentNetwork.setup(({ mainChannel, createChannel, registerAgent }) => {
      const out = createChannel("out", { capacity: 8 });
      registerAgent(fast).subscribe(mainChannel).publishTo(out);
      registerAgent(slow).subscribe(out);
    });
    const plane = network.run();
    await plane.publish("main", Question.makeBound({ runId: "one", contextId: "one" }, { query: "Hi" }));
    await plane.ended("one");
    expect([emitted, handled]).toEqual([20_000, 20_000]);
    expect(most).toBeLessThanOrEqual(10);
  });

  // Each event left a listener on the request's signal: a long answer was a warning in the log and a leak.
  // network.test.ts counts those of a run; here are those of a whole exposed request.
  it("a thousand events leave no listener on the request's signal, nor a warning", async () => {
    const warnings: unknown[] = [];
    const warn = (warning: unknown): void => void warnings.push(warning);
    process.on("warning", warn);
    let listeners = 0;
    const gone = new AbortController();
    const { signal } = gone;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(signal, args);
    };
    const many = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply])
      .logic(async ({ emit }) => {
        for (let at = 0; at < 1_000; at += 1) await emit({ name: "agent-response", payload: { text: "x" } });
      })
      .produce();
    const request = new Request("http://next.test/", post);
    Object.defineProperty(request, "signal", { value: signal });
    const handler = NextEndpoint.from(networkOf(many).expose({ protocol: "sse" })).handler();
    expect((await eventsOf(await handler(request))).length).toBe(1_002);
    await turns(5);
    expect([listeners, warnings]).toEqual([0, []]);
    process.off("warning", warn);
  });

  // A run without an agent that hears its start never said anything, and stayed open.
  // Whoever made a slip in an event's name looked at an empty page.
  it("a run that nobody hears is over at once", async () => {
    const plane = AgentNetwork.setup(() => {}).run();
    await plane.publish("main", Question.makeBound({ runId: "one", contextId: "one" }, { query: "Hi" }));
    expect(await stateOf(plane.ended("one"))).toBe("resolved");
  });
});
