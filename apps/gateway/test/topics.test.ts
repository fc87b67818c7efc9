import { startRedisServer } from "sluice/testing";
import { describe, expect, it } from "vitest";
import { bearer, openStream, site, type Answer, type Site } from "./support.ts";

const KEYS = { SLUICE_API_KEYS: "alice:key1,bob:key2" };
const alice = bearer("key1");
const bob = bearer("key2");

const post = (at: Site, headers: Readonly<Record<string, string>>, body: object): Promise<Answer> =>
  at.ask({ at: "POST /topics/room", headers, body });

/** What each hears on one gateway of what both say on another; alice also after a cut. */
async function hear(one: Site, two: Site): Promise<Readonly<Record<string, readonly string[]>>> {
  const mine = await openStream(two.url, { at: "GET /topics/room?as=laptop", headers: alice });
  const theirs = await openStream(two.url, { at: "GET /topics/room", headers: bob });
  const [greeting] = await Promise.all([mine.until(() => true), theirs.until(() => true)]);
  const said = await post(one, alice, { event: "note", data: { text: "for me" } });
  await post(one, bob, { event: "note", data: "for bob" });
  const [note, other] = await Promise.all([
    mine.until(({ event }) => event === "note"),
    theirs.until(({ event }) => event !== "connected"),
  ]);
  mine.message.destroy();
  theirs.message.destroy();
  await post(one, alice, { event: "missed" });
  const headers = { ...alice, "last-event-id": String(note.id) };
  const again = await openStream(two.url, { at: "GET /topics/room?as=laptop", headers });
  const missed = await again.until(({ event }) => event === "missed");
  again.message.destroy();
  const isSame = said.status === 202 && said.json["id"] === note.id;
  return { alice: [greeting.event, note.data, missed.event], bob: [other.data], id: [isSame ? "same" : "another"] };
}

const HEARD = { alice: ["connected", '{"text":"for me"}', "missed"], bob: ["for bob"], id: ["same"] };

describe("topics of the gateway", () => {
  it("belong to their owner, tell live what is posted, and resume", async () => {
    const gateway = await site({ ...KEYS, SLUICE_STORE: "memory:" });
    expect(await hear(gateway, gateway)).toEqual(HEARD);
  });

  it("need credentials, and count as streams of their owner", async () => {
    const gateway = await site({ ...KEYS, SLUICE_STORE: "memory:", SLUICE_OWNER_STREAMS: "1" });
    expect((await gateway.ask({ at: "GET /topics/room" })).code).toBe("auth/required");
    expect((await post(gateway, {}, { event: "e" })).code).toBe("auth/required");
    const open = await openStream(gateway.url, { at: "GET /topics/room", headers: alice });
    expect((await gateway.ask({ at: "GET /topics/room", headers: alice })).code).toBe("request/too-many-streams");
    open.message.destroy();
  });

  it("are told to no more often in a minute than SLUICE_OWNER_TELLINGS_PER_MINUTE, by each owner", async () => {
    const gateway = await site({ ...KEYS, SLUICE_STORE: "memory:", SLUICE_OWNER_TELLINGS_PER_MINUTE: "2" });
    const told = async (headers: Readonly<Record<string, string>>): Promise<readonly unknown[]> => {
      const { status, code, headers: more } = await post(gateway, headers, { event: "e" });
      return [status, code, Number(more["retry-after"]) > 50];
    };
    for (const _ of [1, 2]) expect(await told(alice)).toEqual([202, undefined, false]);
    expect(await told(alice)).toEqual([429, "request/rate-limited", true]);
    expect(await told(bob)).toEqual([202, undefined, false]);
  });

  it("are those of all nodes that share a Redis", async () => {
    const redis = await startRedisServer();
    const env = { ...KEYS, SLUICE_STORE: redis.url };
    const [one, two] = [await site(env), await site(env)];
    expect(await hear(one, two)).toEqual(HEARD);
    await Promise.all([one, two].map((gateway) => gateway.close(AbortSignal.abort())));
    await redis.close();
  });

  it("let go of their subscribers in a drain, though nothing else runs", async () => {
    const gateway = await site({ ...KEYS, SLUICE_STORE: "memory:" });
    const stream = await openStream(gateway.url, { at: "GET /topics/room", headers: alice });
    await stream.until(() => true);
    const [rest] = await Promise.all([stream.rest(), gateway.close(AbortSignal.abort())]);
    expect(rest.broken).toBe(true);
  });
});
