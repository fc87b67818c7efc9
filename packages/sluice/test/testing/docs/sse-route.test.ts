// sse-route.test.ts
import { afterEach, expect, it, vi } from "vitest";
import { GET } from "./sse-route.ts";

const sse = await vi.hoisted(async () => (await import("sluice/testing")).mockSSEStream());
vi.mock("sluice/sse", () => sse);
afterEach(() => sse.clear());

it("tells each step, then closes", async () => {
  const response = await GET(new Request("http://localhost/"));
  expect(sse.send).toHaveBeenCalledTimes(3);
  expect(sse.send).toHaveBeenCalledWith({ event: "progress", data: { step: "reading" } });
  expect(sse.close).toHaveBeenCalledOnce();
  expect(await response.text()).toContain('data: {"step":"writing"}');
});
