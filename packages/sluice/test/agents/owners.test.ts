import { describe, expect, it } from "vitest";
import { AgentFactory, type Agent, type Envelope, type ExposeOptions } from "../../src/agents/index.ts";
import { HELLO, SITES, as, ask, asked, byName, codeOf, post, waiting, type Names, type Site } from "./sites.ts";
import { eventsOf, greeter, networkOf, Question, Reply, told, until } from "./support.ts";

describe.each(Object.entries(SITES))("%s", (_name, start) => {
  const site = (agent: Agent, options: Partial<ExposeOptions> = {}, names?: Names): Promise<Site> =>
    start(networkOf(agent).expose({ protocol: "sse", ...options }), names);

  it("refuses whom auth refuses, with its status, and shows a run to its owner alone", async () => {
    const auth: NonNullable<ExposeOptions["auth"]> = (request) =>
      request.request.headers.get("x-user") === "debtor"
        ? { allowed: false, status: 402, message: "Pay first." }
        : byName(request);
    const { fetch } = await site(greeter, { auth });
    const nobody = await fetch("/api/chat", ask);
    expect([nobody.status, await codeOf(nobody)]).toEqual([401, "auth/required"]);
    const debtor = await fetch("/api/chat", post({ query: "Hi" }, as("debtor")));
    expect([debtor.status, await debtor.text()]).toEqual([402, expect.stringContaining("Pay first.")]);
    const response = await fetch("/api/chat", post({ query: "Hi" }, as("alice")));
    await response.text();
    const location = response.headers.get("location") ?? "";
    const stop = location.replace(/events.*/, "stop");
    expect((await fetch(location, { headers: as("alice") })).status).toBe(200);
    expect((await fetch(location, { headers: as("bob") })).status).toBe(404);
    expect((await fetch(location, { headers: as("guest") })).status).toBe(404);
    expect((await fetch(location)).status).toBe(401);
    expect((await fetch(stop, { method: "POST", headers: as("bob") })).status).toBe(404);
    const id = `${response.headers.get("sluice-run-id")}~12`;
    expect((await fetch("/api/chat", { headers: { ...as("bob"), "last-event-id": id } })).status).toBe(404);
  });

  it("attaches to the run of the same owner and key, and to nobody else's", async () => {
    const names: Names = (headers) => ({ runId: headers.get("x-run") ?? undefined });
    const { fetch } = await site(greeter, { auth: byName }, names);
    const idOf = async (user: string, headers: Record<string, string>, query = "Hi"): Promise<string | null> => {
      const response = await fetch("/api/chat", post({ query }, { ...as(user), ...headers }));
      await response.text();
      return response.status === 200 ? response.headers.get("sluice-run-id") : String(response.status);
    };
    const first = await idOf("alice", { "x-run": "7" });
    expect(await idOf("alice", { "x-run": "7" })).toBe(first);
    expect(await idOf("alice", { "idempotency-key": "7" })).toBe(first);
    expect(await idOf("alice", { "x-run": "7" }, "Ho")).toBe("409");
    expect(await idOf("bob", { "x-run": "7" })).not.toBe(first);
    // Without an owner a key that can be guessed must not lead to somebody else's run.
    expect(await idOf("guest", { "x-run": "7" })).not.toBe(await idOf("guest", { "x-run": "7" }));
    const uuid = crypto.randomUUID();
    expect(await idOf("guest", { "x-run": uuid })).toBe(await idOf("guest", { "x-run": uuid }));
  });

  it("attaches a GET that comes again before its first frame to the run that goes on, for an owner it knows", async () => {
    const { agent, gate, signals } = waiting();
    const { fetch } = await site(agent, { auth: byName });
    const get = (user: string): Promise<Response> => fetch(asked({ query: "Hi" }), { headers: as(user) });
    const all = await Promise.all([get("alice"), get("alice"), get("bob"), get("guest"), get("guest")]);
    expect(new Set(all.map(({ headers }) => headers.get("sluice-run-id"))).size).toBe(4);
    await until(() => signals.length === 4);
    gate.open();
    for (const response of all) expect(told(await eventsOf(response))).toEqual(HELLO);
    expect((await get("alice")).headers.get("sluice-run-id")).not.toBe(all[0]?.headers.get("sluice-run-id"));
  });

  it("refuses a GET that another site sends, or a link", async () => {
    const { fetch } = await site(greeter);
    for (const headers of [{ "sec-fetch-site": "cross-site" }, { accept: "text/html" }]) {
      expect((await fetch(asked({ query: "Hi" }), { headers: headers as never })).status).toBe(403);
    }
  });

  it("tells agents what several runs of a context had, by owner", async () => {
    const counts: Record<string, number[]> = {};
    const counting = AgentFactory.run()
      .listensTo([Question])
      .emits([Reply])
      .logic(({ contextEvents, triggerEvent, emit }) => {
        (counts[triggerEvent.payload.query] ??= []).push(contextEvents.map.size);
        return emit(Reply.make({ text: "Hello" }));
      })
      .produce();
    const { fetch } = await site(counting, { auth: byName }, () => ({ contextId: "talk" }));
    for (const user of ["alice", "bob", "alice", "guest", "guest"]) {
      const events = await eventsOf(await fetch("/api/chat", post({ query: user }, as(user))));
      const { meta } = JSON.parse(events[1]?.data ?? "") as Envelope;
      expect(meta).toEqual({ runId: expect.stringMatching(/^run_/), contextId: "talk" });
    }
    expect(counts).toEqual({ alice: [1, 2], bob: [1], guest: [1, 1] });
  });
});
