// route.test.ts
import { scriptedModel } from "sluice/testing";
import { expect, it } from "vitest";
import { createApp } from "./app.ts";

const ask = (path: string, content: string): Request =>
  new Request(`http://localhost${path}`, {
    method: "POST",
    headers: { "x-user": "alice" },
    body: JSON.stringify({ message: { content } }),
  });

it("answers with what the model says", async () => {
  const model = scriptedModel([
    { type: "reasoning", text: "Osaka, then." },
    { type: "tool", name: "weather", input: { city: "Osaka" }, output: { celsius: 21 } },
    "It is ",
    "21 °C.",
  ]);
  const response = await createApp(model).handle(ask("/generate", "Weather in Osaka?"));
  expect(await response.json()).toMatchObject({ status: "finished", text: "It is 21 °C." });
  expect(model.calls[0]?.request.messages).toEqual([{ role: "user", content: "Weather in Osaka?" }]);
});

it("keeps what was said before the model failed, and names no secret", async () => {
  const model = scriptedModel(["It is ", new Error("key sk-123 is wrong")]);
  const text = await (await createApp(model).handle(ask("/stream", "Weather?"))).text();
  expect(text).toContain('data: {"content":"It is "}');
  expect(text).toContain("event: error");
  expect(text).not.toContain("sk-123");
});

it("stops the model's call when the person stops the answer", async () => {
  const model = scriptedModel(["It is ", { type: "pause" }, "never said"]);
  const app = createApp(model);
  const response = await app.handle(ask("/stream", "Weather?"));
  await model.untilPaused();
  await app.handle(ask(`/runs/${response.headers.get("sluice-run-id")}/stop`, ""));
  expect(await model.calls[0]?.ended).toBe("aborted");
  expect(await response.text()).toContain('"finishReason":"abort"');
});
