import { describe, expect, it } from "vitest";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { SITES, ask, createValve, say } from "./support.ts";

for (const [kind, start] of Object.entries(SITES)) {
  describe(`the heartbeat over ${kind}`, () => {
    it("is a comment after 15 s of silence, counted from the last frame, and ends with the answer", async () => {
      const clock = createManualClock();
      const valve = createValve();
      const site = await start({ answer: valve.answer, clock });
      const response = await site.fetch("/stream", ask("Hello"));
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      const until = async (wanted: string): Promise<void> => {
        while (!text.includes(wanted)) text += (await reader?.read())?.value ?? "";
      };
      const rest = async (): Promise<string> => {
        for (let step = await reader?.read(); step?.done === false; step = await reader?.read()) text += step.value;
        return text;
      };

      await until("event: typing");
      text = "";
      await clock.advance(14_000);
      valve.push(...say("a"));
      await until('{"content":"a"}');
      text = "";
      await clock.advance(14_999);
      expect(text).toBe("");
      await clock.advance(1);
      await until(":\n\n");
      expect(text).toBe(":\n\n");
      text = "";
      await clock.advance(15_000);
      await until(":\n\n");
      valve.end();
      expect(await rest()).toContain("event: done");
      await clock.advance(2_000); // the node looks once more whether it has leases to renew
      expect(clock.timers).toBe(0);
      await site.close();
    });
  });
}

describe("the heartbeat of a reader that pauses inside a large frame", () => {
  it("waits for the end of the frame", async () => {
    const clock = createManualClock();
    const valve = createValve();
    const site = await SITES["Web Request and Response"]!({ answer: valve.answer, clock });
    const delta = "x".repeat(300_000);
    valve.push({ type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta });
    valve.end();
    const response = await site.fetch("/stream", ask("Hello"));
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    let pieces = 0;
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      text += step.value;
      if (step.value.startsWith("x") && (pieces += 1) < 4) await clock.advance(16_000);
    }
    expect(pieces).toBeGreaterThan(3);
    expect(text).toContain(`data: {"content":"${delta}"}\n\n`);
    expect(text).toContain("event: done");
    await site.close();
  });
});
