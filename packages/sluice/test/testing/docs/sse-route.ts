// sse-route.ts
import { createSSEStream, sseResponse } from "sluice/sse";

export async function GET(request: Request): Promise<Response> {
  const { stream, send, close } = createSSEStream({ signal: request.signal });
  for (const step of ["searching", "reading", "writing"]) send({ event: "progress", data: { step } });
  close();
  return sseResponse(stream);
}
