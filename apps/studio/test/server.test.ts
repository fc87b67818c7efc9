import { describe, expect, it } from "vitest";
import { call, statusOf, type Server } from "../src/server/call.ts";
import { readRegistry, UNKNOWN_REGISTRY } from "../src/server/registry.ts";
import { deleteThread, readRunning, readThreads } from "../src/server/threads.ts";

describe("a call", () => {
  it("fails with the server's words and status", async () => {
    const { server } = answering(() =>
      Response.json(
        { error: { code: "thread/not-found", message: "There is no such conversation." } },
        { status: 404 },
      ),
    );
    const failure: unknown = await call(server, "/threads/x").catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "client/refused", message: "There is no such conversation." });
    expect(statusOf(failure)).toBe(404);
  });

  it("says so when there is no server, and when the answer is none of Sluice's", async () => {
    const away: Server = { origin: "http://studio.test", fetch: () => Promise.reject(new TypeError("fetch failed")) };
    await expect(call(away, "/threads")).rejects.toThrow("The server cannot be reached.");
    const { server } = answering(() => new Response("<html>", { status: 502 }));
    await expect(call(server, "/threads")).rejects.toThrow("The server answered 502.");
  });
});

describe("the registry", () => {
  it("is a demo only when nothing but the demo model answers", async () => {
    const of = (models: unknown) =>
      readRegistry(answering(() => Response.json({ models, dialects: ["simple", 7] })).server);
    expect(await of([{ name: "demo", demo: true }])).toEqual({ models: ["demo"], demo: true, dialects: ["simple"] });
    expect(await of([{ name: "demo", demo: true }, { name: "x" }])).toMatchObject({
      models: ["demo", "x"],
      demo: false,
    });
    expect(await of([])).toMatchObject({ demo: false });
  });

  it("is unknown where it cannot be read", async () => {
    expect(await readRegistry(answering(() => new Response("", { status: 500 })).server)).toEqual(UNKNOWN_REGISTRY);
    expect(await readRegistry(answering(() => Response.json(null)).server)).toEqual(UNKNOWN_REGISTRY);
  });
});

describe("the server's chats", () => {
  it("are read page by page; what is none is left out", async () => {
    const { server, calls } = answering(() =>
      Response.json({ threads: [{ id: "a", title: "A", createdAt: 1, updatedAt: 2 }, { id: "b" }, 7], next: "n/1" }),
    );
    expect(await readThreads(server, "n/0")).toEqual({
      threads: [
        { id: "a", title: "A", createdAt: 1, updatedAt: 2 },
        { id: "b", title: "Untitled chat", createdAt: 0, updatedAt: 0 },
      ],
      next: "n/1",
    });
    expect(calls).toEqual(["GET /threads?limit=100&before=n%2F0"]);
  });

  it("are running as long as one of their runs is", async () => {
    const { server } = answering(() =>
      Response.json({
        runs: [
          { id: "r1", status: "running", threadId: "a" },
          { id: "r2", status: "finished", threadId: "b" },
          { id: "r3", status: "running" },
        ],
      }),
    );
    expect(await readRunning(server)).toEqual([{ id: "r1", threadId: "a" }, { id: "r3" }]);
  });

  it("are deleted after their answers were stopped, and only theirs", async () => {
    const { server, calls } = answering((path) =>
      path === "/runs?limit=50"
        ? Response.json({
            runs: [
              { id: "r1", status: "running", threadId: "a/b" },
              { id: "r2", status: "running", threadId: "c" },
            ],
          })
        : new Response(null, { status: 204 }),
    );
    await deleteThread(server, "a/b");
    expect(calls).toEqual(["GET /runs?limit=50", "POST /runs/r1/stop", "DELETE /threads/a%2Fb"]);
  });

  it("are deleted with the one call that outlives the page when it goes away", async () => {
    const { server, calls, inits } = answering(() => new Response(null, { status: 204 }));
    await deleteThread(server, "a", { leaving: true });
    expect(calls).toEqual(["DELETE /threads/a"]);
    expect(inits[0]?.keepalive).toBe(true);
  });
});

function answering(answer: (path: string) => Response) {
  const calls: string[] = [];
  const inits: (RequestInit | undefined)[] = [];
  const server: Server = {
    origin: "http://studio.test",
    async fetch(input, init) {
      const { pathname, search } = new URL(input instanceof Request ? input.url : input);
      calls.push(`${init?.method ?? "GET"} ${pathname}${search}`);
      inits.push(init);
      return answer(pathname + search);
    },
  };
  return { server, calls, inits };
}
