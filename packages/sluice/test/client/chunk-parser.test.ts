import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createChunkParser } from "../../src/client/index.ts";
import { encodeEvent } from "../../src/sse/index.ts";

type Words = (texts: readonly string[]) => readonly { readonly event: string; readonly data: string }[];
const json = (event: string, data: unknown): { event: string; data: string } => ({ event, data: JSON.stringify(data) });

const DIALECTS: Readonly<Record<string, Words>> = {
  graph: (texts) => [
    json("stream_event", { type: "start" }),
    ...texts.map((content) => json("stream_event", { type: "chunk", content })),
    json("final", { text: texts.join(""), attachments: [], metadata: { finishReason: "stop" } }),
  ],
  "graph-channels": (texts) => [
    json("stream_event", { channel: "processing", delta: { type: "text_chunk", text: "not this" } }),
    ...texts.map((text) => json("stream_event", { channel: "text", delta: { type: "text_chunk", text } })),
    json("final", { text: texts.join(""), attachments: [], metadata: {} }),
  ],
  simple: (texts) => [
    json("typing", { isTyping: true }),
    ...texts.map((content) => json("chunk", { content })),
    json("message", { id: "m", role: "assistant", content: texts.join("") }),
    json("done", { finishReason: "stop" }),
  ],
};

describe.each(Object.entries(DIALECTS))("a parser of chunks, on %s,", (_dialect, words) => {
  it("gives the text once, wherever the bytes are cut", () => {
    const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "grapheme" }), { maxLength: 8 }),
        cuts,
        fc.boolean(),
        (texts, at, asText) => {
          const bytes = new TextEncoder().encode(
            words(texts)
              .map((event) => encodeEvent(event))
              .join(": ping\n\n"),
          );
          const places = [0, ...at.filter((place) => place < bytes.length).sort((a, b) => a - b), bytes.length];
          const parser = createChunkParser();
          const decoder = new TextDecoder();
          let text = "";
          for (const [index, place] of places.slice(1).entries()) {
            const chunk = bytes.subarray(places[index], place);
            text += parser.push(asText ? decoder.decode(chunk, { stream: true }) : chunk);
          }
          expect(text).toBe(texts.join(""));
          expect(parser.final?.text).toBe(text);
          expect(parser.error).toBeUndefined();
        },
      ),
    );
  });
});

describe("a parser of chunks", () => {
  it("knows an answer that failed, and keeps its text", () => {
    const parser = createChunkParser();
    const bytes = [
      encodeEvent(json("stream_event", { type: "chunk", content: "Once" })),
      encodeEvent(json("error", { message: "The model failed.", code: "llm/failed" })),
    ].join("");
    expect(parser.push(bytes)).toBe("Once");
    expect([parser.final, parser.error]).toEqual([undefined, { code: "llm/failed", message: "The model failed." }]);
  });

  it("knows no end of an answer that was cut off", () => {
    const parser = createChunkParser();
    expect(parser.push('event: stream_event\ndata: {"type":"chunk","content":"On"}\n\nevent: final\ndata: {"te')).toBe(
      "On",
    );
    expect([parser.final, parser.error]).toEqual([undefined, undefined]);
  });

  it("passes over what is none of its words", () => {
    const parser = createChunkParser();
    expect(parser.push("event: stream_event\ndata: not JSON\n\ndata: 7\n\nevent: stream_event\ndata: null\n\n")).toBe(
      "",
    );
  });
});
