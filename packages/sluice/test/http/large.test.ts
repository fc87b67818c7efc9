import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { createShared } from "../../src/http/shared.ts";
import { createTurns } from "../../src/http/turns.ts";
import { builtInDialects } from "../../src/dialects/index.ts";
import type { Dialect } from "../../src/dialects/index.ts";
import { isTerminal, type ChatEvent, type RunEvent } from "../../src/chat/index.ts";
import { legalRun } from "../chat/legal-runs.ts";
import {
  SITES,
  ask,
  createValve,
  eventsOf,
  say,
  startNodeSite,
  turn,
  until,
  type NodeSite,
  type Site,
} from "./support.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const MEGABYTE = 1 << 20;

/** Holds nothing between entries, so it can be given in every possible way. */
const whole = (delta: string): readonly ChatEvent[] => [
  { type: "text-start", id: "t" },
  { type: "text-delta", id: "t", delta },
  { type: "text-end", id: "t" },
];

describe("a reader that takes nothing", () => {
  let site: NodeSite;
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await site.close();
  });

  /** The server's ends of connections whose clients ask and read nothing. */
  async function stall(path: string, count: number): Promise<readonly Socket[]> {
    const peers: Socket[] = [];
    while (peers.length < count) {
      const connection = once(site.server, "connection");
      const socket = connect(site.port, "127.0.0.1");
      sockets.push(socket);
      socket.on("error", () => {});
      socket.pause();
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      peers.push((await connection)[0] as Socket);
    }
    await until(() => peers.every((peer) => peer.writableLength > 0));
    return peers;
  }

  it.each(["simple", "ai-sdk"])(
    "costs 64 KiB beyond its socket's own buffer, whatever is to be sent in %s",
    async (dialect) => {
      const valve = createValve();
      valve.push(...whole("é".repeat(5 * MEGABYTE)));
      valve.end();
      site = await startNodeSite({ answer: valve.answer });
      const run = await site.sluice.startRun({ owner: "alice" }, valve.answer({ messages: [] }, { owner: "alice" }));
      await site.sluice.runs.ended(run.id);
      collect();
      const before = process.memoryUsage().arrayBuffers;
      const peers = await stall(`/runs/${run.id}/events?dialect=${dialect}`, 10);
      for (let left = 100; left > 0; left -= 1) await turn();
      for (const { writableLength } of peers) expect(writableLength).toBeLessThan(65_536 + 1_024);
      // One copy for all of them, of 10 MiB, where each its own would be 100. What was collected is freed a little later.
      await until(() => {
        collect();
        return process.memoryUsage().arrayBuffers - before < 20 * MEGABYTE;
      });
      for (const socket of sockets) socket.destroy();
      await until(() => site.lines.length === 10);
      await until(() => {
        collect();
        return process.memoryUsage().arrayBuffers - before < 2 * MEGABYTE;
      });
    },
  );

  it("keeps neither the others nor the run waiting", async () => {
    const valve = createValve();
    site = await startNodeSite({ answer: valve.answer });
    const run = await site.sluice.startRun({ owner: "alice" }, valve.answer({ messages: [] }, { owner: "alice" }));
    valve.push(...whole("x".repeat(5 * MEGABYTE)));
    const [peer] = await stall(`/runs/${run.id}/events`, 1);
    const other = site.fetch(`/runs/${run.id}/events`);
    valve.end();
    expect(await (await other).text()).toContain("event: done");
    expect(peer?.destroyed).toBe(false);
  });
});

