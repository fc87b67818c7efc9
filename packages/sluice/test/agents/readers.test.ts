import { describe, expect, it } from "vitest";
import { AgentFactory, AgentNetwork, type Agent, type ExposeOptions } from "../../src/agents/index.ts";
import { HELLO, SITES, ask, asked, readUntil, waiting, type Names, type Site } from "./sites.ts";
import { createGate, eventsOf, greeter, networkOf, Question, Reply, told, turns, until } from "./support.ts";

describe.each(Object.entries(SITES))("%s", (_name, start) => {
  const site = (agent: Agent, options: Partial<ExposeOptions> = {}, names?: Names): Promise<Site> =>
    start(networkOf(agent).expose({ protocol: "sse", ...options }), names);

  it("resumes at its own URL by Last-Event-ID, by any method, and never starts a run for one", async () => {
    let calls = 0;
    const counted = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply])
      .logic(async (context) => {
        calls += 1;
        await greeter.invoke(context as never);
      })
      .produce();
    const { fetch } = await site(counted);
    const text = await (await fetch("/api/chat", ask)).text();
    const ids = Array.from(text.matchAll(/^id: (.*)$/gm), ([, id = ""]) => id);
    expect(ids).toHaveLength(4);
    for (const [at, id] of ids.entries()) {
      for (const init of [{ headers: { "last-event-id": id } }, { ...ask, headers: { "last-event-id": id } }]) {
        const response = await fetch(asked({ query: "Hi" }), init);
        if (at === 3) expect(response.status).toBe(204);
        else expect(told(await eventsOf(response))).toEqual(HELLO.slice(at));
      }
    }
    expect(calls).toBe(1);
    expect((await fetch("/api/chat", { headers: { "last-event-id": "12" } })).status).toBe(400);
    const unknown = `run_${"0".repeat(32)}~12`;
    expect((await fetch("/api/chat", { headers: { "last-event-id": unknown } })).status).toBe(404);
    expect(calls).toBe(1);
  });

  it("resumes and stops by Location, and a stop reaches the agents", async () => {
    const { agent, signals } = waiting();
    const { fetch } = await site(agent);
    const response = await fetch("/api/chat", ask);
    const location = response.headers.get("location") ?? "";
    expect(location).toBe(`/api/chat/runs/${response.headers.get("sluice-run-id")}/events?dialect=envelope`);
    const first = await readUntil(response, "Hello");
    const second = await readUntil(await fetch(location), "Hello");
    expect(second.text).toContain("event: start");
    const stopped = await fetch(location.replace(/events.*/, "stop"), { method: "POST" });
    expect([200, 202]).toContain(stopped.status);
    for (const reader of [first, second])
      expect(await reader.rest()).toMatch(/"payload":\{"finishReason":"abort"\}\}\n\n$/);
    expect(signals[0]?.aborted).toBe(true);
    expect((await fetch(location, { method: "POST" })).status).toBe(405);
  });

  it("goes on when its reader leaves, stops or throws when it is told to", async () => {
    const of = async (
      onDisconnect: ExposeOptions["onDisconnect"],
    ): Promise<{ readonly events: readonly string[]; readonly reason: unknown }> => {
      const { agent, gate, signals } = waiting();
      const { fetch } = await site(agent, onDisconnect ? { onDisconnect } : {});
      const left = await fetch("/api/chat", ask);
      const location = left.headers.get("location") ?? "";
      await (await readUntil(left, "Hello")).leave();
      if (onDisconnect) await until(() => signals[0]?.aborted === true);
      gate.open();
      const events = told(await eventsOf(await fetch(location)));
      return { events, reason: signals[0]?.reason };
    };
    expect((await of(undefined)).events).toEqual(HELLO);
    expect((await of("stop")).events).toEqual([HELLO[0], 'done {"finishReason":"abort"}']);
    const thrown = await of("throw");
    expect(thrown.events).toEqual([HELLO[0], 'error {"message":"Client disconnected","code":"reader/left"}']);
    expect(thrown.reason).toMatchObject({ code: "reader/left", message: "Client disconnected" });
  });

  it("with waitForReader lets emit wait until somebody has taken the event", async () => {
    let emitted = 0;
    const gate = createGate();
    const agent = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply])
      .logic(async ({ emit }) => {
        await gate.opened;
        for (; emitted < 50; emitted += 1) await emit(Reply.make({ text: "x".repeat(100) }));
      })
      .produce();
    const network = AgentNetwork.setup(({ mainChannel, createChannel, sink, registerAgent }) => {
      const client = createChannel("client").sink(sink.httpStream({ waitForReader: true }));
      registerAgent(agent).subscribe(mainChannel).publishTo(client);
    });
    const { fetch } = await start(network.expose({ protocol: "sse" }));
    const response = await fetch("/api/chat", ask);
    const location = response.headers.get("location") ?? "";
    await (await readUntil(response, "event: start")).leave();
    gate.open();
    await turns(50);
    expect(emitted).toBeLessThanOrEqual(1); // nobody reads, though a server may not know it at once
    expect((await eventsOf(await fetch(location))).length).toBe(52);
    expect(emitted).toBe(50);
  });
});
