import { createServer, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import express from "express";
import { afterEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import {
  AgentFactory,
  AgentNetwork,
  AgentNetworkEvent,
  ExpressEndpoint,
  NextEndpoint,
  type Agent,
  type ExposedAPI,
} from "../../src/agents/index.ts";
import { createContexts } from "../../src/agents/contexts.ts";
import type { Logger } from "../../src/base/log.ts";
import { answering, meta, Start, Step } from "./harness.ts";
import { as, ask, asked, byName, codeOf, HELLO, post, served, SITES, waiting } from "./sites.ts";
import { eventsOf, listen, networkOf, Question, Reply, told, turns, until } from "./support.ts";

const closes: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
});

const Anything = AgentNetworkEvent.of("request", z.unknown());

/** Says the keys of what it was asked. */
const echo: Agent = AgentFactory.run()
  .listensTo([Anything])
  .emits([Reply])
  .logic(({ triggerEvent, emit }) => emit(Reply.make({ text: JSON.stringify(triggerEvent.payload) })))
  .produce();

describe("agents that answer each other without end", () => {
  // Two agents that never agreed ran from one microtask to the next: no stream of anybody moved, no time limit came,
  // and the stop that a user asked for was never read.
  it("leave the process its turns, and are stopped", async () => {
    const network = AgentNetwork.setup(({ mainChannel, createChannel, registerAgent }) => {
      const back = createChannel("back");
      registerAgent(answering(Start, Step, (n) => [n + 1]))
        .subscribe(mainChannel)
        .publishTo(back);
      registerAgent(answering(Step, Start, (n) => (n < 200_000 ? [n + 1] : [])))
        .subscribe(back)
        .publishTo(mainChannel);
    });
    const plane = network.run();
    void plane.publish("main", Start.makeBound(meta(), 0));
    const ended = plane.ended("one");
    await turns(2);
    expect(plane.running).toBe(1);
    plane.stop("one");
    await expect(ended).rejects.toThrow("stopped");
  });

  // A generator without end is what a broken model's stream is: one call, nobody listening.
  it("or one that emits without end, to nobody", async () => {
    let emitted = 0;
    const agent = AgentFactory.run()
      .listensTo([Start])
      .emits([Step])
      .logic(async ({ emit }) => {
        for (; emitted < 200_000; emitted += 1) await emit(Step.make(1));
      })
      .produce();
    const plane = AgentNetwork.setup(({ mainChannel, createChannel, registerAgent }) => {
      registerAgent(agent).subscribe(mainChannel).publishTo(createChannel("out"));
    }).run();
    void plane.publish("main", Start.makeBound(meta(), 0));
    await turns(2);
    plane.stop("one");
    await turns(2);
    expect(emitted).toBeLessThan(10_000);
  });
});

describe("a run that is stopped", () => {
  // The model of an agent that had not begun was called after the stop, and a sink was written to after its `end`.
  it("calls no agent any more, and writes to no sink", async () => {
    const calls: string[] = [];
    const agent = AgentFactory.run()
      .listensTo([Start])
      .logic(() => void calls.push("agent"))
      .produce();
    const plane = AgentNetwork.setup(({ mainChannel, registerAgent }) => {
      registerAgent(agent).subscribe(mainChannel);
      mainChannel.sink({
        kind: "test",
        write: () => void calls.push("write"),
        end: () => void calls.push("end"),
      });
    }).run();
    void plane.publish("main", Start.makeBound(meta(), 0));
    plane.stop("one");
    await turns(2);
    expect(calls).toEqual([]);
  });
});

describe("what a context keeps", () => {
  const event = (payload: unknown) => ({ name: "e", meta: meta(), payload });

  // Runs that began with nothing were kept under the context that the request named, and counted nothing: a client that
  // named a new one each time filled the memory.
  it("is nothing of a run without events", () => {
    const contexts = createContexts(10);
    contexts.add("c", "run", []);
    expect(contexts.read("c").map.size).toBe(0);
  });

  // 100,000 events were kept whether they had ten bytes or a mebibyte each.
  it("goes by its size, not by its number alone", () => {
    const contexts = createContexts(100);
    contexts.add("a", "run", [event("x")]);
    contexts.add("b", "run", [event({ parts: ["x".repeat(60 << 10)] })]);
    contexts.add("c", "run", [event(new Uint8Array(60 << 10))]);
    expect(["a", "b", "c"].map((key) => contexts.read(key).map.size)).toEqual([0, 0, 1]);
    const circle: { self?: unknown } = {};
    circle.self = circle;
    contexts.add("d", "run", [event(circle)]);
    expect(contexts.read("d").map.size).toBe(0);
  });
});

