import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { SluiceError } from "../../src/base/errors.ts";
import { createHub, createMemoryTopics, type Hub } from "../../src/hub/index.ts";
import { ownTopic, type SluiceOptions } from "../../src/http/index.ts";
import { parseEvents, type ParsedEvent } from "../../src/sse/index.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { startFaultProxy, type Cut } from "../../src/testing/fault-proxy.ts";
import { SITES, codeOf, eventsOf, readUntil, startNodeSite, until, type Site } from "./support.ts";

const tell = (body: unknown, headers: Readonly<Record<string, string>> = {}): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", ...headers },
  body: typeof body === "string" ? body : JSON.stringify(body),
});

const lastId = (id: string): RequestInit => ({ headers: { "last-event-id": id } });
const isLast = ({ event }: ParsedEvent): boolean => event === "last";
const shown = ({ event, data }: ParsedEvent): string => `${event} ${data}`;

async function refusal(response: Response): Promise<readonly [number, string]> {
  return [response.status, codeOf(await response.json())];
}

for (const [kind, start] of Object.entries(SITES)) {
  describe(`topics over ${kind}`, () => {
    let hub: Hub;
    let site: Site;
    const open = async (more: Partial<SluiceOptions> = {}): Promise<void> => {
      hub = createHub();
      site = await start({ topics: { hub }, ...more });
    };
    const say = (event: string, data: unknown = "", key = "room"): Promise<string> =>
      hub.broadcast(ownTopic("alice", key), event, data);
    const idOf = async (response: Response): Promise<string> => {
      expect(response.status).toBe(202);
      return ((await response.json()) as { readonly id: string }).id;
    };
    afterEach(async () => {
      await site.close();
      await hub[Symbol.asyncDispose]();
    });

    it("sends `connected`, then what is posted, with the ids that the posts were answered with", async () => {
      await open();
      const stream = await site.fetch("/topics/a%20room%2F1");
      expect([stream.status, stream.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
      const first = await idOf(await site.fetch("/topics/a%20room%2F1", tell({ event: "note", data: { n: 1 } })));
      const second = await idOf(await site.fetch("/topics/a%20room%2F1", tell({ data: "two\nlines" })));
      await site.fetch("/topics/a%20room%2F1", tell({ event: "last" }));
      const [connected, ...events] = await readUntil(stream, isLast);
      expect(connected).toEqual({ event: "connected", id: expect.any(String), data: '{"topic":"a room/1"}' });
      expect(events.slice(0, 2)).toEqual([
        { event: "note", id: first, data: '{"n":1}' },
        { event: "message", id: second, data: "two\nlines" },
      ]);
    });

    it("sends several who are at one place the same, each event once", async () => {
      await open();
      const streams = await Promise.all([1, 2, 3].map(() => site.fetch("/topics/room")));
      const reads = streams.map((stream) => readUntil(stream, isLast));
      await until(() => hub.getConnectionCount(ownTopic("alice", "room")) === 3);
      const large = "x".repeat(5_000);
      const told = Array.from({ length: 20 }, (_, index) => `e ${index} ${large}`);
      for (const text of told) void say("e", text.slice(2));
      void say("last");
      for (const events of await Promise.all(reads)) expect(events.slice(1).map(shown)).toEqual([...told, "last "]);
    });

    it("resumes after Last-Event-ID, else ?after=, else with the newest ?last=", async () => {
      await open();
      const [one, two] = [await say("e", "1"), await say("e", "2")];
      await say("last", "3");
      const read = async (path: string, init?: RequestInit): Promise<readonly string[]> =>
        (await readUntil(await site.fetch(path, init), isLast)).slice(1).map(({ data }) => data);
      expect(await read("/topics/room", lastId(one))).toEqual(["2", "3"]);
      expect(await read(`/topics/room?after=${one}`, lastId(two))).toEqual(["3"]);
      expect(await read(`/topics/room?after=${two}`)).toEqual(["3"]);
      expect(await read("/topics/room?last=2", lastId(two))).toEqual(["3"]);
      expect(await read("/topics/room?last=2")).toEqual(["2", "3"]);
    });

    it("resumes after the id of `connected` when nothing else has come before the cut", async () => {
      await open();
      const [connected] = await readUntil(await site.fetch("/topics/room"), () => true);
      await say("missed", "1");
      await say("last", "2");
      const events = await readUntil(await site.fetch("/topics/room", lastId(connected?.id ?? "")), isLast);
      expect(events.slice(1).map(shown)).toEqual(["missed 1", "last 2"]);
    });

    it("answers an id whose successors are gone with 410, one that is none with 400", async () => {
      await open();
      const gone = await createHub().broadcast("room", "e", 1);
      expect(await refusal(await site.fetch("/topics/room", lastId(gone)))).toEqual([410, "log/gap"]);
      expect(await refusal(await site.fetch("/topics/room", lastId("15")))).toEqual([400, "offset/malformed"]);
      const ahead = (await say("e")).replace(/.$/, "9");
      expect(await refusal(await site.fetch("/topics/room", lastId(ahead)))).toEqual([400, "offset/beyond-end"]);
      expect(await refusal(await site.fetch("/topics/room?last=x"))).toEqual([422, "request/invalid"]);
    });

    it("keeps the topics of owners apart, whatever their names", async () => {
      await open();
      const as = (owner: string): RequestInit => ({ headers: { "x-owner": owner } });
      const streams = await Promise.all(["a/b", "a"].map((owner) => site.fetch("/topics/c", as(owner))));
      await site.fetch("/topics/b%2Fc", tell({ event: "foreign" }, { "x-owner": "a" }));
      for (const owner of ["a/b", "a"]) await site.fetch("/topics/c", tell({ event: "last" }, { "x-owner": owner }));
      for (const stream of streams) {
        expect((await readUntil(stream, isLast)).map(({ event }) => event)).toEqual(["connected", "last"]);
      }
    });

    it("asks who it is, then whether it may: 401, 404 as for none, 403, or the key that it is given", async () => {
      const asked: string[] = [];
      await open({
        topics: {
          hub: createHub(),
          authorize(_request, { kind, key, owner }) {
            asked.push(`${owner} ${kind} ${key}`);
            if (key === "secret") return undefined;
            if (kind === "publish" && owner !== "admin") throw new SluiceError("auth/forbidden", "Only admins.");
            return { key: "shared", who: owner };
          },
        },
      });
      const by = (owner: string): Readonly<Record<string, string>> => ({ "x-owner": owner });
      expect(await refusal(await site.fetch("/topics/news", { headers: by("nobody") }))).toEqual([
        401,
        "auth/required",
      ]);
      expect(await refusal(await site.fetch("/topics/secret"))).toEqual([404, "request/not-found"]);
      expect(await refusal(await site.fetch("/topics/news", tell({}, by("bob"))))).toEqual([403, "auth/forbidden"]);
      const stream = await site.fetch("/topics/news?as=admin", { headers: by("bob") });
      const events = readUntil(stream, isLast);
      expect((await site.fetch("/topics/other", tell({ event: "last" }, by("admin")))).status).toBe(202);
      expect((await events).map(shown)).toEqual(['connected {"topic":"news"}', 'presence {"joined":"bob"}', "last "]);
      expect(asked).toEqual([
        "alice subscribe secret",
        "bob publish news",
        "bob subscribe news",
        "admin publish other",
      ]);
    });

    // A user whose name in the database was empty met a connection that was cut without a word, and came back for ever.
    it("answers 500 where `topics.authorize` gives a name or a key that is none", async () => {
      const wrong = [
        { key: "k", who: "" },
        { key: "k", who: "x".repeat(3_000) },
        { key: "", who: "ann" },
      ];
      await open({ topics: { hub: createHub(), authorize: () => wrong.shift() } });
      while (wrong.length > 0) {
        expect(await refusal(await site.fetch("/topics/room"))).toEqual([500, "option/invalid"]);
      }
    });

    it("has topics for every owner that there may be", async () => {
      await open();
      const headers = { "x-owner": "/".repeat(512) };
      expect((await site.fetch(`/topics/${"k".repeat(128)}`, tell({ event: "e" }, headers))).status).toBe(202);
    });

    it("tells who is there by the name in ?as=, and that somebody has left", async () => {
      await open();
      const watcher = await site.fetch("/topics/room");
      await readUntil(await site.fetch("/topics/room?as=ann"), ({ event }) => event === "presence");
      const events = await readUntil(watcher, ({ data }) => data.includes("left"));
      expect(events.slice(1).map(shown)).toEqual(['presence {"joined":"ann"}', 'presence {"left":"ann"}']);
      await until(() => hub.getConnectionCount(ownTopic("alice", "room")) === 0);
      expect(await refusal(await site.fetch("/topics/room?as="))).toEqual([422, "request/invalid"]);
    });

    it("takes `typing` with a name, and refuses it without", async () => {
      await open();
      const stream = await site.fetch("/topics/room");
      const typing = { event: "typing", data: { isTyping: true } };
      expect((await site.fetch("/topics/room?as=ann", tell(typing))).status).toBe(202);
      const events = await readUntil(stream, ({ event }) => event === "typing");
      expect(events.at(-1)?.data).toBe('{"isTyping":true,"who":"ann"}');
      expect(await refusal(await site.fetch("/topics/room", tell(typing)))).toEqual([422, "request/invalid"]);
      const wrong = await site.fetch("/topics/room?as=ann", tell({ event: "typing", data: true }));
      expect(await refusal(wrong)).toEqual([422, "request/invalid"]);
    });

    it.each([
      ["a name that begins another field", { event: "a\ndata: forged" }, 422, "request/invalid"],
      ["an empty name", { event: "" }, 422, "request/invalid"],
      ["a name of the server's own", { event: "presence", data: { joined: "eve" } }, 422, "request/invalid"],
      ["another one", { event: "connected" }, 422, "request/invalid"],
      ["no object", [1], 422, "request/invalid"],
      ["too much", { data: "x".repeat(65_536) }, 413, "request/too-large"],
      ["what is too deep", `{"data":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, 422, "request/invalid"],
      ["no JSON", "{", 400, "request/malformed-json"],
    ])("refuses %s, and tells nobody", async (_what, body, status, code) => {
      await open();
      const place = await hub.locate(ownTopic("alice", "room"));
      expect(await refusal(await site.fetch("/topics/room", tell(body)))).toEqual([status, code]);
      expect(await hub.locate(ownTopic("alice", "room"))).toBe(place);
    });

    it("refuses a key that is too long, and has no topics without a hub", async () => {
      await open();
      const long = `/topics/${"k".repeat(129)}`;
      expect(await refusal(await site.fetch(long))).toEqual([422, "request/invalid"]);
      await site.close();
      site = await start();
      expect(await refusal(await site.fetch("/topics/room"))).toEqual([404, "request/not-found"]);
      expect((await site.fetch("/topics/room", { method: "HEAD" })).status).toBe(404);
    });

    it("gives each subscriber a seat, and takes it back", async () => {
      await open({ maxReaders: 1 });
      const first = await site.fetch("/topics/room");
      expect(await refusal(await site.fetch("/topics/room"))).toEqual([503, "run/too-many-readers"]);
      await readUntil(first, () => true);
      await until(() => hub.getConnectionKeys().length === 0);
      expect((await site.fetch("/topics/room?last=1")).status).toBe(200);
    });

    it("breaks subscribers off in a drain, without waiting for an end that they do not have", async () => {
      const clock = createManualClock();
      await open({ clock });
      const stream = await site.fetch("/topics/room");
      const read = eventsOf(stream).then(
        () => "a clean end",
        () => "broken",
      );
      await until(() => hub.getConnectionKeys().length > 0);
      await site.sluice.drain(AbortSignal.abort());
      expect(await read).toBe("broken");
    });
  });
}

async function* empty(): AsyncGenerator<Uint8Array> {}

function subscribe(port: number, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ port, host: "127.0.0.1", path, agent: false }, resolve).once("error", reject).end();
  });
}

describe("a subscriber that never reads", () => {
  it("is broken off when it falls out of what is kept; the others are told all of 1,000 events in order", async () => {
    const hub = createHub();
    const site = await startNodeSite({ topics: { hub } });
    const key = ownTopic("alice", "room");
    const stuck = await subscribe(site.port, "/topics/room");
    const others = [1, 2, 3].map(() => {
      const heard: string[] = [];
      const read = site.fetch("/topics/room").then(async ({ body }) => {
        for await (const { event, data } of parseEvents(body ?? empty())) {
          if (event === "e") heard.push(data.split(" ")[0] ?? "");
          if (event === "last") return;
        }
      });
      return { heard, read };
    });
    await until(() => hub.getConnectionCount(key) === 4);
    const pad = "x".repeat(30_000);
    for (let index = 0; index < 1_000; index += 1) {
      await hub.broadcast(key, "e", `${index} ${pad}`);
      // All of this is one process: whoever reads is to have a chance.
      await until(() => others.every(({ heard }) => heard.length > index - 50));
    }
    await hub.broadcast(key, "last");
    await Promise.all(others.map(({ read }) => read));
    for (const { heard } of others) expect(heard).toEqual(Array.from({ length: 1_000 }, (_, index) => String(index)));
    await until(() => hub.getConnectionCount(key) === 1);
    // What it was written: its socket's buffers, not the 30 MB. It learns what became of the rest when it reads on.
    const broken = once(stuck, "error");
    stuck.resume();
    expect(await broken).toEqual([expect.objectContaining({ code: "ECONNRESET" })]);
    await until(() => hub.getConnectionCount(key) === 0);
    const interrupted = site.lines.filter(({ fields }) => fields["code"] === "log/gap");
    expect(interrupted.map(({ message }) => message)).toEqual(["reader interrupted"]);
    expect(Number(interrupted[0]?.fields["bytes"])).toBeLessThan(15_000_000);
    await site.close();
  });
});

/** What comes, up to the cut or the last event. */
async function readCut(url: string, id: string): Promise<readonly ParsedEvent[]> {
  const events: ParsedEvent[] = [];
  try {
    const { body } = await fetch(url, lastId(id));
    for await (const event of parseEvents(body ?? empty())) {
      events.push(event);
      if (isLast(event)) break;
    }
  } catch {
    // It is cut: what came before stands.
  }
  return events;
}

describe("a subscription that is cut at random bytes", () => {
  it("has every event once, in order, when it resumes", async () => {
    const hub = createHub({ store: createMemoryTopics({ history: 1_000 }) });
    const site = await startNodeSite({ topics: { hub }, retryMs: 0 });
    const proxy = await startFaultProxy({ target: { port: site.port } });
    let scenarios = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ afterBytes: fc.integer({ min: 1, max: 2_500 }), by: fc.constantFrom<Cut["by"]>("reset", "fin") }),
          {
            maxLength: 6,
          },
        ),
        fc.array(fc.string({ maxLength: 60 }), { minLength: 1, maxLength: 60 }),
        async (cuts, texts) => {
          scenarios += 1;
          const name = `room${scenarios}`;
          const key = ownTopic("alice", name);
          let id = await hub.locate(key);
          for (const text of texts) void hub.broadcast(key, "e", { text });
          await hub.broadcast(key, "last");
          const got: string[] = [];
          for (let connection = 0; got.at(-1) !== "last"; connection += 1) {
            const cut = cuts[connection];
            proxy.setPlan(() => cut && { cut });
            for (const event of await readCut(`${proxy.url}/topics/${name}`, id)) {
              id = event.id ?? id;
              if (event.event !== "connected") got.push(event.event + event.data);
            }
          }
          expect(got).toEqual([...texts.map((text) => `e${JSON.stringify({ text })}`), "last"]);
        },
      ),
      { numRuns: 40 },
    );
    await proxy.close();
    await site.close();
  });
});
