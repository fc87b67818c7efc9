import { createSSEStream, sseResponse } from "sluice/sse";

/** A route as its developer wrote it, who knows of no test. */
export function GET(): Response {
  const { stream, send, close } = createSSEStream();
  for (const content of ["Hel", "lo"]) send({ event: "chunk", data: { content } });
  send({ event: "done", data: {} });
  close();
  return sseResponse(stream);
}
