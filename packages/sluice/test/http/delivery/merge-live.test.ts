import { expect, it } from "vitest";
import type { RunEvent } from "../../../src/chat/index.ts";
import { simpleDialect } from "../../../src/dialects/index.ts";
import { createBench, eventsIn, turn, until } from "./support.ts";

const say = (delta: string): RunEvent => ({ type: "text-delta", id: "t", delta });

it("one who is alone in the feed and fell behind is sent merged deltas, not the feed's backlog", async () => {
  const bench = await createBench({ mergeBehind: 32 });
  await bench.append({ type: "start" }, { type: "text-start", id: "t" });
  const reader = await bench.join(simpleDialect);
  for (let left = 5; left > 0; left -= 1) await turn();
  reader.full = true;
  for (let left = 500; left > 0; left -= 1) await bench.append(say("word "));
  reader.full = false;
  await until(() => reader.text.split("word ").length === 501);
  expect((await eventsIn(reader.text)).filter(({ event }) => event === "chunk").length).toBeLessThan(10);
});
