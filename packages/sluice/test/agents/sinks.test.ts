import { describe, expect, it } from "vitest";
import {
  AgentFactory,
  AgentNetwork,
  AgentNetworkEvent,
  type NetworkSetup,
  type SocketLike,
} from "../../src/agents/index.ts";
import { z } from "zod";
import { stateOf } from "./support.ts";

const Start = AgentNetworkEvent.of("start-work", z.number());
const Step = AgentNetworkEvent.of("step", z.number());

const counter = AgentFactory.run()
  .listensTo([Start])
  .emits([Step])
  .logic(async ({ triggerEvent, emit }) => {
    for (let n = 1; n <= triggerEvent.payload; n += 1) await emit(Step.make(n));
  })
  .produce();

function run(
  count: number,
  sinkOf: (setup: NetworkSetup) => Parameters<ReturnType<NetworkSetup["createChannel"]>["sink"]>[0],
): Promise<void> {
  const network = AgentNetwork.setup((setup) => {
    const out = setup.createChannel("out", { capacity: 2 }).sink(sinkOf(setup));
    setup.registerAgent(counter).subscribe(setup.mainChannel).publishTo(out);
  });
  const plane = network.run();
  const published = plane.publish("main", Start.makeBound({ runId: "one", contextId: "c" }, count));
  const ended = plane.ended("one");
  return published.then(() => ended);
}

describe("a sink", () => {
  it("gets each event once, in order, one at a time, and hears of the end", async () => {
    const heard: string[] = [];
    let writing = 0;
    await run(5, () => ({
      kind: "own",
      async write({ payload }, { channel, runId }) {
        expect((writing += 1)).toBe(1);
        await Promise.resolve();
        heard.push(`${runId} ${channel} ${String(payload)}`);
        writing -= 1;
      },
      end: ({ signal }) => void heard.push(signal.aborted ? "failed" : "ended"),
    }));
    expect(heard).toEqual([...[1, 2, 3, 4, 5].map((n) => `one out ${n}`), "ended"]);
  });

  it("that rejects ends the run with its error, and hears of the end all the same", async () => {
    const failure = new Error("disk full");
    const heard: string[] = [];
    const of = run(3, () => ({
      kind: "own",
      write: () => Promise.reject(failure),
      end({ signal }) {
        heard.push(String(signal.reason));
        throw new Error("changes nothing");
      },
    }));
    await expect(of).rejects.toBe(failure);
    expect(heard).toEqual(["Error: disk full"]);
  });
});

describe("the sink webSocket()", () => {
  interface FakeSocket extends SocketLike {
    readyState: number;
    readonly sent: string[];
    taken?: (error?: Error) => void;
  }
  const socketOf = (): FakeSocket => {
    const socket: FakeSocket = {
      readyState: 1,
      sent: [],
      send(text, taken) {
        socket.sent.push(text);
        socket.taken = taken;
      },
    };
    return socket;
  };

  it("sends events as JSON, the next one when the socket has taken the last", async () => {
    const socket = socketOf();
    const running = run(2, ({ sink }) => sink.webSocket(socket));
    expect(await stateOf(running)).toBe("pending");
    expect(socket.sent.map((text) => JSON.parse(text))).toEqual([
      { name: "step", meta: { runId: "one", contextId: "c" }, payload: 1 },
    ]);
    socket.taken?.();
    expect(await stateOf(running)).toBe("pending");
    socket.taken?.();
    await running;
    expect(socket.sent).toHaveLength(2);
  });

  it("sends nothing to a socket that is closed or not there, and one that closes stops nothing", async () => {
    const closed = { ...socketOf(), readyState: 3 };
    await run(2, ({ sink }) => sink.webSocket(() => closed));
    await run(2, ({ sink }) => sink.webSocket(() => undefined));
    expect(closed.sent).toEqual([]);
    const closing = socketOf();
    const running = run(3, ({ sink }) => sink.webSocket(closing));
    expect(await stateOf(running)).toBe("pending");
    closing.readyState = 2;
    closing.taken?.(new Error("not open"));
    await running;
    expect(closing.sent).toHaveLength(1);
  });

  it("ends the run when an open socket refuses a message", async () => {
    const socket = socketOf();
    const running = run(1, ({ sink }) => sink.webSocket(socket));
    expect(await stateOf(running)).toBe("pending");
    socket.taken?.(new Error("too large"));
    await expect(running).rejects.toThrow("too large");
  });
});

describe("the sink redisStream()", () => {
  it("takes only a whole number for maxLen", () => {
    const client = { call: () => Promise.resolve() };
    for (const maxLen of [0, -1, 1.5, Number.NaN]) {
      expect(() => AgentNetwork.setup(({ sink }) => void sink.redisStream(client, { key: "x", maxLen }))).toThrow(
        /maxLen/,
      );
    }
  });
});
