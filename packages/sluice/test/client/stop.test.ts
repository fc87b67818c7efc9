import { describe, expect, it } from "vitest";
import { stopRun } from "../../src/client/index.ts";
import { refused, scriptedFetch } from "./support.ts";

describe("stopRun", () => {
  it.each([
    "https://example.test/api/runs/run_1",
    "https://example.test/api/runs/run_1/",
    "https://example.test/api/runs/run_1/events?dialect=ai-sdk",
  ])("posts to the stop of %s and tells the status", async (url) => {
    const { fetch, asked } = scriptedFetch(() => Response.json({ id: "run_1", status: "aborted" }));
    expect(await stopRun(url, { fetch, headers: { authorization: "Bearer k" } })).toEqual({ status: "aborted" });
    expect(asked).toMatchObject([{ method: "POST", url: "https://example.test/api/runs/run_1/stop" }]);
    expect(asked[0]?.headers.get("authorization")).toBe("Bearer k");
  });

  it("fails with the server's words", async () => {
    const { fetch } = scriptedFetch(() => refused(404, "run/not-found"));
    const stopping = stopRun("https://example.test/runs/run_2", { fetch });
    await expect(stopping).rejects.toMatchObject({
      code: "client/refused",
      details: { status: 404, code: "run/not-found" },
    });
  });
});
