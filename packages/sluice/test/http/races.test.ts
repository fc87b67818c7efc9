import { afterEach, describe, expect, it } from "vitest";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import type { Call } from "../../src/http/index.ts";
import { createMemoryLog, type LogStore } from "../../src/log/index.ts";
import {
  SITES,
  ask,
  authorize,
  codeOf,
  createValve,
  eventsOf,
  readUntil,
  say,
  turn,
  until,
  type Site,
  type Valve,
} from "./support.ts";

const payload = (value: unknown): string => `/stream?payload=${encodeURIComponent(JSON.stringify(value))}`;
const QUESTION = payload({ message: { content: "Hello" } });

for (const [kind, start] of Object.entries(SITES)) {
  describe(`at the same instant over ${kind}`, () => {
    let site: Site;
    let valve: Valve;
    afterEach(() => site.close());
    const open = async (options: Parameters<typeof start>[0] = {}): Promise<void> => {
      valve = createValve();
      site = await start({ answer: valve.answer, ...options });
    };
    const runIdOf = (response: Response): string => response.headers.get("sluice-run-id") ?? "";

    it("bare questions that are the same start one run, of each owner", async () => {
      await open();
      const headers = { "x-owner": "bob" };
      const asking = [...Array.from({ length: 5 }, () => site.fetch(QUESTION)), site.fetch(QUESTION, { headers })];
      const responses = await Promise.all(asking);
      expect(new Set(responses.slice(0, 5).map(runIdOf)).size).toBe(1);
      expect(runIdOf(responses[5] as Response)).not.toBe(runIdOf(responses[0] as Response));
      expect(valve.calls).toBe(2);
      valve.end();
      for (const response of responses) expect((await eventsOf(response)).at(-1)?.event).toBe("done");
      // The next one is a question of its own, and not only the first time.
      for (const known of [2, 3]) {
        const later = await site.fetch(QUESTION);
        await eventsOf(later);
        responses.push(later);
        expect(new Set(responses.map(runIdOf)).size).toBe(known + 1);
      }
    });

    it("bare questions wait for a run that is being made, and make their own when that fails", async () => {
      const store = createMemoryLog();
      let refused = 0;
      const failing = new Proxy(store, {
        get(target, name: keyof LogStore) {
          const method = target[name];
          if (typeof method !== "function") return method;
          if (name !== "create") return (method as () => unknown).bind(target);
          return async (...given: Parameters<LogStore["create"]>) => {
            await turn();
            if (refused++ === 0) throw new Error("no room");
            return target.create(...given);
          };
        },
      });
      await open({ store: failing });
      const responses = await Promise.all(Array.from({ length: 4 }, () => site.fetch(QUESTION)));
      const statuses = responses.map(({ status }) => status);
      expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 200, 500]);
      expect(valve.calls).toBe(1);
      valve.end();
      for (const response of responses) await response.text();
    });

    it("a reader that has everything so far waits for the rest, and is never told that there is none", async () => {
      await open();
      const first = await site.fetch("/stream", ask("Hello"));
      valve.push(...say("ab"));
      const seen = await readUntil(first, ({ data }) => data.includes('"b"'));
      await until(() => site.sluice.runs.producing === 1);
      const state = await site.sluice.runs.get(runIdOf(first));
      const location = first.headers.get("location") ?? "";
      const headers = { "last-event-id": state?.lastOffset ?? "" };
      const second = await site.fetch(location, { headers });
      expect([second.status, seen.length]).toEqual([200, 3]);
      valve.end();
      expect((await eventsOf(second)).map(({ event }) => event)).toEqual(["message", "done"]);
      const ended = await site.sluice.runs.get(runIdOf(first));
      const over = await site.fetch(location, { headers: { "last-event-id": ended?.lastOffset ?? "" } });
      expect([over.status, await over.text()]).toEqual([204, ""]);
    });

    it("a run that ends while a reader comes is read to its end", async () => {
      await open();
      const first = await site.fetch("/stream", ask("Hello"));
      valve.push(...say("a"));
      await readUntil(first, ({ data }) => data.includes('"a"'));
      const readers = [0, 1, 2, 3].map(async (turns) => {
        for (let left = turns; left > 0; left -= 1) await turn();
        return eventsOf(await site.fetch(first.headers.get("location") ?? ""));
      });
      valve.end();
      const [one, ...others] = await Promise.all(readers);
      expect(one?.at(-1)?.event).toBe("done");
      for (const other of others) expect(other).toEqual(one);
    });

    it("a stop and an end give one terminal, the same for all", async () => {
      await open();
      const responses = await Promise.all([0, 1].map(() => site.fetch("/stream", ask("Hello", { requestId: "r1" }))));
      const reading = responses.map(eventsOf);
      valve.push(...say("a"));
      valve.end();
      const stops = await Promise.all([0, 1].map(() => site.fetch("/cancel/r1", { method: "POST" })));
      for (const stop of stops) expect([200, 202]).toContain(stop.status);
      const [one, other] = await Promise.all(reading);
      expect(one?.filter(({ event }) => event === "done")).toHaveLength(1);
      expect(other).toEqual(one);
      const again = await site.fetch("/cancel/r1", { method: "POST" });
      expect([again.status, ["finished", "aborted"]]).toEqual([
        200,
        expect.arrayContaining([((await again.json()) as { status: string }).status]),
      ]);
    });

    it("a log that is deleted under its readers breaks them off, with one line each", async () => {
      const store = createMemoryLog();
      await open({ store });
      const first = await site.fetch("/stream", ask("Hello"));
      const second = await site.fetch(first.headers.get("location") ?? "");
      const reading = [first, second].map((response) => response.text().then(String, () => "broken"));
      await until(() => valve.calls === 1);
      await turn();
      await store.delete(runIdOf(first));
      expect(await Promise.all(reading)).toEqual(["broken", "broken"]);
      const lines = (): unknown[] => site.lines.filter(({ message }) => message === "reader interrupted");
      await until(() => lines().length === 2);
      expect(lines()).toMatchObject([{ fields: { code: "log/not-found" } }, { fields: { code: "log/not-found" } }]);
      valve.end();
    });

    it("a bare EventSource that comes back to a run that is gone is told 404, which ends it, and starts nothing", async () => {
      const clock = createManualClock();
      await open({ clock, ttlMs: 60_000 });
      valve.end();
      const all = await eventsOf(await site.fetch(QUESTION));
      const headers = { "last-event-id": all[0]?.id ?? "" };
      expect((await site.fetch(QUESTION, { headers })).status).toBe(200);
      await clock.advance(60_000);
      const response = await site.fetch(QUESTION, { headers });
      expect([response.status, codeOf(await response.json()), valve.calls]).toEqual([404, "run/not-found", 1]);
    });

    it("a caller who leaves before anything exists costs no call of the model", async () => {
      let asked = 0;
      await open({
        authorize: async (request, action) => {
          asked += 1;
          await until(() => (request as Call).signal.aborted);
          return authorize(request, action);
        },
      });
      const leaving = new AbortController();
      site.fetch("/stream", { ...ask("Hello"), signal: leaving.signal }).catch(() => {});
      await until(() => asked === 1);
      leaving.abort();
      await until(() => site.lines.length > 0);
      expect([site.lines.map(({ fields }) => fields["code"]), valve.calls]).toEqual([["reader-left"], 0]);
      expect((await site.sluice.runs.list({ owner: "alice", limit: 9 })).runs).toEqual([]);
    });

    it("a caller who does not wait for /generate leaves a run that goes on, and one log line", async () => {
      await open();
      const leaving = new AbortController();
      const asking = site.fetch("/generate", { ...ask("Hello", { requestId: "r1" }), signal: leaving.signal });
      asking.catch(() => {});
      await until(() => valve.calls === 1);
      leaving.abort();
      await until(() => site.lines.length === 1);
      expect(site.lines[0]).toEqual({
        level: "info",
        message: "reader interrupted",
        fields: {
          code: "reader-left",
          run: (await site.sluice.runs.find("alice", "r1"))?.id,
          chunks: 0,
          bytes: 0,
          ms: expect.any(Number) as number,
        },
      });
      valve.push(...say("later"));
      valve.end();
      const again = await site.fetch("/generate", ask("Hello", { requestId: "r1" }));
      expect(await again.json()).toMatchObject({ text: "later", status: "finished" });
    });

    it("HEAD of a stream is its headers, and no stream", async () => {
      await open();
      const run = await site.sluice.startRun({ owner: "alice" }, valve.answer({ messages: [] }, { owner: "alice" }));
      const request = new Request("http://site.test/", { method: "HEAD" });
      for (const response of [await run.toResponse(request), await site.sluice.resume(request, run.id)]) {
        expect([response.status, response.body, response.headers.get("content-type")]).toEqual([
          200,
          null,
          "text/event-stream",
        ]);
      }
      valve.end();
      await site.sluice.drain(AbortSignal.abort());
    });
  });
}
