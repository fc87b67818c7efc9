import express from "express";
import { EventSource } from "eventsource";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  AgentFactory,
  AgentNetwork,
  AgentNetworkEvent,
  ExpressEndpoint,
  type Agent,
  type Envelope,
  type ExposeOptions,
} from "../../src/agents/index.ts";
import { openEventStream, stopRun } from "../../src/client/index.ts";
import { HELLO, SITES, as, ask, asked, byName, codeOf, post, served, waiting, type Names, type Site } from "./sites.ts";
import { eventsOf, greeter, networkOf, Question, Reply, told, turns, until } from "./support.ts";

describe.each(Object.entries(SITES))("%s", (_name, start) => {
  const site = (agent: Agent, options: Partial<ExposeOptions> = {}, names?: Names): Promise<Site> =>
    start(networkOf(agent).expose({ protocol: "sse", ...options }), names);

  it.each([
    ["application/json", { "content-type": "application/json" }],
    ["no type of its own, as fetch sends a string", {}],
    ["text/plain", { "content-type": "text/plain;charset=UTF-8" }],
  ])("answers a POST with %s", async (_type, headers: Record<string, string>) => {
    const { fetch } = await site(greeter);
    const response = await fetch("/api/chat", post({ query: "Hi" }, headers));
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    expect(told(await eventsOf(response))).toEqual(HELLO);
  });

  it("answers a GET by its payload", async () => {
    const echo = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply])
      .logic(({ triggerEvent, emit }) => emit(Reply.make({ text: triggerEvent.payload.query })))
      .produce();
    const { fetch } = await site(echo);
    expect(told(await eventsOf(await fetch(asked({ query: "Grüße & 100 %" }))))[0]).toBe(
      'agent-response {"text":"Grüße & 100 %"}',
    );
  });

  it("has for an event what the document shows", async () => {
    const { fetch } = await site(greeter);
    const response = await fetch("/api/chat", ask);
    const runId = response.headers.get("sluice-run-id");
    const text = await response.text();
    expect(text).toContain(
      `event: agent-response\nid: ${runId}~12\ndata: {"name":"agent-response","meta":{"runId":"${runId}"},"payload":{"text":"Hello"}}\n\n`,
    );
    expect(text).toMatch(/event: done\n.*\n.*"payload":\{"finishReason":"stop"\}\}\n\n$/);
  });

  it("refuses what the schema does not take, before there is a run, and names the field", async () => {
    const { fetch } = await site(greeter);
    for (const response of [
      await fetch("/api/chat", post({ query: 1 })),
      await fetch("/api/chat"),
      await fetch("/api/chat", { method: "POST" }),
    ]) {
      expect(response.status).toBe(422);
      expect(await response.text()).toContain("payload.query");
    }
    expect(await codeOf(await fetch("/api/chat", { method: "POST", body: "{" }))).toBe("request/malformed-json");
    expect((await fetch("/api/chat", { method: "PUT", body: "{}" })).status).toBe(405);
    expect((await fetch("/api/chat", { ...ask, headers: { "content-type": "image/png" } })).status).toBe(415);
  });

  it("reports an agent that throws as an error terminal, without its message", async () => {
    const failing = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply])
      .logic(async ({ emit }) => {
        await emit(Reply.make({ text: "Hello" }));
        throw new Error("the password is 1234");
      })
      .produce();
    const { fetch } = await site(failing);
    const events = await eventsOf(await fetch("/api/chat", ask));
    expect(told(events)).toEqual([
      HELLO[0],
      'error {"message":"The answer could not be completed.","code":"PROCESSING_ERROR"}',
    ]);
    expect(JSON.stringify(events)).not.toContain("1234");
  });

  it("lets onRequest say what a run begins with", async () => {
    const onRequest: ExposeOptions["onRequest"] = async ({ emitStartEvent, setContextId, setRunId, payload, req }) => {
      await turns(1);
      setContextId(req.request.headers.get("x-context") ?? "");
      setRunId("mine");
      const { words } = payload as { readonly words: readonly string[] };
      for (const query of words) emitStartEvent({ event: Question.make({ query }) });
    };
    const echo = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply])
      .logic(({ triggerEvent: { payload }, emit }) => emit(Reply.make({ text: payload.query })))
      .produce();
    const { fetch } = await site(echo, { onRequest });
    const events = await eventsOf(await fetch("/api/chat", post({ words: ["a", "b"] }, { "x-context": "c" })));
    expect(told(events)).toEqual(['agent-response {"text":"a"}', 'agent-response {"text":"b"}', HELLO[2]]);
    expect((JSON.parse(events[1]?.data ?? "") as Envelope).meta).toMatchObject({
      contextId: "c",
      correlationId: "mine",
    });
    expect(told(await eventsOf(await fetch("/api/chat", post({ words: [] }))))).toEqual([HELLO[2]]);
    expect((await fetch("/api/chat", post({}))).status).toBe(500);
  });

  it("streams the channels and events that are selected", async () => {
    const Note = AgentNetworkEvent.of("note", z.string());
    const agent = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply, Note])
      .logic(async ({ emit }) => {
        await emit(Note.make("for us"));
        await emit(Reply.make({ text: "Hello" }));
      })
      .produce();
    const network = AgentNetwork.setup(({ mainChannel, createChannel, sink, registerAgent }) => {
      const [client, log] = [createChannel("client"), createChannel("log").sink(sink.httpStream())];
      registerAgent(agent)
        .subscribe(mainChannel)
        .publishTo(client.events([Reply]))
        .publishTo(log.events([Note]));
    });
    const of = async (select: ExposeOptions["select"]): Promise<readonly string[]> => {
      const { fetch } = await start(network.expose({ protocol: "sse", ...(select ? { select } : {}) }));
      return told(await eventsOf(await fetch("/api/chat", ask))).slice(0, -1);
    };
    expect(await of(undefined)).toEqual(['note "for us"']);
    expect(await of({ channels: "client" })).toEqual([HELLO[0]]);
    expect(await of({ channels: ["log", "client"], events: ["agent-response"] })).toEqual([HELLO[0]]);
    expect(() => network.expose({ protocol: "sse", select: { channels: "nowhere" } })).toThrow(/no channel nowhere/);
  });

  it("keeps the order of what is emitted without await, and delivers empty text", async () => {
    const agent = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply])
      .logic(({ emit }) => {
        for (let at = 0; at < 500; at += 1) void emit({ name: "agent-response", payload: { text: String(at) } });
        void emit({ name: "agent-response", payload: { text: "" } });
      })
      .produce();
    const { fetch } = await site(agent);
    const events = told(await eventsOf(await fetch("/api/chat", ask)));
    const texts = [...Array.from({ length: 500 }, (_, at) => String(at)), ""];
    expect(events).toEqual([...texts.map((text) => `agent-response ${JSON.stringify({ text })}`), HELLO[2]]);
  });

  it("ends the run, and not the process, when what nobody awaits is refused", async () => {
    const agent = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply])
      .logic(async ({ emit, signal }) => {
        void emit({ name: "agent-response", payload: { text: 1 } as never });
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      })
      .produce();
    const { fetch } = await site(agent);
    const [last] = told(await eventsOf(await fetch("/api/chat", ask)));
    expect(last).toMatch(/^error .*"code":"agents\/invalid-event"/);
  });
});

