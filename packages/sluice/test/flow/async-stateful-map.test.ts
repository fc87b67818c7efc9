import { describe, expect, it } from "vitest";
import { asyncStatefulMap, type AsyncStatefulHandlers } from "../../src/flow/index.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { collect, forbidStrayRejections, outcome, probe, turns } from "./support.ts";

forbidStrayRejections();

/** A service that answers when it is told to, as one at the other end of a socket. */
interface Service<U> {
  yieldData(data: U): void;
  unlock(): void;
  fail(error: unknown): void;
  readonly calls: readonly string[];
}

function service<U>(): { readonly handlers: AsyncStatefulHandlers<string, number, U>; readonly service: Service<U> } {
  const calls: string[] = [];
  const lines: Service<U> = { yieldData: () => {}, unlock: () => {}, fail: () => {}, calls };
  const handlers: AsyncStatefulHandlers<string, number, U> = {
    onFirstChunk(chunk, yieldData, unlock, fail) {
      Object.assign(lines, { yieldData, unlock, fail });
      calls.push(`first ${chunk}`);
      return 0;
    },
    onChunk(chunk, context) {
      calls.push(`${chunk} ${context}`);
      return context + 1;
    },
    onClose: (last, context) => void calls.push(`close ${last} ${context}`),
  };
  return { handlers, service: lines };
}

/** A service failed with `first`, and nobody has been told; its source cleans up when `clean` is called. */
async function failedBeforeCleanUp(): Promise<{
  readonly iterator: AsyncIterator<string>;
  readonly heard: string[];
  readonly clean: () => void;
}> {
  let clean = (): void => {};
  const cleaning = new Promise<void>((resolve) => (clean = resolve));
  const heard: string[] = [];
  async function* source(): AsyncGenerator<string> {
    try {
      yield "a";
    } finally {
      await cleaning;
      heard.push("cleaned");
    }
  }
  const { handlers } = service<string>();
  const onFirstChunk: typeof handlers.onFirstChunk = (_chunk, yieldData) => {
    yieldData("A");
    throw new Error("first");
  };
  const iterator = asyncStatefulMap(source(), { ...handlers, onFirstChunk })[Symbol.asyncIterator]();
  expect(await iterator.next()).toEqual({ done: false, value: "A" });
  await turns();
  return { iterator, heard, clean };
}

