import { EventSource } from "eventsource";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { systemClock, type Clock } from "../../src/base/clock.ts";
import { createFold, fold, type Message, type RunEvent } from "../../src/chat/index.ts";
import { openEventStream, readMessage } from "../../src/client/index.ts";
import { startFaultProxy, type Cut, type FaultProxy } from "../../src/testing/fault-proxy.ts";
import { legalRun } from "../chat/legal-runs.ts";
import { startNodeSite, type NodeSite } from "./support.ts";

// The client's waits are not what is tested: short ones are over at once, long ones (heartbeats) do not come.
const impatient: Clock = {
  now: systemClock.now,
  timer: (ms, run) => (ms > 20_000 ? () => {} : systemClock.timer(0, run)),
};

interface Scenario {
  readonly events: readonly RunEvent[];
  /** One for each connection, from the first on; later connections are not cut. */
  readonly cuts: readonly Cut[];
  readonly pieceSize: number | undefined;
  /** Turns of the event loop before each event: cuts fall into runs that are over, and into those that are not. */
  readonly slow: boolean;
}

const cut = fc.record({
  afterBytes: fc.oneof(fc.nat(1_500), fc.nat(6_000)),
  by: fc.constantFrom<Cut["by"]>("reset", "fin"),
});

const scenario: fc.Arbitrary<Scenario> = fc.record({
  events: legalRun(),
  cuts: fc.array(cut, { minLength: 1, maxLength: 6 }),
  pieceSize: fc.option(fc.integer({ min: 1, max: 64 }), { nil: undefined, freq: 2 }),
  slow: fc.boolean(),
});

// Promise 2: the message folded by a reader that was cut anywhere, any number of times, is byte-identical.
describe("an answer that is cut at random bytes, any number of times", () => {
  let site: NodeSite;
  let proxy: FaultProxy;
  const scenarios = new Map<string, Scenario>();
  const calls = new Map<string, number>();
  let count = 0;

  beforeAll(async () => {
    site = await startNodeSite({
      retryMs: 0,
      answer:
        ({ requestId = "" }) =>
        () => {
          calls.set(requestId, (calls.get(requestId) ?? 0) + 1);
          return produce(scenarios.get(requestId));
        },
    });
    proxy = await startFaultProxy({ target: { port: site.port } });
  });
  afterAll(async () => {
    await proxy.close();
    await site.close();
  });

  async function* produce(scenario: Scenario | undefined): AsyncGenerator<RunEvent> {
    for (const event of scenario?.events ?? []) {
      if (scenario?.slow === true) await new Promise((resolve) => setImmediate(resolve));
      yield event;
    }
  }

  function prepare(given: Scenario): string {
    const requestId = `case ${(count += 1)}`;
    scenarios.set(requestId, given);
    const { cuts, pieceSize } = given;
    const first = proxy.connections;
    proxy.setPlan((connection) => {
      const faults = cuts[connection - first];
      return {
        ...(faults === undefined ? {} : { cut: faults }),
        ...(pieceSize === undefined ? {} : { pieceSize: () => pieceSize }),
      };
    });
    return requestId;
  }

  /** The uninterrupted message, from the log itself. */
  async function expected(requestId: string): Promise<Message> {
    const run = await site.sluice.runs.find("alice", requestId);
    const { entries } = await site.sluice.runs.store.read(run?.id ?? "", { after: 0, maxLength: Infinity });
    return fold(entries.map((entry) => JSON.parse(entry) as RunEvent));
  }

  async function check(requestId: string, message: Message): Promise<void> {
    const whole = await expected(requestId);
    expect(whole.status).not.toBe("streaming");
    expect(JSON.stringify(message)).toBe(JSON.stringify(whole));
    expect(calls.get(requestId)).toBe(1);
    scenarios.delete(requestId);
  }

  it("is folded to the same bytes by our client over fetch, from one model call", async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (given) => {
        const requestId = prepare(given);
        const reader = openEventStream(`${proxy.url}/stream?dialect=ai-sdk`, {
          body: { requestId, message: { content: "Hello" } },
          clock: impatient,
        });
        let message: Message | undefined;
        for await (message of readMessage(reader));
        await check(requestId, message as Message);
      }),
      { numRuns: 300 },
    );
  }, 120_000);

  it("is folded to the same bytes by a bare EventSource, from one model call, also after the end", async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (given) => {
        const requestId = prepare(given);
        const payload = encodeURIComponent(JSON.stringify({ requestId, message: { content: "Hello" } }));
        const message = await readBare(`${proxy.url}/stream?dialect=ai-sdk&payload=${payload}`);
        await check(requestId, message);
      }),
      { numRuns: 300 },
    );
  }, 120_000);

  // Until a first `retry:` arrives the package waits 3 s, by the timer that Node gives it.
  beforeAll(() => {
    const setTimer = globalThis.setTimeout;
    vi.stubGlobal("setTimeout", (run: () => void, ms?: number, ...args: []) =>
      setTimer(run, ms === 3_000 ? 0 : ms, ...args),
    );
  });
  afterAll(() => void vi.unstubAllGlobals());

  /** Does what a page does that knows nothing of us: it never closes, and is told by 204 that there is no more. */
  function readBare(url: string): Promise<Message> {
    return new Promise((resolve) => {
      const source = new EventSource(url);
      const folded = createFold();
      source.addEventListener("message", ({ data }: MessageEvent<string>) => {
        if (data !== "[DONE]") folded.add(JSON.parse(data) as RunEvent);
      });
      source.addEventListener("error", () => {
        if (source.readyState === source.CLOSED) resolve(folded.message);
      });
    });
  }
});
