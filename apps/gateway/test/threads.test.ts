import { describe, expect, it } from "vitest";
import { bearer, question, runIdOf, site, type Site } from "./support.ts";

const SHARED = { threadId: "thread-123", userId: "alice" };

interface Thread {
  readonly status: number;
  /** What the users said. */
  readonly said: readonly string[];
}

async function thread(at: Site, headers: Readonly<Record<string, string>>): Promise<Thread> {
  const { status, json } = await at.ask({ at: `GET /threads/${SHARED.threadId}`, headers });
  const messages = (json["messages"] ?? []) as readonly { readonly role: string; readonly content: string }[];
  return { status, said: messages.filter(({ role }) => role === "user").map(({ content }) => content) };
}

const asked = (word: string, more: object = {}): object => question(`words=3 rate=max ${word}`, { ...SHARED, ...more });

describe("a threadId", () => {
  it("that two curls without cookies share is two conversations, whatever userId they send", async () => {
    const at = await site();
    const [first, second] = [await at.ask({ body: asked("first") }), await at.ask({ body: asked("second") })];
    const [one, two] = [first, second].map(({ headers }) => bearer(String(headers["sluice-owner-token"])));
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(one).not.toEqual(two);
    expect(await thread(at, one!)).toEqual({ status: 200, said: ["words=3 rate=max first"] });
    expect(await thread(at, two!)).toEqual({ status: 200, said: ["words=3 rate=max second"] });
    expect(await thread(at, {})).toEqual({ status: 404, said: [] });
    for (const [mine, other] of [
      [one!, second],
      [two!, first],
    ] as const) {
      const { code } = await at.ask({ at: `GET /runs/${runIdOf(other)}`, headers: mine });
      expect(code).toBe("run/not-found");
    }
  });

  it("that a curl sends again with its token goes on with its conversation", async () => {
    const at = await site();
    const { headers } = await at.ask({ body: asked("first") });
    const token = bearer(String(headers["sluice-owner-token"]));
    await at.ask({ headers: token, body: asked("second", { userId: "somebody else" }) });
    expect((await thread(at, token)).said).toEqual(["words=3 rate=max first", "words=3 rate=max second"]);
  });

  it("belongs to the owner of the key, not to the userId of the body", async () => {
    const at = await site({ SLUICE_API_KEYS: "alice:key1,bob:key2" });
    const answer = await at.ask({ headers: bearer("key2"), body: asked("bob's") });
    expect(answer.status).toBe(200);
    expect(await thread(at, bearer("key1"))).toEqual({ status: 404, said: [] });
    expect((await thread(at, bearer("key2"))).said).toEqual(["words=3 rate=max bob's"]);
    const seen = await at.ask({ at: `GET /runs/${runIdOf(answer)}`, headers: bearer("key2") });
    expect(seen.json["meta"]).toMatchObject({ userId: "alice", threadId: SHARED.threadId });
    expect((await at.ask({ at: `GET /runs/${runIdOf(answer)}`, headers: bearer("key1") })).status).toBe(404);
    expect((await at.ask({ body: asked("nobody's") })).status).toBe(401);
  });
});
