import { describe, expect, it } from "vitest";
import { createWireLog, wireText, type WireLogOptions } from "../src/state/wire-log.ts";

describe("the raw events", () => {
  it("become one change after a moment, however many come", () => {
    const { log, frames } = given();
    let told = 0;
    log.subscribe(() => (told += 1));
    for (const data of ["a", "b", "c"]) log.add({ event: "message", data });
    expect(told).toBe(0);
    expect(frames).toHaveLength(1);
    frames.shift()?.();
    expect(told).toBe(1);
    expect(log.getSnapshot()).toMatchObject({ events: 3, characters: 3 });
    expect(log.getSnapshot().entries.map(({ number, data }) => [number, data])).toEqual([
      [1, "a"],
      [2, "b"],
      [3, "c"],
    ]);
  });

  it("are kept up to a number and a size, and counted beyond it, also while that moment does not come", () => {
    const { log, frames } = given({ maxEntries: 3, maxDataLength: 5 });
    for (let count = 1; count <= 10; count += 1) log.add({ event: "message", data: "x".repeat(count) });
    frames.shift()?.();
    const { entries, events, characters } = log.getSnapshot();
    expect(entries.map(({ number, data, length }) => [number, data.length, length])).toEqual([
      [8, 5, 8],
      [9, 5, 9],
      [10, 5, 10],
    ]);
    expect({ events, characters }).toEqual({ events: 10, characters: 55 });
  });

  it("begin anew when they are cleared, with what waited for its frame gone too", () => {
    const { log, frames } = given();
    log.add({ event: "message", data: "a" });
    log.clear();
    frames.shift()?.();
    expect(log.getSnapshot()).toEqual({ entries: [], events: 0, characters: 0 });
    log.add({ event: "message", data: "b" });
    frames.shift()?.();
    expect(log.getSnapshot().events).toBe(1);
  });

  it("are copied as they stood on the wire", () => {
    const { log, frames } = given();
    log.add({ event: "message", id: "15", data: "one\ntwo" });
    log.add({ event: "done", data: "{}" });
    frames.shift()?.();
    expect(wireText(log.getSnapshot().entries)).toBe("id: 15\ndata: one\ndata: two\n\nevent: done\ndata: {}");
  });
});

function given(options: Partial<WireLogOptions> = {}) {
  const frames: (() => void)[] = [];
  const log = createWireLog({ now: () => 0, soon: (run) => void frames.push(run), ...options });
  return { log, frames };
}
