import { afterEach, describe, expect, it } from "vitest";
import { SluiceError } from "../../src/base/errors.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { SITES, ask, codeOf, createValve, eventsOf, readUntil, say, type Site, type Valve } from "./support.ts";
import type { SluiceOptions } from "../../src/http/index.ts";

interface Refusal {
  readonly error: { readonly code: string; readonly details?: Readonly<Record<string, unknown>> };
}

const refusalOf = async (response: Response): Promise<readonly [number, string, string | null]> => {
  const { error } = (await response.json()) as Refusal;
  return [response.status, error.code, response.headers.get("retry-after")];
};

for (const [kind, start] of Object.entries(SITES)) {
  describe(`limits over ${kind}`, () => {
    let site: Site;
    let valve: Valve;
    const open = async (options: Partial<SluiceOptions>): Promise<void> => {
      valve = createValve();
      site = await start({ answer: valve.answer, ...options });
    };
    const over = (response: Response): Promise<unknown> => {
      valve.end();
      return eventsOf(response);
    };
    afterEach(async () => {
      valve.end();
      await site.close();
    });

    it("refuses a run beyond maxRuns with 503 and Retry-After, before the model is asked and a log is made", async () => {
      await open({ maxRuns: 1 });
      const first = await site.fetch("/stream", ask("one"));
      expect(await refusalOf(await site.fetch("/stream", ask("two")))).toEqual([503, "run/too-many", "2"]);
      const payload = encodeURIComponent(JSON.stringify({ message: { content: "three" } }));
      expect(await refusalOf(await site.fetch(`/stream?payload=${payload}`))).toEqual([503, "run/too-many", "2"]);
      expect(await refusalOf(await site.fetch("/generate", ask("four")))).toEqual([503, "run/too-many", "2"]);
      const { runs } = (await (await site.fetch("/runs")).json()) as { readonly runs: readonly unknown[] };
      expect([valve.calls, runs.length]).toEqual([1, 1]);
      await over(first);
    });

    it("attaches to a key that is taken while maxRuns are produced, and starts again when one has ended", async () => {
      await open({ maxRuns: 1 });
      const first = await site.fetch("/stream", ask("one", { requestId: "r1" }));
      const second = await site.fetch("/stream", ask("one", { requestId: "r1" }));
      expect([second.status, second.headers.get("sluice-run-id")]).toEqual([200, first.headers.get("sluice-run-id")]);
      await readUntil(second, () => true);
      await over(first);
      const next = await site.fetch("/stream", ask("two"));
      expect(next.status).toBe(200);
      await eventsOf(next);
    });

    it("does not log a refusal for want of room as a fault", async () => {
      await open({ maxRuns: 1 });
      const first = await site.fetch("/stream", ask("one"));
      await (await site.fetch("/stream", ask("two"))).text();
      const line = site.lines.find(({ message }) => message === "request refused");
      expect([line?.level, line?.fields["code"], line?.fields["error"]]).toEqual(["warn", "run/too-many", undefined]);
      await over(first);
    });

    it("refuses a reader beyond maxReaders with 503 before a run is started for it", async () => {
      await open({ maxReaders: 1 });
      const first = await site.fetch("/stream", ask("one"));
      expect(await refusalOf(await site.fetch("/stream", ask("two")))).toEqual([503, "run/too-many-readers", "2"]);
      const events = first.headers.get("location") ?? "";
      expect(await refusalOf(await site.fetch(events))).toEqual([503, "run/too-many-readers", "2"]);
      expect(valve.calls).toBe(1);
      expect((await site.fetch("/health")).status).toBe(200);
      await over(first);
    });

    it("gives the place of a reader that has everything, or has left, to the next", async () => {
      await open({ maxReaders: 1 });
      valve.push(...say("Hi"));
      const first = await site.fetch("/stream", ask("one"));
      const events = first.headers.get("location") ?? "";
      await readUntil(first, () => true);
      let second = await site.fetch(events);
      while (second.status === 503) {
        await second.text();
        second = await site.fetch(events);
      }
      await over(second);
      const third = await site.fetch(events);
      expect(third.status).toBe(200);
      await eventsOf(third);
    });

    it("leaves no place taken by an answer without a stream: 204, an error, a HEAD that has no body", async () => {
      await open({ maxReaders: 1 });
      valve.end();
      const first = await site.fetch("/stream", ask("one"));
      const last = (await eventsOf(first)).at(-1)?.id ?? "";
      const events = first.headers.get("location") ?? "";
      for (let round = 0; round < 3; round += 1) {
        expect((await site.fetch(events, { headers: { "last-event-id": last } })).status).toBe(204);
        const beyond = await site.fetch(events, { headers: { "last-event-id": "3999" } });
        expect([beyond.status, codeOf(await beyond.json())]).toEqual([400, "offset/beyond-end"]);
      }
      const whole = await site.fetch("/generate", ask("two"));
      expect(whole.status).toBe(200);
      await whole.text();
      const again = await site.fetch(events);
      expect(again.status).toBe(200);
      await eventsOf(again);
    });

    // The place of an answer whose head could not be sent was kept for a minute, and what `admit` had granted with it.
    // Owners for whom `authorize` gave a header that HTTP does not take were told of too many streams, with none open.
    it("gives back the place of a stream whose headers cannot be sent", async () => {
      const released: string[] = [];
      let value = "a\nb";
      await open({
        maxReaders: 1,
        admit: () => () => void released.push("released"),
        authorize: () => ({ owner: "alice", headers: { "x-a": value } }),
      });
      expect((await site.fetch("/stream", ask("one"))).status).toBe(500);
      expect(released).toEqual(["released"]);
      value = "ab";
      valve.end();
      const second = await site.fetch("/stream", ask("two"));
      expect(second.status).toBe(200);
      await eventsOf(second);
    });

    it("refuses a reader beyond maxReadersPerRun with 503, and lets those of other runs in", async () => {
      await open({ maxReadersPerRun: 1 });
      const first = await site.fetch("/stream", ask("one"));
      const refused = await site.fetch(first.headers.get("location") ?? "");
      const { error } = (await refused.json()) as Refusal;
      expect([refused.status, error.code, error.details]).toEqual([
        503,
        "run/too-many-readers",
        { field: "maxReadersPerRun", retryAfterMs: 2_000 },
      ]);
      const other = await site.fetch("/stream", ask("two"));
      expect(other.status).toBe(200);
      await Promise.all([over(first), eventsOf(other)]);
    });

    it("asks admit for each stream, whether it starts or reads, and gives back what was granted once it is over", async () => {
      const asked: string[] = [];
      let granted = 0;
      await open({
        admit: async (owner, action) => {
          asked.push(`${owner} ${action}`);
          granted += 1;
          return () => void (granted -= 1);
        },
      });
      const first = await site.fetch("/stream", ask("one", { requestId: "r1" }, { "x-owner": "bob" }));
      const attached = await site.fetch("/stream", ask("one", { requestId: "r1" }, { "x-owner": "bob" }));
      const read = await site.fetch(first.headers.get("location") ?? "", { headers: { "x-owner": "bob" } });
      const waiting = site.fetch("/generate", ask("two"));
      expect((await site.fetch("/stream", ask("x", {}, { "x-owner": "nobody" }))).status).toBe(401);
      valve.end();
      await Promise.all([eventsOf(first), eventsOf(attached), eventsOf(read), waiting.then((whole) => whole.text())]);
      expect(asked.toSorted()).toEqual(["alice start", "bob read", "bob read", "bob start"]);
      while (granted > 0) await new Promise((resolve) => setImmediate(resolve));
      expect(granted).toBe(0);
    });

    it("answers with what admit throws, its Retry-After in whole seconds rounded up, and does no work", async () => {
      await open({
        admit: () => {
          throw new SluiceError("request/rate-limited", "Slow down.", { details: { retryAfterMs: 12_001 } });
        },
      });
      expect(await refusalOf(await site.fetch("/stream", ask("one")))).toEqual([429, "request/rate-limited", "13"]);
      expect(await refusalOf(await site.fetch("/generate", ask("one")))).toEqual([429, "request/rate-limited", "13"]);
      expect(valve.calls).toBe(0);
      expect((await site.fetch("/runs")).status).toBe(200);
    });
  });
}

