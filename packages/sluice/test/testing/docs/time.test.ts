// time.test.ts
import { createSluice } from "sluice/http";
import { createManualClock, scriptedModel } from "sluice/testing";
import { expect, it } from "vitest";

it("ends an answer that takes longer than a minute, in no time", async () => {
  const clock = createManualClock();
  const model = scriptedModel(["One moment … ", { type: "wait", ms: 90_000 }, "never said"], { clock });
  const app = createSluice({
    clock,
    limits: { maxDurationMs: 60_000 },
    authorize: () => "alice",
    answer:
      ({ messages }) =>
      ({ signal }) =>
        model.stream({ messages }, signal),
  });
  const body = JSON.stringify({ message: { content: "Hi" } });
  const response = await app.handle(new Request("http://localhost/stream", { method: "POST", body }));
  const text = response.text();
  await clock.advance(59_999);
  expect(model.calls[0]?.status).toBe("running");
  await clock.advance(1);
  expect(model.calls[0]?.status).toBe("aborted");
  expect(await text).toContain("run/max-duration");
});
