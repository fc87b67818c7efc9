import { MessagesAnnotation, END, START, StateGraph, type LangGraphRunnableConfig } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { graphEvents } from "../../src/graphs/langgraph.ts";
import { chat, model, one, providers, story } from "./langgraph-support.ts";
import { question, siteOf, told, until } from "./support.ts";

describe("a graph that fails", () => {
  it("in a node ends with error, whose message is nobody's secret", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("fail", (): object => {
        throw new Error("postgres://user:password@db");
      })
      .addEdge(START, "fail")
      .addEdge("fail", END)
      .compile();
    const site = siteOf({ graphs: [one(() => graph)] });
    const body = question("Hi", { requestId: "r" });
    const events = await told(await site.post("/stream", body));
    expect(events.at(-1)).toMatchObject({ event: "error", data: { code: "PROCESSING_ERROR" } });
    expect(JSON.stringify(events)).not.toContain("password");
    expect((await site.post("/generate", body)).status).toBe(500);
  });

  it("because its provider limits the rate says that", async () => {
    const llm = await model(function* () {
      yield { type: "status", status: 429, message: "slow down" };
    });
    const site = siteOf({ graphs: [one(() => chat(llm))] });
    const events = await told(await site.post("/stream", question("Hi")));
    expect(events.at(-1)).toMatchObject({ event: "error", data: { code: "llm/rate-limited" } });
  });

  it("because of another server, whose error has a status too, does not say that it was the model", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("fetch", (): object => {
        throw Object.assign(new Error("GET http://intranet/ failed"), { status: 403 });
      })
      .addEdge(START, "fetch")
      .addEdge("fetch", END)
      .compile();
    const site = siteOf({ graphs: [one(() => graph)] });
    const events = await told(await site.post("/stream", question("Hi")));
    expect(events.at(-1)).toMatchObject({ event: "error", data: { code: "PROCESSING_ERROR" } });
  });

  it("while it is built ends with error too", async () => {
    const site = siteOf({ graphs: [one(() => Promise.reject(new Error("no graph")))] });
    const events = await told(await site.post("/stream", question("Hi")));
    expect(events.at(-1)).toMatchObject({ event: "error", data: { code: "PROCESSING_ERROR" } });
  });
});

/** A graph of one node that says something, and then nothing until its signal fires. */
function hanging() {
  const seen = { entered: false, fired: false };
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("hang", async (_state, config: LangGraphRunnableConfig) => {
      config.writer?.("So far");
      seen.entered = true;
      await new Promise<void>((resolve) => {
        config.signal?.addEventListener("abort", () => resolve(), { once: true });
      });
      seen.fired = true;
      return {};
    })
    .addEdge(START, "hang")
    .addEdge("hang", END)
    .compile();
  return { graph, seen };
}

describe("a graph that is stopped", () => {
  it("has its signal fired in the node, and leaves what there is", async () => {
    const { graph, seen } = hanging();
    const site = siteOf({ graphs: [one(() => graph)] });
    const response = await site.post("/stream", question("Hi", { requestId: "req-1" }));
    await until(() => seen.entered);
    expect((await site.post("/cancel/req-1", {})).status).toBeLessThan(300);
    const events = await told(response);
    expect(events.at(-1)).toMatchObject({ event: "final", data: { metadata: { finishReason: "abort" } } });
    await until(() => seen.fired);
  });

  it("is told also when whoever reads its events leaves early", async () => {
    const { graph, seen } = hanging();
    const configurable = { thread_id: "t", context: {}, metadata: {}, graphSettings: {} };
    const config = { configurable, signal: new AbortController().signal };
    for await (const event of graphEvents(graph, { input: { messages: [] }, config, streamAll: false })) {
      if ("type" in event && event.type === "text-delta") break;
    }
    await until(() => seen.fired);
    expect(seen.fired).toBe(true);
  });

  it("takes the model's connection with it", async () => {
    const llm = await model(function* () {
      yield { type: "text", text: "Once" };
      yield { type: "stall" };
    });
    const site = siteOf({ graphs: [one(() => chat(llm))] });
    const response = await site.post("/stream", question("Hi", { requestId: "req-1" }));
    await until(() => providers[0]?.requests.length === 1);
    await site.post("/cancel/req-1", {});
    await told(response);
    expect(await providers[0]?.requests[0]?.disconnected).toBe(true);
  });

  // Flutch asked nobody who cancels: who knew or guessed a requestId ended another person's answer.
  // Here a key is its owner's; to anybody else there is no such run.
  it("is stopped by its owner alone", async () => {
    const llm = await model(function* () {
      yield { type: "text", text: "Once" };
      yield { type: "stall" };
    });
    const site = siteOf({ graphs: [one(() => chat(llm))] });
    const response = await site.post("/stream", question("Hi", { requestId: "req-1" }));
    expect((await site.post("/cancel/req-1", {}, { "x-owner": "mallory" })).status).toBe(404);
    expect((await site.post("/cancel/req-1", {}, { "x-owner": "nobody" })).status).toBe(401);
    const [run] = (await site.sluice.runs.list({ owner: "alice", limit: 10 })).runs;
    expect(run?.status).toBe("running");
    await site.post("/cancel/req-1", {});
    await told(response);
  });
});

describe("a reader that leaves", () => {
  // In Flutch the graph went on for a client that had gone, and nobody could read what it said any more.
  // Here the run is a log: whoever comes back with the last id has the rest, each event once.
  it("comes back by Last-Event-ID and has every event once", async () => {
    const llm = await model(story);
    const site = siteOf({ graphs: [one(() => chat(llm))] });
    const body = question("Tell me a story", { requestId: "req-1" });
    const whole = await told(await site.post("/stream", body));
    const [run] = (await site.sluice.runs.list({ owner: "alice", limit: 10 })).runs;
    for (const [index, { id = "" }] of whole.entries()) {
      const response = await site.get(`/runs/${run?.id}/events?dialect=graph`, { "last-event-id": id });
      expect(await told(response)).toEqual(whole.slice(index + 1));
    }
    expect(providers[0]?.requests).toHaveLength(1);
  });
});
