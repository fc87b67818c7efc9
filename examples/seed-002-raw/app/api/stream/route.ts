import { encodeEvent } from "sluice/sse";

const text = "This is a streamed response from the server.";

/**
 * The document's raw stream (line 31), of Web APIs only, with what it lacks: events instead of bare words, an end when
 * the reader has gone, and a last event by which a reader knows that it has everything. It keeps nothing.
 */
export async function POST(_request: Request): Promise<Response> {
  const encoder = new TextEncoder();
  const left = new AbortController();

  const stream = new ReadableStream<Uint8Array>({
    async start(controller) {
      // Simulate an LLM stream
      for (const chunk of text.split(" ")) {
        // Add delay to simulate processing
        await new Promise((resolve) => setTimeout(resolve, 100));
        if (left.signal.aborted) return;

        // Enqueue the chunk
        controller.enqueue(encoder.encode(encodeEvent({ data: chunk + " " })));
      }

      controller.enqueue(encoder.encode(encodeEvent({ event: "done", data: {} })));
      controller.close();
    },
    cancel: (reason) => left.abort(reason),
  });

  return new Response(stream, {
    headers: {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-cache",
      Connection: "keep-alive",
    },
  });
}
