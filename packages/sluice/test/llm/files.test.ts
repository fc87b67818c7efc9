import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { createDemoModel, createOpenAIModel, type Model, type ModelFile } from "../../src/llm/index.ts";
import { startOpenAIServer } from "../../src/testing/openai-server.ts";

const never = new AbortController().signal;
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const dataUrl = (mediaType: string, text: string): string => `data:${mediaType};base64,${base64(text)}`;

async function textOf(model: Model, content: string, files: readonly ModelFile[]): Promise<string> {
  let text = "";
  for await (const event of model.stream({ messages: [{ role: "user", content, files }] }, never)) {
    if (event.type === "text-delta") text += event.delta;
  }
  return text;
}

describe("files behind OpenAI's chat completions", () => {
  const address = "https://example.test/a.heic";
  it.each<readonly [string, ModelFile, object]>([
    [
      "an image as an image",
      { url: dataUrl("image/png", "png"), mediaType: "image/png", filename: "a.png" },
      { type: "image_url", image_url: { url: dataUrl("image/png", "png") } },
    ],
    [
      "an image by its address",
      { url: address, mediaType: "image/heic" },
      { type: "image_url", image_url: { url: address } },
    ],
    [
      "sound as sound",
      { url: dataUrl("audio/mpeg", "mp3"), mediaType: "audio/mpeg" },
      { type: "input_audio", input_audio: { data: base64("mp3"), format: "mp3" } },
    ],
    [
      "text as text, with its name",
      { url: dataUrl("text/markdown", "# Grüße"), mediaType: "text/markdown", filename: 'a "b".md' },
      { type: "text", text: '"a \\"b\\".md" (text/markdown):\n\n# Grüße' },
    ],
    [
      "what is text by another type as text",
      { url: dataUrl("application/ld+json", "{}"), mediaType: "application/ld+json" },
      { type: "text", text: '"file.ld+json" (application/ld+json):\n\n{}' },
    ],
    [
      "an image that is text as text",
      { url: dataUrl("image/svg+xml", "<svg/>"), mediaType: "image/svg+xml", filename: "a.svg" },
      { type: "text", text: '"a.svg" (image/svg+xml):\n\n<svg/>' },
    ],
    [
      "anything else as a file",
      { url: dataUrl("application/pdf", "pdf"), mediaType: "application/pdf", filename: "a.pdf" },
      { type: "file", file: { filename: "a.pdf", file_data: dataUrl("application/pdf", "pdf") } },
    ],
    [
      "a file without a name by its type",
      { url: dataUrl("application/pdf", "pdf"), mediaType: "application/pdf" },
      { type: "file", file: { filename: "file.pdf", file_data: dataUrl("application/pdf", "pdf") } },
    ],
  ])("go as %s", async (_, file, part) => {
    const server = await startOpenAIServer();
    try {
      const client = new OpenAI({ apiKey: "key", baseURL: server.url, maxRetries: 0, logLevel: "off" });
      const model = createOpenAIModel({ client, model: "gpt-test" });
      await textOf(model, "What is this?", [file]);
      await textOf(model, "", [file]);
      const question = { type: "text", text: "What is this?" };
      expect(server.requests.map(({ body }) => body["messages"])).toEqual([
        [{ role: "user", content: [question, part] }],
        [{ role: "user", content: [part] }],
      ]);
    } finally {
      await server.close();
    }
  });

  it("are the user's alone", async () => {
    const server = await startOpenAIServer();
    try {
      const client = new OpenAI({ apiKey: "key", baseURL: server.url, maxRetries: 0, logLevel: "off" });
      const files = [{ url: dataUrl("image/png", "png"), mediaType: "image/png" }];
      const messages = [
        { role: "assistant", content: "Here.", files } as const,
        { role: "user", content: "Hi" } as const,
      ];
      for await (const _ of createOpenAIModel({ client, model: "gpt-test" }).stream({ messages }, never));
      expect(server.requests[0]?.body["messages"]).toEqual([
        { role: "assistant", content: "Here." },
        { role: "user", content: "Hi" },
      ]);
    } finally {
      await server.close();
    }
  });
});

describe("files before the demo model", () => {
  const demo = createDemoModel();

  it("are named with type and size, and it says that it cannot read them", async () => {
    const files = [
      { url: dataUrl("text/plain", "12345"), mediaType: "text/plain", filename: "a`b.txt" },
      {
        url: `data:application/pdf;base64,${base64("x".repeat(3_000_000))}`,
        mediaType: "application/pdf",
        filename: "r.pdf",
      },
      { url: dataUrl("image/png", "x".repeat(2_047)), mediaType: "image/png" },
      { url: "https://example.test/a.png", mediaType: "image/png", filename: "a.png" },
    ];
    const text = await textOf(demo, "What is this? rate=max", files);
    expect(text).toContain(
      [
        "You attached 4 files, which a demo cannot read:",
        "",
        "- `a'b.txt` (text/plain, 5 bytes)",
        "- `r.pdf` (application/pdf, 2.9 MiB)",
        "- `without a name` (image/png, 2 KiB)",
        "- `a.png` (image/png, by its address)",
      ].join("\n"),
    );
    expect(text.match(/\S+/g)).toHaveLength(120);
  });

  it("are at most eight by name, and none are not spoken of", async () => {
    const file = { url: dataUrl("text/plain", "1"), mediaType: "text/plain", filename: "x".repeat(255) };
    const text = await textOf(
      demo,
      "rate=max",
      Array.from({ length: 10 }, () => file),
    );
    expect(text).toContain("- and 2 more");
    expect(text.match(/x{60}`/g)).toHaveLength(8);
    expect(await textOf(demo, "rate=max", [file])).toContain("You attached a file, which");
    expect(await textOf(demo, "rate=max", [])).not.toContain("attached");
  });
});