for (const [kind, start] of Object.entries(SITES)) {
  describe(`a large answer over ${kind}`, () => {
    let site: Site;
    afterEach(() => site.close());

    // Characters of 1 to 4 bytes, so that a piece would end within one.
    const TEXT = "aé漢😀".repeat(60_000);

    for (const dialect of ["simple", "graph", "ai-sdk"]) {
      it(`arrives byte for byte in ${dialect}, from the start, after any frame and by a bare EventSource`, async () => {
        const valve = createValve();
        valve.push(...whole(TEXT), ...say("and a little"));
        valve.end();
        site = await start({ answer: valve.answer });
        const first = await site.fetch(`/stream?dialect=${dialect}`, ask("Hello"));
        const all = await eventsOf(first);
        expect(all.map(({ data }) => data).join("")).toContain(TEXT);
        const location = first.headers.get("location") ?? "";
        for (const index of [0, 1, 2, all.length - 3, all.length - 2]) {
          const rest = await site.fetch(location, { headers: { "last-event-id": all[index]?.id ?? "" } });
          expect(await eventsOf(rest)).toEqual(all.slice(index + 1));
        }
        const payload = encodeURIComponent(JSON.stringify({ message: { content: "Hello" } }));
        const bare = await eventsOf(await site.fetch(`/stream?dialect=${dialect}&payload=${payload}`));
        expect(bare.map(({ data }) => data.length)).toEqual(all.map(({ data }) => data.length));
        expect(bare.every(({ id = "" }) => /^run_[0-9a-f]{32}~\d/.test(id))).toBe(true);
      });
    }

    it("leaves the others their turns while it is caught up with, folded or waited for", async () => {
      const ENTRIES = 20_000;
      site = await start({
        answer: () =>
          async function* () {
            yield { type: "text-start", id: "t" };
            for (let left = ENTRIES; left > 0; left -= 1) yield { type: "reasoning-start", id: `${left}` };
          },
      });
      const first = await site.fetch("/generate", ask("Hello", { requestId: "r1" }));
      const { runId } = (await first.json()) as { runId: string };
      const CALLS: readonly (readonly [string, RequestInit])[] = [
        ["/generate", ask("Hello", { requestId: "r1" })],
        [`/runs/${runId}`, {}],
        [`/runs/${runId}/events?dialect=simple`, {}], // which has no frames for reasoning
        [`/runs/${runId}/events?dialect=graph`, { headers: { "last-event-id": "520001" } }],
      ];
      for (const [path, init] of CALLS) {
        // What the call before had made may be held by turns that are not over.
        for (let left = 5; left > 0; left -= 1) {
          await turn();
          collect();
        }
        let turns = 0;
        let over = false;
        const counting = (async () => {
          while (!over) {
            await turn();
            turns += 1;
          }
        })();
        await (await site.fetch(path, init)).text();
        over = true;
        await counting;
        expect([path, turns > ENTRIES / 512]).toEqual([path, true]);
      }
    });

    it("is read by a dialect that words nothing without what came before", async () => {
      const counting: Dialect = {
        name: "counting",
        headers: {},
        resumes: true,
        open: () => {
          let count = 0;
          return (event) => {
            count += 1;
            return "type" in event && isTerminal(event)
              ? [{ data: "x".repeat(100_000) }, { data: `${count}` }]
              : [{ data: `${count}` }];
          };
        },
      };
      site = await start({ dialects: [counting] });
      const first = await site.fetch("/stream?dialect=counting", ask("one two three"));
      const all = await eventsOf(first);
      expect(all.map(({ data }) => data.length > 9 || data)).toEqual(["1", "2", "3", "4", "5", "6", true, "7"]);
      for (const [index, { id = "" }] of all.slice(0, -1).entries()) {
        const rest = await site.fetch(first.headers.get("location") ?? "", { headers: { "last-event-id": id } });
        expect(await eventsOf(rest)).toEqual(all.slice(index + 1));
      }
    });
  });
}

// What `deliver` relies on, of every dialect that says it can.
describe.each(builtInDialects.filter(({ alone }) => alone !== undefined))("the entries of $name", (dialect) => {
  it("are worded alone as they are in order, or not at all", () => {
    const context = { runId: "run_1", createdAt: 0 };
    const wordAlone = dialect.alone?.(context);
    fc.assert(
      fc.property(legalRun(), (events) => {
        const inOrder = dialect.open(context);
        let sequence = 0;
        for (const event of events) {
          const frames = inOrder(event, (sequence += 1));
          const alone = wordAlone?.(event, sequence);
          if (alone) expect(alone).toEqual(frames);
          else expect(isTerminal(event as ChatEvent) || (dialect.name === "text" && endsInHalves(event))).toBe(true);
        }
      }),
    );
  });
});

/** Whether the text of a delta begins or ends within a character. */
function endsInHalves(event: RunEvent): boolean {
  return "delta" in event && /^[\udc00-\udfff]|[\ud800-\udbff]$/.test(event.delta);
}

describe("what is shared", () => {
  it("is made once while somebody wants it, and anew when nobody has it any more", async () => {
    const shared = createShared<{ readonly made: number }>();
    let made = 0;
    let go = (): void => {};
    const make = async (): Promise<{ readonly made: number }> => {
      made += 1;
      await new Promise<void>((resolve) => (go = resolve));
      return { made };
    };
    const both = Promise.all([shared("a", make), shared("a", make)]);
    await turn();
    go();
    const [one, other] = await both;
    expect([one === other, made]).toEqual([true, 1]);
    expect(await shared("a", make)).toBe(one);
    void shared("b", make);
    await turn();
    expect(made).toBe(2);
  });

  it("is not kept when it could not be made", async () => {
    const shared = createShared<object>();
    const failing = (): Promise<object> => Promise.reject(new Error("no"));
    const both = await Promise.allSettled([shared("a", failing), shared("a", failing)]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await shared("a", async () => ({ a: 1 }))).toEqual({ a: 1 });
  });

  it("is let go of", async () => {
    const shared = createShared<object>();
    const makeAndForget = async (): Promise<void> => void (await shared("a", async () => ({ a: 1 })));
    await makeAndForget();
    for (let left = 3; left > 0; left -= 1) await turn();
    collect();
    expect(await shared("a", async () => ({ a: 2 }))).toEqual({ a: 2 });
  });
});

describe("turns", () => {
  it("are one in each turn of the event loop, in order", async () => {
    const wait = createTurns();
    let now = 0;
    const turns: number[] = [];
    const work = async (): Promise<void> => {
      await wait();
      turns.push(now);
    };
    const all = [work(), work(), work()];
    while (turns.length < 3) {
      await turn();
      now += 1;
    }
    await Promise.all(all);
    expect(new Set(turns).size).toBe(3);
    expect(turns).toEqual(turns.toSorted((a, b) => a - b));
  });
});
