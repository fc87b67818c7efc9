import { startOpenAIServer } from "sluice/testing";
import { expect, it } from "vitest";
import { question, site } from "./support.ts";

// The seed answered a rate limit with a whole answer in place of the stream; here the headers of /stream are out by then.
it("a stream that the provider refuses with 429 gets its answer in one piece", async () => {
  const provider = await startOpenAIServer({
    script: ({ body }) =>
      body["stream"] === true
        ? [{ type: "status", status: 429, headers: { "retry-after-ms": "1" } }]
        : [{ type: "text", text: "All at once." }, { type: "finish" }],
  });
  try {
    const at = await site({ OPENAI_BASE_URL: provider.url, OPENAI_API_KEY: "sk-test", SLUICE_MODEL: "small" });
    const { status, text } = await at.ask({ body: question("Hi") });
    expect(status).toBe(200);
    expect(text).toContain("event: chunk\n");
    expect(text).toMatch(/event: message\n.*\n?data: .*"content":"All at once\."/);
    expect(text).toMatch(/event: done\n.*\n?data: \{"finishReason":"stop"/);
  } finally {
    await provider.close();
  }
});