describe("clients", () => {
  it("of the browser: an EventSource gets the answer, and does not ask again after its end", async () => {
    let calls = 0;
    const counted = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply])
      .logic((context) => {
        calls += 1;
        return greeter.invoke(context as never);
      })
      .produce();
    const app = express();
    let requests = 0;
    app.use((_req, _res, next) => {
      requests += 1;
      next();
    });
    app.get("/api/chat", ExpressEndpoint.from(networkOf(counted).expose({ protocol: "sse" })).handler() as never);
    const { url } = await served(app);
    const source = new EventSource(url + asked({ query: "Hi" }));
    const texts: string[] = [];
    source.addEventListener("agent-response", ({ data }) =>
      texts.push((JSON.parse(data as string) as { payload: { text: string } }).payload.text),
    );
    await new Promise<void>((resolve) => source.addEventListener("done", () => resolve()));
    // It comes back, as it does after every end, and is told that there is nothing more.
    await until(() => source.readyState === EventSource.CLOSED);
    expect([texts, calls, requests]).toEqual([["Hello", " World"], 1, 2]);
  });

  it("of ours read to the end, and stop a run by its Location", async () => {
    const { agent, signals } = waiting();
    const app = express();
    app.use("/api/chat", ExpressEndpoint.from(networkOf(agent).expose({ protocol: "sse" })).handler() as never);
    const { url } = await served(app);
    const reader = openEventStream(`${url}/api/chat`, { body: { query: "Hi" } });
    const names: (string | undefined)[] = [];
    for await (const { event, data } of reader) {
      names.push(event);
      const { meta } = JSON.parse(data) as Envelope;
      if (event === "agent-response") await stopRun(`${url}/api/chat/runs/${meta.runId}`);
    }
    expect(names).toEqual(["start", "agent-response", "done"]);
    expect(signals[0]?.aborted).toBe(true);
  });
});

describe("expose", () => {
  it("refuses a start event that nobody listens to, and names that clients take for the end", () => {
    expect(() => networkOf(greeter).expose({ protocol: "sse", startEventName: "reqest" })).toThrow(
      /Nobody .* listens to reqest/,
    );
    const Bad = AgentNetworkEvent.of("error", z.string());
    const agent = AgentFactory.run()
      .listensTo([Question])
      .emits([Bad])
      .logic(() => {})
      .produce();
    expect(() => networkOf(agent).expose({ protocol: "sse" })).toThrow(
      expect.objectContaining({ code: "chat/reserved-event" }),
    );
    expect(networkOf(agent).expose({ protocol: "sse", select: { events: ["other"] } }).protocol).toBe("sse");
  });

  it("takes a plane of its own network only", () => {
    const plane = networkOf(greeter).run();
    expect(() => networkOf(greeter).expose({ protocol: "sse", plane })).toThrow(/of another network/);
  });

  it("takes a sluice that others share only with owners", async () => {
    const { sluice } = networkOf(greeter).expose({ protocol: "sse" });
    expect(() => networkOf(greeter).expose({ protocol: "sse", sluice })).toThrow(
      expect.objectContaining({ code: "option/invalid" }),
    );
    const api = networkOf(greeter).expose({ protocol: "sse", sluice, auth: byName });
    expect((await api.handle(new Request("http://a.test/", { ...ask, headers: as("guest") }))).status).toBe(401);
    const response = await api.handle(new Request("http://a.test/", { ...ask, headers: as("alice") }));
    expect(told(await eventsOf(response))).toEqual(HELLO);
    expect((await sluice.runs.get(response.headers.get("sluice-run-id") ?? ""))?.owner).toBe("alice");
  });

  it("does not list, cancel or start anything for those without an owner on its sluice's own routes", async () => {
    const { sluice } = networkOf(greeter).expose({ protocol: "sse" });
    expect((await sluice.handle(new Request("http://a.test/runs"))).status).toBe(401);
    expect((await sluice.handle(new Request("http://a.test/cancel/x", { method: "POST" }))).status).toBe(401);
  });
});
