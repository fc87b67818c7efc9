import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { coalesce, createRelayTime, nextFrame } from "../../../src/client/chat/frames.ts";

describe("the next frame", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("is the browser's, and runs once", () => {
    const frames: (() => void)[] = [];
    vi.stubGlobal("requestAnimationFrame", (run: () => void) => frames.push(run));
    vi.stubGlobal("cancelAnimationFrame", () => {});
    const run = vi.fn<() => void>();
    nextFrame(run);
    frames[0]?.();
    vi.advanceTimersByTime(1_000);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it("is a timer's where a page that was just hidden gets none", () => {
    const cancelled: unknown[] = [];
    vi.stubGlobal("requestAnimationFrame", () => 7);
    vi.stubGlobal("cancelAnimationFrame", (id: unknown) => cancelled.push(id));
    const run = vi.fn<() => void>();
    nextFrame(run);
    vi.advanceTimersByTime(99);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
    expect(cancelled).toEqual([7]);
  });

  it("is a timer's outside of browsers", () => {
    const run = vi.fn<() => void>();
    nextFrame(run);
    vi.advanceTimersByTime(100);
    expect(run).toHaveBeenCalledTimes(1);
  });
});

describe("what other tabs wait for", () => {
  it("goes with the frames of a page that is seen, and with the event loop of a hidden one", async () => {
    let visible = true;
    const frames: (() => void)[] = [];
    const soon = createRelayTime({ visible: () => visible, subscribe: () => () => {} }, (run) => frames.push(run));
    const told: string[] = [];
    soon(() => told.push("seen"));
    expect(frames).toHaveLength(1);
    visible = false;
    await new Promise<void>((resolve) => {
      soon(() => {
        told.push("hidden");
        resolve();
      });
    });
    expect(frames).toHaveLength(1);
    expect(told).toEqual(["hidden"]);
  });
});

describe("what is asked for several times", () => {
  it("is done once a frame, and not again when it was done at once", () => {
    const frames: (() => void)[] = [];
    const run = vi.fn<() => void>();
    const coalesced = coalesce((later) => frames.push(later), run);
    coalesced.request();
    coalesced.request();
    expect(frames).toHaveLength(1);
    coalesced.flush();
    frames[0]?.();
    expect(run).toHaveBeenCalledTimes(1);
    coalesced.request();
    frames[1]?.();
    expect(run).toHaveBeenCalledTimes(2);
  });
});
