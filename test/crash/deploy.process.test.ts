import { startOpenAIServer, startRedisServer, type OpenAIStep } from "sluice/testing";
import { afterAll, expect, it } from "vitest";
import { startBalancer } from "./balancer.ts";
import { folder, startGateway, withGateways } from "./gateways.ts";
import { ask, expectWhole, get, join, textOf, type RunView } from "./readers.ts";

withGateways();

const open: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(open.map((one) => one.close())));

/** A model that says words until it is told that they are enough. */
async function* words(round: number, isEnough: (said: number) => Promise<boolean>): AsyncGenerator<OpenAIStep> {
  let said = 0;
  do yield { type: "text", text: `${round}.${said} ` };
  while (!(await isEnough((said += 1))));
  yield { type: "finish" };
}

it("loses no token when the gateway of an answer is replaced: simple goes on elsewhere, ai-sdk stays", async () => {
  let script: () => AsyncIterable<OpenAIStep> = () => words(0, () => Promise.resolve(true));
  const provider = await startOpenAIServer({ script: () => script() });
  const redis = await startRedisServer();
  const balancer = await startBalancer();
  open.push(balancer, provider, redis);
  // Nobody is killed here: a lease is long enough for a gateway that the machine has no time for.
  const env = { SLUICE_STORE: redis.url, OPENAI_BASE_URL: provider.url, SLUICE_LEASE_MS: "10000" };
  let [old, other] = await Promise.all([startGateway(env), startGateway(env)]);
  // Each is replaced twice.
  for (let round = 1; round <= 4; round += 1) {
    let enough = Infinity;
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    script = () =>
      words(round, async (said) => {
        await begun;
        // A word follows when the one before has arrived, until the reader that moves has some of its new gateway.
        await staying.has(said);
        return moving.events.length >= enough && balancer.connections > 0;
      });
    balancer.setTargets([old.port]);
    const moving = ask(balancer.url, `Round ${round}`, { dialect: "simple" });
    await moving.has(2);
    const staying = join(balancer.url, moving.runId);
    await staying.has(2);
    balancer.setTargets([other.port]);
    begin();
    await moving.has(10 * round);
    old.signal("SIGTERM");
    await old.printed(/Open answers: 1\./);
    enough = moving.events.length + 60;

    expect([await moving.outcome, await staying.outcome]).toEqual(["finish", "finish"]);
    expect(balancer.connections).toBe(1);
    expect(await old.ended).toBe(0);
    for (const reader of [moving, staying]) await expectWhole(other.url, reader);
    const text = textOf(staying);
    const count = text.split(" ").length - 1;
    expect(text).toBe(Array.from({ length: count }, (_, said) => `${round}.${said} `).join(""));
    expect(count).toBeGreaterThan(60);
    expect(moving.events.find(({ event }) => event === "message")?.data).toContain(JSON.stringify(text));
    expect(provider.requests).toHaveLength(round);
    [old, other] = [other, await startGateway(env)];
  }
});

it("keeps answers, threads, the cookie and what was cut, when a gateway on disk is ended and when it is killed", async () => {
  const directory = folder();
  // Nobody needs a key: owners are known by their cookie.
  const env = { SLUICE_STORE: "disk:./data", SLUICE_DRAIN_MS: "1", SLUICE_API_KEYS: "" };
  let gateway = await startGateway(env, directory);
  const first = await fetch(`${gateway.url}/stream`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ threadId: "t", message: { content: "words=8 rate=max Remember me" } }),
  });
  await first.text();
  const cookie = first.headers.get("set-cookie")?.split(";")[0] ?? "";
  const headers = { cookie, connection: "close" };
  const finished = first.headers.get("sluice-run-id") ?? "";

  for (const [round, end] of (["SIGTERM", "SIGKILL", "SIGTERM"] as const).entries()) {
    const running = ask(gateway.url, "words=20000 ttft=0 rate=200", { threadId: `cut ${round}`, headers });
    await running.has(20);
    const [thread, run] = await Promise.all([
      get<object>(gateway.url, "/threads/t", headers),
      get<RunView>(gateway.url, `/runs/${finished}`, headers),
    ]);
    expect(thread).toMatchObject({ messages: [{ role: "user" }, { role: "assistant", runId: finished }] });
    expect(run).toMatchObject({ status: "finished" });
    gateway.signal(end);
    if (end === "SIGTERM") {
      expect(await running.outcome).toBe("run/shutdown");
      expect(await gateway.ended).toBe(0);
    } else {
      await gateway.ended;
      running.leave();
      await running.outcome;
    }
    const { runId, events: before } = running;
    gateway = await startGateway(env, directory);

    expect(await get<object>(gateway.url, "/threads/t", headers)).toEqual(thread);
    expect(await get<RunView>(gateway.url, `/runs/${finished}`, headers)).toEqual(run);
    const again = join(gateway.url, runId, "ai-sdk", { headers });
    expect(await again.outcome).toBe(end === "SIGTERM" ? "run/shutdown" : "run/producer-lost");
    await expectWhole(gateway.url, again, headers);
    // What was read before the end goes on after it.
    const rest = join(gateway.url, runId, "ai-sdk", { headers, lastEventId: before.at(-1)?.id ?? "" });
    await rest.outcome;
    await expectWhole(gateway.url, { ...rest, runId, events: [...before, ...rest.events] }, headers);
    // What was said before the end is in the conversation.
    const said = await get<{ messages: readonly { content: string }[] }>(gateway.url, `/threads/cut ${round}`, headers);
    expect(said.messages.map(({ content }) => content)[1]).toBe(textOf(again));
    const { threads } = await get<{ threads: readonly object[] }>(gateway.url, "/threads", headers);
    expect(threads).toHaveLength(round + 2);
  }
  gateway.signal("SIGTERM");
  expect(await gateway.ended).toBe(0);
});