describe("limits of a node", () => {
  it("gives back the place of a Response that nobody ever read, after a minute", async () => {
    const clock = createManualClock();
    const valve = createValve();
    const site = await SITES["Web Request and Response"]?.({ answer: valve.answer, maxReaders: 1, clock });
    await site?.fetch("/stream", ask("dropped"));
    expect((await site?.fetch("/stream", ask("two")))?.status).toBe(503);
    await clock.advance(60_000);
    const next = await site?.fetch("/stream", ask("three"));
    expect(next?.status).toBe(200);
    await next?.body?.cancel();
    expect((await site?.fetch("/stream", ask("four")))?.status).toBe(200);
    valve.end();
  });

  // It was left when the next reader came, and by the time of day: with nobody to come, or after the machine's time had been
  // set back, what `admit` had granted was kept on. Owners were refused on other nodes, and runs that nobody read went on.
  it("gives it back also when no other reader comes, and the machine's time is set back meanwhile", async () => {
    const clock = createManualClock(10_000_000);
    let back = 0;
    const set = { now: () => clock.now() - back, timer: clock.timer };
    const valve = createValve();
    let granted = 0;
    const site = await SITES["Web Request and Response"]?.({
      answer: valve.answer,
      clock: set,
      stopWhenUnwatchedMs: 1_000,
      admit: () => {
        granted += 1;
        return () => void (granted -= 1);
      },
    });
    await site?.fetch("/stream", ask("dropped"));
    await clock.advance(30_000);
    expect(granted).toBe(1);
    back = 3_600_000;
    await clock.advance(91_000);
    expect([granted, valve.signals.map(({ aborted }) => aborted)]).toEqual([0, [true]]);
  });

  it("streams of startRun count too, and startRun itself meets maxRuns", async () => {
    const valve = createValve();
    const site = await SITES["Web Request and Response"]?.({ answer: valve.answer, maxReadersPerRun: 1, maxRuns: 1 });
    const source = valve.answer({ messages: [] } as never, { owner: "alice" });
    const run = await site?.sluice.startRun({ owner: "alice" }, source);
    const request = new Request("http://site.test/chat", { method: "POST" });
    const first = await run?.toResponse(request);
    expect((await run?.toResponse(request))?.status).toBe(503);
    await expect(site?.sluice.startRun({ owner: "alice" }, source)).rejects.toMatchObject({ code: "run/too-many" });
    valve.end();
    if (first) await eventsOf(first);
    expect((await run?.toResponse(request))?.status).toBe(200);
  });

  it("a limit below one is refused where it is set", async () => {
    for (const option of [{ maxRuns: 0 }, { maxReaders: -1 }, { maxReadersPerRun: 1.5 }]) {
      await expect(SITES["Web Request and Response"]?.(option)).rejects.toMatchObject({
        code: "option/invalid",
        details: { field: Object.keys(option)[0] },
      });
    }
  });

  it("of a thousand starts at once exactly maxRuns begin", async () => {
    const valve = createValve();
    const site = await SITES["Web Request and Response"]?.({ answer: valve.answer, maxRuns: 7 });
    if (!site) throw new Error("There is no such site.");
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => site.fetch("/stream", ask(`q${index}`, { requestId: `r${index}` }))),
    );
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(7);
    expect(answers.filter((answer) => answer.status === 503)).toHaveLength(993);
    valve.end();
  });
});
