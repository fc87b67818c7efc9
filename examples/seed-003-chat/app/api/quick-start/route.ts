import { createSSEStream, sseResponse } from "sluice/sse";

/** The document's quick start (line 21). */
export async function GET(): Promise<Response> {
  const { stream, send, close } = createSSEStream();

  // Send events
  send({ event: "message", data: { content: "Hello!" } });
  send({ event: "done", data: {} });
  close();

  return sseResponse(stream);
}
