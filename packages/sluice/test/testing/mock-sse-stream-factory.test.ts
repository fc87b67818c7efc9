import { createSSEStream } from "sluice/sse";
import type { MockSSEStream } from "sluice/testing";
import { expect, it, vi } from "vitest";
import { GET } from "./mocked-route.ts";

vi.mock("sluice/sse", async () => (await import("sluice/testing")).mockSSEStream());

it("mockSSEStream is made in the factory of vi.mock, and its spies are in the mocked module", async () => {
  const { send, close } = (await import("sluice/sse")) as unknown as MockSSEStream;
  GET();
  expect(createSSEStream).toHaveBeenCalledOnce();
  expect(send).toHaveBeenCalledTimes(3);
  expect(close).toHaveBeenCalledOnce();
});
