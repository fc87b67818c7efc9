import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { createSluice } from "../../../src/http/index.ts";
import { createMemoryLog, type LogStore } from "../../../src/log/index.ts";
import { createManualClock } from "../../../src/testing/manual-clock.ts";
import { SITES, ask, createValve, turn } from "../support.ts";

/** A store whose `tail` throws when it is called, not when it is read, while `broken` is true. */
function createThrowing(): { readonly store: LogStore; broken: boolean } {
  const inner = createMemoryLog();
  const throwing = {
    broken: false,
    store: new Proxy(inner, {
      get(_target, name) {
        if (name === "tail" && throwing.broken) {
          return () => {
            throw new Error("no tail");
          };
        }
        const value: unknown = Reflect.get(inner, name);
        return typeof value === "function" ? value.bind(inner) : value;
      },
    }),
  };
  return throwing;
}

for (const [kind, start] of Object.entries(SITES)) {
  describe(`a store that throws at once, over ${kind}`, () => {
    it("breaks the answer off, and its reader's place is free again", async () => {
      const throwing = createThrowing();
      const site = await start({ store: throwing.store, maxReaders: 1 });
      const { id, run } = await site.sluice.runs.open({ owner: "alice" });
      await run?.append({ type: "data-first", data: 1 });
      while ((await site.sluice.runs.get(id))?.lastOffset !== "12") await turn();
      const path = `/runs/${id}/events?after=12`;
      throwing.broken = true;
      for (let round = 0; round < 3; round += 1) {
        await expect(site.fetch(path).then((response) => response.text())).rejects.toBeInstanceOf(Error);
      }
      expect(site.lines.filter(({ level }) => level === "error").map(({ fields }) => fields["code"])).toEqual([
        "PROCESSING_ERROR",
        "PROCESSING_ERROR",
        "PROCESSING_ERROR",
      ]);
      throwing.broken = false;
      const response = await site.fetch(path);
      expect(response.status).toBe(200);
      await run?.finish();
      expect(await response.text()).toContain("event: done");
      await site.close();
    });
  });
}

describe("a response whose write throws", () => {
  it("is broken off at the heartbeat, and the others get theirs", async () => {
    const clock = createManualClock();
    const valve = createValve();
    const sluice = createSluice({ authorize: () => "alice", answer: valve.answer, clock });
    let broken = false;
    const server = createServer((req, res) => {
      if (req.headers["x-wrapped"] !== undefined) {
        const write = res.write.bind(res);
        // As a middleware that has a bug.
        res.write = (chunk: string) => {
          if (broken) throw new Error("no write");
          return write(chunk);
        };
      }
      void sluice.handleNode(req, res);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/stream`;
    const question = ask("Hello", { requestId: "r" });
    const wrapped = await fetch(url, { ...question, headers: { ...question.headers, "x-wrapped": "1" } });
    const plain = await fetch(url, question);
    broken = true;
    await clock.advance(15_000);
    await expect(wrapped.text()).rejects.toBeInstanceOf(Error);
    valve.end();
    expect(await plain.text()).toContain("\n:\n\n");
    server.close();
  });
});
