import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRedisServer, type RedisServer } from "../../src/testing/redis-server.ts";
import { folder, startProgram } from "./disk-support.ts";

interface Told {
  readonly heap: number;
  readonly anonymous: number;
}

/** What the process holds, in MiB, when it is idle after a quarter of its 1,000 runs, and after all. */
async function run(kind: string, where: string): Promise<readonly [quarter: Told, all: Told]> {
  const program = startProgram([kind, where], { program: "ram-program.ts", flags: ["--expose-gc"] });
  const told = async (): Promise<Told> => {
    const [heap, anonymous] = ((await program.line()) ?? "").split(" ").map(Number);
    if (heap === undefined || anonymous === undefined) throw new Error("The program ended before it told.");
    return { heap, anonymous };
  };
  const both = [await told(), await told()] as const;
  await program.ended;
  return both;
}

// Each run has 500 events of more than 200 bytes: kept in whatever form, 750 of them are 80 MiB and more. Measured: the
// heap grows by 1 MiB, the process by 3 MiB, with garbage that is not yet given back.
const HEAP = 20;
const ANONYMOUS = 45;

// Each takes some 10 s.
describe("finished runs do not stay in the memory of a node", { timeout: 180_000 }, () => {
  it("on disk", async () => {
    const [quarter, all] = await run("disk", await folder());
    expect(all.heap - quarter.heap).toBeLessThan(HEAP);
    expect(all.anonymous - quarter.anonymous).toBeLessThan(ANONYMOUS);
  });

  describe("on Redis", () => {
    let server: RedisServer;
    beforeAll(async () => {
      server = await startRedisServer();
    });
    afterAll(() => server.close());

    it("nor do timers, subscriptions and leases", async () => {
      const [quarter, all] = await run("redis", server.url);
      expect(all.heap - quarter.heap).toBeLessThan(HEAP);
      expect(all.anonymous - quarter.anonymous).toBeLessThan(ANONYMOUS);
      expect(await server.command("ZCARD", "sluice:{leases}:due")).toBe(":0\r\n");
    });
  });
});
