import { describe, expect, it } from "vitest";
import { SSE_CONTENT_TYPE, createSSEStream, sseHeaders, sseResponse } from "../../src/sse/index.ts";

function emptyStream(): ReadableStream<Uint8Array> {
  const { stream, close } = createSSEStream();
  close();
  return stream;
}

describe("sseHeaders", () => {
  it("keeps caches and proxies from holding events back, and is fit for HTTP/2", () => {
    expect(sseHeaders()).toEqual({
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-cache, no-transform",
      "X-Accel-Buffering": "no",
      Vary: "Accept-Encoding",
    });
    expect(SSE_CONTENT_TYPE).toBe("text/event-stream");
  });

  it("adds Connection only when asked", () => {
    expect(sseHeaders({ keepAlive: true })["Connection"]).toBe("keep-alive");
    expect(sseHeaders({ keepAlive: false })).toEqual(sseHeaders());
  });
});

describe("sseResponse", () => {
  it("answers 200 with the stream and the headers of the document", async () => {
    const { stream, send, close } = createSSEStream();
    send({ data: "a" });
    close();
    const response = sseResponse(stream);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toEqual({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      connection: "keep-alive",
      "x-accel-buffering": "no",
      vary: "Accept-Encoding",
    });
    expect(await response.text()).toBe("data: a\n\n");
  });

  it("lets status and headers of the caller win, and joins Vary", () => {
    const headers = new Headers({ "cache-control": "no-store", vary: "Origin", "x-mine": "1" });
    headers.append("Set-Cookie", "a=1");
    headers.append("Set-Cookie", "b=2");
    const response = sseResponse(emptyStream(), { status: 201, statusText: "Made", headers });
    expect(response.status).toBe(201);
    expect(response.statusText).toBe("Made");
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(response.headers.get("Content-Type")).toBe("text/event-stream");
    expect(response.headers.get("Vary")).toBe("Origin, Accept-Encoding");
    expect(response.headers.get("X-Mine")).toBe("1");
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(headers.get("X-Accel-Buffering")).toBeNull(); // the caller's object is left as it was
  });

  it("cancels the stream when the body is cancelled", async () => {
    const { stream, send, signal } = createSSEStream();
    const response = sseResponse(stream);
    expect(send({ data: "a" })).toBe(true);
    await response.body?.cancel("gone");
    expect(signal.reason).toBe("gone");
    expect(send({ data: "b" })).toBe(false);
  });
});
