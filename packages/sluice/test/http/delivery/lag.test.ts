import { expect, it } from "vitest";
import { noMeter } from "../../../src/base/meter.ts";
import type { RunEvent } from "../../../src/chat/index.ts";
import { aiSdkDialect } from "../../../src/dialects/index.ts";
import { createBench, turn, until, type Bench } from "./support.ts";

const DELTAS = Array.from({ length: 100 }, (): RunEvent => ({ type: "text-delta", id: "t", delta: "word " }));

function measured(): { readonly behind: number[]; readonly bench: Promise<Bench> } {
  const behind: number[] = [];
  return { behind, bench: createBench({ meter: { ...noMeter, readerBehind: (entries) => behind.push(entries) } }) };
}

// What one step of the log gave was counted: never more than 512 entries, mostly fewer.
// Operators who looked for readers that fall behind saw a few hundred at most, however far behind they were.
it("one who comes late is as far behind as the log is long, then nearer with each step", async () => {
  const { behind, bench } = measured();
  const log = await bench;
  await log.append({ type: "start" }, { type: "text-start", id: "t" });
  for (let left = 20; left > 0; left -= 1) await log.append(...DELTAS);
  const reader = await log.join(aiSdkDialect, "12");
  await until(() => reader.text.split("word ").length === 2_001);
  expect(behind[0]).toBe(2_000);
  expect(behind).toEqual(behind.toSorted((a, b) => b - a));
  expect(behind.at(-1)).toBeLessThan(512);
});

it("one who has fallen out of what the feed keeps is as far behind as the feed is ahead", async () => {
  const { behind, bench } = measured();
  const log = await bench;
  await log.append({ type: "start" }, { type: "text-start", id: "t" });
  const reader = await log.join(aiSdkDialect, "12");
  const other = await log.join(aiSdkDialect, "12");
  await turn();
  reader.full = true;
  for (let left = 20; left > 0; left -= 1) {
    await log.append(...DELTAS);
    await turn();
  }
  await until(() => other.text.split("word ").length === 2_001);
  expect(behind).toEqual([]);
  reader.full = false;
  await until(() => reader.text === other.text);
  expect(behind[0]).toBe(2_000);
});
