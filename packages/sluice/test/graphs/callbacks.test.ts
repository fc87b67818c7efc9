import { describe, expect, it } from "vitest";
import { isSluiceError } from "../../src/base/errors.ts";
import { createCallbacks } from "../../src/graphs/callbacks.ts";
import { createMemoryCallbacks, type Graph } from "../../src/graphs/index.ts";
import { createManualClock } from "../../src/testing/index.ts";
import { callbackCases } from "./callback-cases.ts";
import { question, siteOf, told } from "./support.ts";

describe("action tokens in memory", () => {
  it.each(Object.entries(callbackCases))("%s", async (_sentence, run) => {
    const clock = createManualClock(1_700_000_000_000);
    await expect(run({ store: createMemoryCallbacks({ clock }), clock })).resolves.toBeUndefined();
  });

  it("are refused when there are too many, and taken again when some have ended", async () => {
    const clock = createManualClock();
    const store = createMemoryCallbacks({ clock, maxTokens: 2 });
    const put = (token: string): Promise<void> => store.issue(token, { owner: "a", action: "{}", ttlMs: 1_000 });
    await put("1");
    await put("2");
    await expect(put("3")).rejects.toMatchObject({ code: "callback/too-many" });
    await clock.advance(1_000);
    await put("3");
  });

  // The line that was to tell of a failed attempt failed itself: the token stayed locked, and nobody tried it again.
  it("are tried again also where the logger throws", async () => {
    const act = ({ attempt }: { readonly attempt: number }): string => {
      if (attempt === 1) throw new Error("not yet");
      return "done";
    };
    const log = (): never => {
      throw new Error("disk full");
    };
    const { issue, redeem } = createCallbacks(() => act, { log, backoffMs: 1 });
    const token = await issue({ handler: "act" }, { graphType: "chat::1.0.0", owner: "a" });
    expect(await redeem(token, "a")).toBe("done");
  });

  it("are issued only for a handler that exists, with params of a sane size and a time from 1 ms", async () => {
    const { issue } = createCallbacks((_type, name) => (name === "act" ? () => null : undefined));
    const by = { graphType: "chat::1.0.0", owner: "a" };
    const wrong = [
      { handler: "other" },
      { handler: "act", ttlMs: 0 },
      { handler: "act", ttlMs: Number.NaN },
      { handler: "act", params: { big: "x".repeat(70_000) } },
    ];
    for (const callback of wrong) {
      const error: unknown = await issue(callback, by).catch((thrown: unknown) => thrown);
      expect(isSluiceError(error, "option/invalid")).toBe(true);
    }
    // 65,536 characters of JSON. They were counted with the name of graph and handler.
    await expect(issue({ handler: "act", params: { big: "x".repeat(65_526) } }, by)).resolves.toMatch(/^cb::/);
    await expect(issue({ handler: "act", params: { big: "x".repeat(65_527) } }, by)).rejects.toThrow("65536");
  });
});

describe("POST /callback", () => {
  function site(): { at: ReturnType<typeof siteOf>; token: () => Promise<string>; done: string[] } {
    const done: string[] = [];
    const graph: Graph = {
      name: "streaming-chat",
      version: "1.0.0",
      async *build({ issueCallback }) {
        yield { event: "button", data: { token: await issueCallback({ handler: "approve", params: { id: 7 } }) } };
        yield "Shall I?";
      },
      callbacks: {
        approve: ({ params, owner }) => {
          done.push(`${owner} ${JSON.stringify(params["id"])}`);
          return { approved: params["id"] ?? null };
        },
      },
    };
    const at = siteOf({ graphs: [graph] });
    const token = async (): Promise<string> => {
      const events = await told(await at.post("/stream", question("Hi")));
      return String(events.find(({ event }) => event === "button")?.data["token"]);
    };
    return { at, token, done };
  }

  it("does what the button of an answer stands for, once", async () => {
    const { at, token, done } = site();
    const body = { token: await token() };
    for (let press = 0; press < 3; press += 1) {
      const response = await at.post("/callback", body);
      expect([response.status, await response.json()]).toEqual([200, { result: { approved: 7 } }]);
    }
    expect(done).toEqual(["alice 7"]);
  });

  it("gives a stranger the 404 of a token that never was, and the token stays usable", async () => {
    const { at, token, done } = site();
    const body = { token: await token() };
    const answers = await Promise.all([
      at.post("/callback", body, { "x-owner": "mallory" }),
      at.post("/callback", { token: "cb::streaming-chat::1.0.0::00000000000000000000000000000000" }),
    ]);
    const [stranger, never] = await Promise.all(
      answers.map(async (answer) => [
        answer.status,
        { ...((await answer.json()) as { error: object }).error, traceId: "" },
      ]),
    );
    expect(stranger).toEqual(never);
    expect(stranger?.[0]).toBe(404);
    expect(done).toEqual([]);
    expect((await at.post("/callback", body)).status).toBe(200);
    expect(done).toEqual(["alice 7"]);
  });

  it.each([{}, { token: 7 }, { token: "" }, { token: "x".repeat(2_000) }, [], "cb::"])("refuses %j", async (body) => {
    const response = await site().at.post("/callback", body);
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ error: { code: "request/invalid", details: { field: "token" } } });
  });
});
