import { describe, expect, it } from "vitest";
import { groupByAge, search } from "../src/state/thread-groups.ts";

const now = new Date(2026, 10, 21, 9, 30).getTime();

describe("chats by age", () => {
  it("go by the days of the calendar, not by hours", () => {
    const at = (day: number, hour: number): number => new Date(2026, 10, day, hour).getTime();
    const groups = groupByAge(
      [at(21, 0), at(20, 23), at(20, 1), at(15, 9), at(14, 23), at(1, 9), new Date(2025, 1, 1).getTime()].map(
        (updatedAt) => ({ updatedAt }),
      ),
      now,
    );
    expect(groups.map(({ name, items }) => [name, items.length])).toEqual([
      ["Today", 1],
      ["Yesterday", 2],
      ["Last 7 days", 2],
      ["Last 30 days", 1],
      ["Older", 1],
    ]);
  });

  it("take one that a faster clock has written for one of today", () => {
    expect(groupByAge([{ updatedAt: now + 90_000_000 }], now)[0]?.name).toBe("Today");
  });
});

describe("searching chats", () => {
  const titles = ["How canals work", "Canal locks", "Bread"].map((title) => ({ title }));

  it("finds titles that hold all words, in any case and order", () => {
    expect(search(titles, " LOCKS canal")).toEqual([{ title: "Canal locks" }]);
    expect(search(titles, "canal")).toHaveLength(2);
    expect(search(titles, "boat")).toEqual([]);
  });

  it("leaves all of them when nothing is searched for", () => {
    expect(search(titles, "  ")).toBe(titles);
  });
});
