import { afterEach, describe, expect, it } from "vitest";
import type { ParsedEvent } from "../../src/sse/index.ts";
import { SITES, ask, codeOf, createValve, eventsOf, readUntil, say, type Site, type Valve } from "./support.ts";

const DIALECTS = ["simple", "graph", "ai-sdk"];

for (const [kind, start] of Object.entries(SITES)) {
  describe(`a stream over ${kind}`, () => {
    let site: Site;
    let valve: Valve;
    const open = async (): Promise<void> => {
      valve = createValve();
      site = await start({ answer: valve.answer });
    };
    const whole = async (text: string, path = "/stream", more: object = {}): Promise<Response> => {
      await open();
      valve.push(...say(text));
      valve.end();
      return site.fetch(path, ask("Hello", { ...more }));
    };
    afterEach(() => site.close());

    it("says in its headers which run it is, where to resume and how often it beats", async () => {
      const response = await whole("Hi", "/stream?dialect=ai-sdk");
      const id = response.headers.get("sluice-run-id") ?? "";
      expect(id).toMatch(/^run_[0-9a-f]{32}$/);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "content-type": "text/event-stream",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
        vary: "Accept-Encoding",
        location: `/runs/${id}/events?dialect=ai-sdk`,
        "sluice-heartbeat-ms": "15000",
        "x-vercel-ai-ui-message-stream": "v1",
      });
      await eventsOf(response);
    });

    it("sends headers, a comment and the first event before the model has said anything", async () => {
      await open();
      const response = await site.fetch("/stream", ask("Hello"));
      const events = await readUntil(response, () => true);
      expect(events).toMatchObject([{ event: "typing", id: "11" }]);
      expect(valve.calls).toBe(1);
      valve.end();
    });

    it("uses the graph dialect when the body names a graph, else simple, unless Accept or ?dialect= says otherwise", async () => {
      const named = await whole("Hi", "/stream", { graphType: "g" });
      expect(named.headers.get("location")).toContain("dialect=graph");
      const profile = await site.fetch("/stream", ask("Hi", {}, { accept: 'text/event-stream; profile="ai-sdk"' }));
      expect(profile.headers.get("location")).toContain("dialect=ai-sdk");
      const both = await site.fetch("/stream?dialect=simple", ask("Hi", { graphType: "g" }));
      expect(both.headers.get("location")).toContain("dialect=simple");
    });

    for (const dialect of DIALECTS) {
      it(`resumes after any frame of ${dialect} with exactly the rest, and answers 204 after the last`, async () => {
        const response = await whole("abc", `/stream?dialect=${dialect}`);
        const all = await eventsOf(response);
        const location = response.headers.get("location") ?? "";
        expect(all.length).toBeGreaterThan(4);
        expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
        for (const [index, { id = "" }] of all.entries()) {
          const rest = await site.fetch(location, { headers: { "last-event-id": id } });
          if (index === all.length - 1) {
            expect([rest.status, await rest.text()]).toEqual([204, ""]);
            // Without it a cache before the server may keep the 204 of one who has everything for the address, and give
            // it to others: a page that was opened anew showed no answer at all.
            expect(rest.headers.get("cache-control")).toBe("no-store");
          } else expect(await eventsOf(rest)).toEqual(all.slice(index + 1));
        }
      });
    }

    it("resumes by ?after= too, and Last-Event-ID beats it", async () => {
      const response = await whole("abc");
      const all = await eventsOf(response);
      const location = response.headers.get("location") ?? "";
      const [, second, third] = all as [ParsedEvent, ParsedEvent, ParsedEvent];
      expect(await eventsOf(await site.fetch(`${location}&after=${third.id}`))).toEqual(all.slice(3));
      const headers = { "last-event-id": second.id ?? "" };
      expect(await eventsOf(await site.fetch(`${location}&after=${third.id}`, { headers }))).toEqual(all.slice(2));
    });

    it("refuses an offset that is malformed, beyond the end, or of another run", async () => {
      const response = await whole("abc");
      const location = response.headers.get("location") ?? "";
      await eventsOf(response);
      const WRONG = [
        ["x", "offset/malformed"],
        ["01", "offset/malformed"],
        ["", "none"],
        [`run_0~11`, "offset/malformed"],
        ["3999", "offset/beyond-end"],
        ["19.7", "offset/beyond-end"],
        ["9".repeat(40), "offset/malformed"],
      ] as const;
      for (const [id, code] of WRONG) {
        const answer = await site.fetch(location, { headers: { "last-event-id": id } });
        if (code === "none") expect((await eventsOf(answer)).length).toBeGreaterThan(1);
        else expect([id, answer.status, codeOf(await answer.json())]).toEqual([id, 400, code]);
      }
    });

    it("answers 410 with the first offset that is kept to a reader whose place is gone", async () => {
      await open();
      const { store } = site.sluice.runs;
      const lease = { holder: "test", ttlMs: 1_000 };
      const { fence } = await store.create("run_short", { owner: "alice", meta: {}, ttlMs: 1_000, lease, keepLast: 2 });
      const events = [{ type: "start" }, ...say("ab")].map((event) => JSON.stringify(event));
      await store.append("run_short", events, { expected: 0, fence });
      for (const headers of [{ "last-event-id": "12" }, {}]) {
        const answer = await site.fetch("/runs/run_short/events", { headers });
        const { error } = (await answer.json()) as { error: object };
        expect([answer.status, error]).toEqual([
          410,
          { code: "log/gap", message: expect.any(String), traceId: expect.any(String), details: { first: "14" } },
        ]);
      }
    });

    it("follows a run live from the middle", async () => {
      await open();
      const first = await site.fetch("/stream", ask("Hello"));
      valve.push(...say("ab"));
      const seen = await readUntil(first, ({ data }) => data.includes('"a"'));
      const rest = site.fetch(first.headers.get("location") ?? "", {
        headers: { "last-event-id": seen.at(-1)?.id ?? "" },
      });
      const reading = eventsOf(await rest);
      valve.push(...say("cd"));
      valve.end();
      expect((await reading).map(({ event, data }) => [event, data])).toEqual([
        ["chunk", '{"content":"b"}'],
        ["chunk", '{"content":"c"}'],
        ["chunk", '{"content":"d"}'],
        ["message", expect.stringContaining('"content":"abcd"')],
        ["done", '{"finishReason":"stop"}'],
      ]);
    });

    it("attaches to the run of the same key, never calls the model twice, and refuses another question for it", async () => {
      await open();
      valve.push(...say("once"));
      const asking = Array.from({ length: 8 }, () => site.fetch("/stream", ask("Hello", { requestId: "r1" })));
      const responses = await Promise.all(asking);
      valve.end();
      const texts = await Promise.all(responses.map(eventsOf));
      expect(valve.calls).toBe(1);
      expect(new Set(responses.map((response) => response.headers.get("sluice-run-id"))).size).toBe(1);
      for (const events of texts) expect(events).toEqual(texts[0]);

      const again = await site.fetch("/stream", ask("Hello", {}, { "idempotency-key": "r1" }));
      expect(await eventsOf(again)).toEqual(texts[0]);
      const reordered = JSON.stringify({ requestId: "r1", message: { content: "Hello" } });
      expect((await site.fetch("/stream", { method: "POST", body: reordered })).status).toBe(200);
      const other = await site.fetch("/stream", ask("Another", { requestId: "r1" }));
      expect([other.status, codeOf(await other.json())]).toEqual([409, "run/request-conflict"]);
      const stranger = await site.fetch("/stream", ask("Another", { requestId: "r1" }, { "x-owner": "bob" }));
      expect(stranger.status).toBe(200);
      await eventsOf(stranger);
      expect(valve.calls).toBe(2);
    });

    it("attaches also to a run that has failed", async () => {
      await open();
      valve.end(new Error("secret path /etc/keys"));
      const first = await eventsOf(await site.fetch("/stream", ask("Hello", { requestId: "r1" })));
      const second = await eventsOf(await site.fetch("/stream", ask("Hello", { requestId: "r1" })));
      expect(first.at(-1)).toMatchObject({
        event: "error",
        data: '{"code":"PROCESSING_ERROR","message":"The answer could not be completed."}',
      });
      expect(second).toEqual(first);
      expect(valve.calls).toBe(1);
    });

    it("resumes a POST that repeats its key and says what it has", async () => {
      const all = await eventsOf(await whole("abc", "/stream", { requestId: "r1" }));
      const again = await site.fetch(
        "/stream",
        ask("Hello", { requestId: "r1" }, { "last-event-id": all[2]?.id ?? "" }),
      );
      expect(await eventsOf(again)).toEqual(all.slice(3));
    });

    it("goes on when its reader leaves, and keeps everything for those who come later", async () => {
      await open();
      const first = await site.fetch("/stream", ask("Hello"));
      await readUntil(first, () => true);
      valve.push(...say("later"));
      valve.end();
      const rest = await eventsOf(await site.fetch(first.headers.get("location") ?? ""));
      expect(rest.at(-2)?.data).toContain('"content":"later"');
      expect(rest.at(-1)?.event).toBe("done");
      expect(valve.signals[0]?.aborted).toBe(false);
    });

    for (const [how, path] of [
      ["POST /runs/<id>/stop", (id: string) => `/runs/${id}/stop`],
      ["POST /cancel/<requestId>", () => "/cancel/r%201"],
    ] as const) {
      it(`stops by ${how}: the model's signal fires, what is there stays, and asking again changes nothing`, async () => {
        await open();
        const response = await site.fetch("/stream", ask("Hello", { requestId: "r 1" }));
        const id = response.headers.get("sluice-run-id") ?? "";
        valve.push(...say("so far"));
        const other = await site.fetch(response.headers.get("location") ?? "");
        await readUntil(other, ({ data }) => data.includes('"r"'));
        const stranger = await site.fetch(path(id), { method: "POST", headers: { "x-owner": "bob" } });
        expect(stranger.status).toBe(404);
        const stop = await site.fetch(path(id), { method: "POST" });
        expect([stop.status, await stop.json()]).toEqual([202, { id, status: "running" }]);
        const events = await eventsOf(response);
        expect(events.slice(-2).map(({ event, data }) => [event, JSON.parse(data)])).toEqual([
          ["message", { id: id.replace("run", "msg"), role: "assistant", content: "so far" }],
          ["done", { finishReason: "abort" }],
        ]);
        expect(valve.signals[0]?.aborted).toBe(true);
        const again = await site.fetch(path(id), { method: "POST" });
        expect([again.status, await again.json()]).toEqual([200, { id, status: "aborted" }]);
        expect(site.lines.filter(({ fields }) => fields["code"] === "stopped")).toHaveLength(1);
      });
    }

    it("gives a stranger the same answer as for a run that never was", async () => {
      const response = await whole("mine");
      const id = response.headers.get("sluice-run-id") ?? "";
      await eventsOf(response);
      const answers = async (run: string): Promise<unknown[]> => {
        const calls = [`/runs/${run}`, `/runs/${run}/events`, `/runs/${run}/stop`];
        return Promise.all(
          calls.map(async (path) => {
            const method = path.endsWith("stop") ? "POST" : "GET";
            const answer = await site.fetch(path, { method, headers: { "x-owner": "mallory" } });
            const body = (await answer.json()) as { error: { traceId: string } };
            const headers = Array.from(answer.headers.keys()).filter((name) => name !== "date");
            return { status: answer.status, headers, error: { ...body.error, traceId: "" } };
          }),
        );
      };
      expect(await answers(id)).toEqual(await answers(`run_${"0".repeat(32)}`));
      expect(
        (await site.fetch("/runs", { headers: { "x-owner": "mallory" } }).then((list) => list.json())) as object,
      ).toEqual({ runs: [] });
    });

    it("answers POST /generate with the whole message", async () => {
      const response = await whole("Hi", "/generate", { requestId: "r1" });
      const body = (await response.json()) as Record<string, unknown>;
      expect([response.status, response.headers.get("sluice-run-id")]).toEqual([200, body["runId"]]);
      expect(body).toMatchObject({
        requestId: "r1",
        status: "finished",
        text: "Hi",
        message: { role: "assistant", parts: [{ type: "text", text: "Hi" }] },
        attachments: [],
        metadata: { finishReason: "stop" },
      });
      expect(Object.keys(body)).toEqual(
        ["requestId", "runId", "status", "text", "message", "attachments", "metadata"].toSorted(
          (a, b) => Object.keys(body).indexOf(a) - Object.keys(body).indexOf(b),
        ),
      );
    });

    it("answers a /generate that failed with the status of its code and the run's id", async () => {
      await open();
      valve.end(new Error("secret"));
      const response = await site.fetch("/generate", ask("Hello"));
      const body = (await response.json()) as { error: object };
      expect(response.status).toBe(500);
      expect(body.error).toMatchObject({
        code: "PROCESSING_ERROR",
        details: { runId: expect.stringMatching(/^run_/) as string },
      });
      expect(JSON.stringify(body)).not.toContain("secret");
    });

    it("tells the state of a run, folded as far as it is", async () => {
      await open();
      const response = await site.fetch("/stream", ask("Hello", { threadId: "t1", metadata: { tag: 1 } }));
      const id = response.headers.get("sluice-run-id") ?? "";
      valve.push(...say("ab"));
      await readUntil(response, ({ data }) => data.includes('"b"'));
      const during = (await (await site.fetch(`/runs/${id}`)).json()) as Record<string, unknown>;
      expect(during).toMatchObject({
        id,
        status: "running",
        threadId: "t1",
        firstOffset: "11",
        meta: { metadata: { tag: 1 } },
        message: { status: "streaming", parts: [{ type: "text", text: "ab" }] },
      });
      valve.push({ type: "finish", finishReason: "length", messageMetadata: { usage: { outputTokens: 2 } } });
      await eventsOf(await site.fetch(`/runs/${id}/events`));
      const after = (await (await site.fetch(`/runs/${id}`)).json()) as Record<string, unknown>;
      expect(after).toMatchObject({
        status: "finished",
        finishReason: "length",
        usage: { outputTokens: 2 },
        timings: { firstTokenMs: expect.any(Number) as number, durationMs: expect.any(Number) as number },
        message: { status: "finished", parts: [{ type: "text", text: "ab" }] },
      });
    });

    it("lists the caller's runs, newest first, page by page", async () => {
      await open();
      valve.end();
      const ids: string[] = [];
      for (let index = 0; index < 5; index += 1) {
        const response = await site.fetch("/stream", ask("Hello", { requestId: `r${index}` }));
        ids.unshift(response.headers.get("sluice-run-id") ?? "");
        await eventsOf(response);
      }
      await eventsOf(await site.fetch("/stream", ask("Hello", {}, { "x-owner": "bob" })));
      const seen: unknown[] = [];
      let next: string | undefined = "";
      while (next !== undefined) {
        const path: string = `/runs?limit=2${next === "" ? "" : `&before=${next}`}`;
        const page = (await (await site.fetch(path)).json()) as { runs: { id: string }[]; next?: string };
        seen.push(...page.runs.map(({ id }) => id));
        next = page.next;
      }
      expect(seen).toEqual(ids);
    });
  });
}