describe("auth", () => {
  // An app with passport has its user on the request. Whoever started a run could neither resume nor stop it (401), as
  // `auth` was not given the request then; and a status that `auth` asked for came as 403.
  it("sees the same of a request whatever is asked, and its status counts", async () => {
    const { agent, gate } = waiting();
    const api = networkOf(agent).expose({
      protocol: "sse",
      auth({ req }) {
        const user = req && "user" in req ? String(req.user) : undefined;
        return user === undefined ? { allowed: false, status: 418 } : { allowed: true, owner: user };
      },
    });
    const app = express();
    app.use((req, _res, next) => {
      const user = req.headers["x-user"];
      if (user !== undefined) Object.assign(req, { user });
      next();
    });
    app.use("/api/chat", ExpressEndpoint.from(api).handler() as never);
    const site = await served(app);
    const started = await site.fetch("/api/chat", { ...ask, headers: as("ann") });
    const location = String(started.headers.get("location"));
    const stop = location.replace(/events.*/, "stop");
    const seen: unknown[] = [];
    for (const headers of [{}, as("bob"), as("ann")] as Record<string, string>[]) {
      const events = await site.fetch(location, { headers });
      seen.push(events.status);
      await events.body?.cancel();
      seen.push((await site.fetch(stop, { method: "POST", headers })).status);
    }
    gate.open();
    expect(seen).toEqual([418, 418, 404, 404, 200, 202]);
    const again = { headers: { ...as("ann"), "last-event-id": `${location.split("/").at(-2)}~11` } };
    expect((await site.fetch("/api/chat", again)).status).toBe(200);
    await started.body?.cancel();
  });
});

describe.each(Object.entries(SITES))("%s", (_name, open) => {
  const api = (): ExposedAPI => networkOf(echo).expose({ protocol: "sse", auth: byName });

  // A payload of brackets was a 500 by GET, and `__proto__` reached whatever agents made of the payload.
  it("refuses a payload that is too deep, or reaches prototypes", async () => {
    const site = await open(api());
    const bodies = ["[".repeat(1_000) + "]".repeat(1_000), '{"a":[{"__proto__":{"isAdmin":true}}]}'];
    for (const body of bodies) {
      const headers = { ...as("ann"), "content-type": "application/json" };
      const posted = await site.fetch("/api/chat", { method: "POST", body, headers });
      expect([posted.status, await codeOf(posted)]).toEqual([422, "request/invalid"]);
      const got = await site.fetch(`/api/chat?payload=${encodeURIComponent(body)}`, { headers });
      expect([got.status, await codeOf(got)]).toEqual([422, "request/invalid"]);
    }
  });

  // A slip in `?dialect=` was a 422 after the model had been called, and each repetition called it again.
  it("starts nothing for a dialect that it does not speak", async () => {
    const { agent, signals } = waiting();
    const site = await open(networkOf(agent).expose({ protocol: "sse" }));
    const refused = await site.fetch("/api/chat?dialect=nope", ask);
    expect([refused.status, await codeOf(refused), signals.length]).toEqual([422, "dialect/unknown", 0]);
  });

  // `fetch(url, {mode: "no-cors", credentials: "include", method: "POST", body})` needs nobody's leave.
  it("starts nothing for a page of another site that need not ask first", async () => {
    const site = await open(api());
    const foreign = (type: string): RequestInit =>
      post({ query: "Hi" }, { ...as("ann"), "sec-fetch-site": "cross-site", "content-type": type });
    for (const type of ["text/plain;charset=UTF-8", "text/plain; x=application/json"]) {
      const refused = await site.fetch("/api/chat", foreign(type));
      expect([refused.status, await codeOf(refused)]).toEqual([403, "request/refused-origin"]);
    }
    expect((await site.fetch("/api/chat", foreign("application/json"))).status).toBe(200);
  });

  // `requestToRunId: (req) => req.headers["x-run"] ?? ""` made one run of all that an owner asked without that header;
  // a query that named the run twice was a list for a name.
  it("takes a name that is empty for none, and refuses what is no name", async () => {
    const named = (contextId: unknown, runId: unknown) => () => ({ contextId, runId }) as { runId: string };
    const one = await open(api(), named("", ""));
    const ids: unknown[] = [];
    for (const _ of [1, 2]) {
      const response = await one.fetch("/api/chat", post({ query: "Hi" }, as("ann")));
      ids.push(response.headers.get("sluice-run-id"));
      expect(await response.text()).not.toContain("contextId");
    }
    expect(new Set(ids).size).toBe(2);
    for (const wrong of [["a", "b"], 5, "x".repeat(257)]) {
      for (const names of [named(wrong, undefined), named(undefined, wrong)]) {
        const refused = await (await open(api(), names)).fetch("/api/chat", post({ query: "Hi" }, as("ann")));
        expect([refused.status, await codeOf(refused)]).toEqual([422, "request/invalid"]);
      }
    }
  });

  // `requestToContextId: (req) => req.body.thread` throws where nothing has parsed the body: behind `node:http` that was
  // the end of the process.
  it("answers when a function that names throws", async () => {
    const site = await open(api(), () => {
      throw new TypeError("Cannot read properties of undefined");
    });
    const response = await site.fetch("/api/chat", post({ query: "Hi" }, as("ann")));
    expect([response.status, await codeOf(response)]).toEqual([500, "PROCESSING_ERROR"]);
  });

  // `GET ?payload=…&lang=de` while the same question in English was being answered got the English answer. So did
  // `GET /api/chat/de?payload=…` where one handler answers several paths.
  it.each([
    ["query", ["?lang=de&", "?lang=en&", "?lang=en&"]],
    ["path", ["/de?", "/en?", "/en?"]],
  ])("takes a GET with another %s for another question", async (_part, places) => {
    const { agent, gate } = waiting();
    const network = networkOf(agent);
    const site = await open(
      network.expose({
        protocol: "sse",
        auth: byName,
        onRequest({ req, emitStartEvent }) {
          emitStartEvent({ event: Question.make({ query: req.request.url }) });
        },
      }),
    );
    const get = (place: string): Promise<Response> =>
      site.fetch(asked({ query: "Hi" }).replace("?", place), { headers: as("ann") });
    const answers = await Promise.all(places.map(get));
    const ids = answers.map(({ headers }) => headers.get("sluice-run-id"));
    expect(ids[1]).toBe(ids[2]);
    expect(ids[0]).not.toBe(ids[1]);
    gate.open();
    for (const answer of answers) expect(told(await eventsOf(answer))).toEqual(HELLO);
  });
});