describe("asyncStatefulMap", () => {
  it("hands on what comes while the source gives nothing", async () => {
    const { handlers, service: remote } = service<string>();
    const source = probe(["a"], { hangs: true });
    const iterator = asyncStatefulMap(source, handlers)[Symbol.asyncIterator]();
    const waiting = iterator.next();
    await turns();
    remote.yieldData("A");
    expect(await waiting).toEqual({ done: false, value: "A" });
    await iterator.return?.();
    expect(source.returns).toBe(1);
  });

  it("does not end before it is unlocked, and then after what was yielded", async () => {
    const { handlers, service: remote } = service<unknown>();
    const all = collect(asyncStatefulMap(["a", "b", "c"], handlers));
    let ended = false;
    void all.then(() => (ended = true));
    await turns();
    expect(remote.calls).toEqual(["first a", "b 0", "c 1", "close c 2"]);
    expect(ended).toBe(false);
    for (const falsy of [0, "", undefined]) remote.yieldData(falsy);
    remote.unlock();
    expect(await all).toEqual([0, "", undefined]);
    remote.yieldData("late");
  });

  it("may be unlocked before the source's end, which it waits for", async () => {
    const flow = asyncStatefulMap<number, number, number>([1, 2], {
      onFirstChunk(chunk, yieldData, unlock) {
        unlock();
        yieldData(chunk);
        return chunk;
      },
      async onChunk(chunk, sum, yieldData) {
        await Promise.resolve();
        yieldData(sum + chunk);
        return sum + chunk;
      },
    });
    expect(await collect(flow)).toEqual([1, 3]);
  });

  it("ends at once when there was no chunk, without a call", async () => {
    const { handlers, service: remote } = service<string>();
    expect(await collect(asyncStatefulMap([], handlers))).toEqual([]);
    expect(remote.calls).toEqual([]);
  });

  it("asks for no chunk while the consumer has items to take", async () => {
    const { handlers, service: remote } = service<string>();
    const source = probe(["a", "b"], { hangs: true });
    const iterator = asyncStatefulMap(source, {
      ...handlers,
      onFirstChunk(...given) {
        const [, yieldData] = given;
        for (const item of ["1", "2"]) yieldData(item);
        return handlers.onFirstChunk(...given);
      },
    })[Symbol.asyncIterator]();
    for (const item of ["1", "2"]) {
      expect(await iterator.next()).toEqual({ done: false, value: item });
      await turns();
      expect(source.pulls).toBe(1);
    }
    void iterator.next();
    await turns();
    expect(remote.calls).toEqual(["first a", "b 0"]);
    await iterator.return?.();
  });

  it("fails with what `fail` is given, after what was yielded, and leaves the source", async () => {
    const { handlers, service: remote } = service<string>();
    const source = probe(["a"], { hangs: true });
    const taken = outcome(asyncStatefulMap(source, handlers));
    await turns();
    const error = new Error("the socket broke");
    remote.yieldData("A");
    remote.yieldData("B");
    remote.fail(error);
    remote.fail(new Error("again"));
    expect(await taken).toEqual({ items: ["A", "B"], error });
    expect(source.returns).toBe(1);
  });

  it("fails with what a handler throws, and leaves the source", async () => {
    for (const broken of ["onFirstChunk", "onChunk", "onClose"] as const) {
      const { handlers } = service<string>();
      const source = probe(["a", "b"]);
      const flow = asyncStatefulMap(source, { ...handlers, [broken]: () => Promise.reject(new Error(broken)) });
      await expect(collect(flow)).rejects.toThrow(broken);
      expect(source.returns).toBe(broken === "onClose" ? 0 : 1);
    }
  });

  // The error came before the source had cleaned up, where its consumer asked between the two: whoever read the source
  // again, or what it reads of, after the failure found it still open.
  it("fails after the source has cleaned up, also for a consumer that asks in the meantime", async () => {
    const { iterator, heard, clean } = await failedBeforeCleanUp();
    const failed = iterator.next().catch((error: unknown) => ({ error, heard: [...heard] }));
    await turns();
    clean();
    expect(await failed).toEqual({ error: new Error("first"), heard: ["cleaned"] });
  });

  // Whoever left after a failure that was not told yet was let go before the source had cleaned up.
  it("is left after the source has cleaned up, also where it has failed in the meantime", async () => {
    const { iterator, heard, clean } = await failedBeforeCleanUp();
    const left = iterator.return?.().then(() => heard.push("left"));
    await turns();
    clean();
    await left;
    expect(heard).toEqual(["cleaned", "left"]);
  });

  it("fails when nothing comes for closeTimeoutMs after the end, counted from the last item", async () => {
    const clock = createManualClock();
    const { handlers, service: remote } = service<string>();
    const taken = outcome(asyncStatefulMap(["a"], handlers, { closeTimeoutMs: 1_000, clock }));
    let settled = false;
    void taken.then(() => (settled = true));
    await clock.advance(999);
    remote.yieldData("A");
    await clock.advance(999);
    expect(settled).toBe(false);
    await clock.advance(1);
    expect(await taken).toMatchObject({ items: ["A"], error: { code: "flow/timeout", details: { ms: 1_000 } } });
    expect(clock.timers).toBe(0);
  });

  it("has no timer when it is unlocked, and none is left behind by a consumer that leaves", async () => {
    const clock = createManualClock();
    const { handlers, service: remote } = service<string>();
    const iterator = asyncStatefulMap(["a"], handlers, { clock })[Symbol.asyncIterator]();
    const waiting = iterator.next();
    await turns();
    expect(clock.timers).toBe(1);
    remote.yieldData("A");
    await waiting;
    await iterator.return?.();
    expect(clock.timers).toBe(0);
    const other = service<string>();
    const all = collect(asyncStatefulMap(["a"], other.handlers, { clock }));
    await turns();
    other.service.unlock();
    expect([await all, clock.timers]).toEqual([[], 0]);
  });

  it("fails with its code when more is yielded than may wait", async () => {
    const { handlers, service: remote } = service<number>();
    const iterator = asyncStatefulMap(probe(["a"], { hangs: true }), handlers, { maxQueued: 2 })[
      Symbol.asyncIterator
    ]();
    const first = iterator.next();
    await turns();
    for (const n of [1, 2, 3, 4, 5]) remote.yieldData(n);
    expect((await first).value).toBe(1);
    expect([(await iterator.next()).value, (await iterator.next()).value]).toEqual([2, 3]);
    expect((await iterator.next()).value).toBe(4);
    await expect(iterator.next()).rejects.toMatchObject({ code: "flow/queue-full", details: { maxQueued: 2 } });
  });
});
