import { createSSEStream, encodeEvent, sseResponse } from "sluice/sse";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { GET } from "./mocked-route.ts";

const sse = await vi.hoisted(async () => (await import("sluice/testing")).mockSSEStream());
vi.mock("sluice/sse", () => sse);

beforeEach(() => sse.clear());

describe("mockSSEStream inside vi.mock", () => {
  it("is what a route gets that imports sluice/sse", async () => {
    expect(createSSEStream).toBe(sse.createSSEStream);
    const response = GET();
    expect(sse.createSSEStream).toHaveBeenCalledTimes(1);
    expect(sse.sseResponse).toHaveBeenCalledWith(sse.streams[0]?.stream);
    expect(sse.send).toHaveBeenCalledWith({ event: "chunk", data: { content: "Hel" } });
    expect(sse.send).toHaveBeenLastCalledWith({ event: "done", data: {} });
    expect(sse.send).toHaveReturnedWith(true);
    expect(sse.close).toHaveBeenCalledOnce();
    expect(sse.send).toHaveBeenCalledBefore(sse.close as never);
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    // The stream is a real one.
    expect(await response.text()).toBe(
      'event: chunk\ndata: {"content":"Hel"}\n\nevent: chunk\ndata: {"content":"lo"}\n\nevent: done\ndata: {}\n\n',
    );
  });

  it("fails an assertion that is wrong", () => {
    GET();
    expect(() => expect(sse.send).toHaveBeenCalledWith({ event: "chunk", data: "other" })).toThrow("send");
    expect(() => expect(sse.close).not.toHaveBeenCalled()).toThrow("close");
    expect(() => expect(sse.close).toHaveBeenCalledBefore(sse.send as never)).toThrow("close");
  });

  it("has the calls as plain lists too, and forgets them when told", () => {
    GET();
    expect(sse.send.calls.map(([message]) => message.event)).toEqual(["chunk", "chunk", "done"]);
    expect(sse.streams).toHaveLength(1);
    sse.clear();
    expect([sse.send.calls, sse.close.calls, sse.streams]).toEqual([[], [], []]);
    expect(sse.send).not.toHaveBeenCalled();
  });

  it("tells the sender of a reader that leaves, and remembers what it threw", async () => {
    const { send, signal, stream, close } = createSSEStream();
    expect(send.ended.aborted).toBe(false);
    await stream.cancel("gone");
    expect([signal.aborted, send.ended.aborted, send({ data: "late" })]).toEqual([true, true, false]);
    close();
    const other = createSSEStream();
    expect(() => other.send({ event: "a\nb", data: "" })).toThrow("event");
    expect(sse.send).toHaveBeenCalledTimes(2);
    expect(() => expect(sse.send).toHaveLastReturnedWith(true)).toThrow("send");
  });

  it("leaves the rest of sluice/sse as it is", () => {
    expect(encodeEvent({ data: "x" })).toBe("data: x\n\n");
    expect(sseResponse(new ReadableStream()).status).toBe(200);
  });
});