describe("a foreign message", () => {
  // arktype says `must be "a" or "b" (was "<what the agent had>")`: it was sent to the client.
  it("of a schema stays in the log when an agent's own event does not fit, and is told of the caller's payload", async () => {
    const Fixed = AgentNetworkEvent.of(
      "request",
      z.object({ query: z.string().refine((text) => text !== "bad", "must not be bad") }),
    );
    const Secret = AgentNetworkEvent.of(
      "answer",
      z.string().refine(() => false, { error: ({ input }) => `(was ${String(input)})` }),
    );
    const agent = AgentFactory.run()
      .listensTo([Fixed])
      .emits([Secret])
      .logic(({ emit }) => emit({ name: "answer", payload: "sk-123" }))
      .produce();
    const log = vi.fn<Logger>();
    const api = networkOf(agent).expose({ protocol: "sse", log });
    const handler = NextEndpoint.from(api).handler();
    const text = await (await handler(new Request("http://x/chat", ask))).text();
    expect(text).toContain("agents/invalid-event");
    expect(text).not.toContain("sk-123");
    const [level, message, fields] = log.mock.calls[0] ?? [];
    expect([level, message]).toEqual(["info", "run interrupted"]);
    expect(fields).toMatchObject({ error: { cause: { message: "(was sk-123)" } } });
    const refused = await handler(new Request("http://x/chat", post({ query: "bad" })));
    expect([refused.status, await refused.text()]).toEqual([422, expect.stringContaining("must not be bad")]);
  });
});

describe("a connection", () => {
  // Each request that waited behind another one on its connection left a listener of its own on the socket: Node warned
  // of a leak at the eleventh.
  it("has no listener more for a request more that waits behind another one", async () => {
    const { agent, gate } = waiting();
    const handler = ExpressEndpoint.from(networkOf(agent).expose({ protocol: "sse" })).handler();
    const requests: IncomingMessage[] = [];
    const { url, close } = await listen(
      createServer((req, res) => {
        requests.push(req);
        void handler(req, res);
      }),
    );
    closes.push(close);
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    const body = '{"query":"Hi"}';
    const one = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const count = (): number => requests[0]?.socket.listenerCount("close") ?? 0;
    socket.write(one.repeat(2));
    await until(() => requests.length === 2 && text.includes("Hello"));
    await turns(5);
    const before = count();
    socket.write(one.repeat(20));
    await until(() => requests.length === 22);
    await turns(5);
    expect(count()).toBe(before);
    gate.open();
    await until(() => text.split("event: done").length === 23);
    socket.destroy();
  });
});
