import { expect, it, vi } from "vitest";
import { GET } from "../app/api/quick-start/route.ts";

const { mockSend, mockClose } = vi.hoisted(() => ({
  mockSend: vi.fn<(message: unknown) => boolean>(),
  mockClose: vi.fn<() => void>(),
}));

vi.mock("sluice/sse", () => ({
  createSSEStream: () => ({
    stream: new ReadableStream(),
    send: mockSend,
    close: mockClose,
  }),
  sseResponse: (stream: ReadableStream) => new Response(stream),
}));

it("the document's mock of an SSE stream stands in for ours", async () => {
  expect((await GET()).status).toBe(200);
  expect(mockSend.mock.calls).toEqual([
    [{ event: "message", data: { content: "Hello!" } }],
    [{ event: "done", data: {} }],
  ]);
  expect(mockClose).toHaveBeenCalledOnce();
});
