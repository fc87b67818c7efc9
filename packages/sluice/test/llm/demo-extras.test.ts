import { describe, expect, it } from "vitest";
import { createOrder, fold } from "../../src/chat/index.ts";
import type { ChatEvent } from "../../src/chat/index.ts";
import { createDemoModel } from "../../src/llm/index.ts";

describe("what stands beside the words", () => {
  it.each([
    ["tool=weather", ["tool-weather", "text"]],
    ["tool=search", ["step-start", "tool-search", "step-start", "text", "source-url", "source-url", "source-document"]],
    ["tool=broken reasoning", ["reasoning", "tool-read_archive", "text"]],
    ["tool=search reasoning sources=1", ["step-start", "reasoning", "tool-search", "step-start", "text", "source-url"]],
    ["tool=denied", ["tool-delete_notes", "text"]],
    ["sources=4", ["text", "source-url", "source-url", "source-document", "source-url"]],
    ["file=picture", ["text", "file"]],
    ["file=table sources=1", ["text", "file", "source-url"]],
    ["tool=search sources=0", ["step-start", "tool-search", "step-start", "text"]],
  ])("%s keeps the order of chat events, is the same each time and changes no number of words", async (hint, parts) => {
    const events: ChatEvent[] = [{ type: "start" }, ...(await ask(`Explain “rivers” 🌊 ${hint} words=150 rate=max`))];
    const order = createOrder();
    for (const event of events) order.accept(event);
    expect(order.ended).toBe(true);
    expect(fold(events).parts.map(({ type }) => type)).toEqual(parts);
    expect(wordsOf(textOf(events))).toBe(150);
    expect([{ type: "start" }, ...(await ask(`Explain “rivers” 🌊 ${hint} words=150 rate=max`))]).toEqual(events);
  });

  it("is a tool whose input text is the JSON of its input", async () => {
    for (const tool of ["weather", "search", "broken", "denied"]) {
      const events = await ask(`Rivers, “and” \\ bridges tool=${tool} rate=max`);
      const text = events.map((event) => (event.type === "tool-input-delta" ? event.inputTextDelta : "")).join("");
      const given = events.find(({ type }) => type === "tool-input-available");
      expect(given).toMatchObject({ input: JSON.parse(text) });
    }
  });

  it("is a tool that shows a piece of its output before all of it, one that fails, one that may not run", async () => {
    const outputs = (await ask("tool=search rate=max")).filter(({ type }) => type === "tool-output-available");
    expect(outputs.map((event) => "preliminary" in event && event.preliminary)).toEqual([true, false]);
    const broken = fold([{ type: "start" }, ...(await ask("tool=broken rate=max"))]).parts[0];
    expect(broken).toMatchObject({ state: "output-error", errorText: "The archive has nothing before 1901." });
    const denied = await ask("tool=denied rate=max");
    expect(denied.map(({ type }) => type)).toContain("tool-approval-request");
    expect(fold([{ type: "start" }, ...denied]).parts[0]).toMatchObject({ state: "output-denied" });
  });

  it("is a file that can be read: an SVG image, a CSV table", async () => {
    const [picture, table] = await Promise.all(
      ["picture", "table"].map(async (file) =>
        (await ask(`file=${file} rate=max`)).find(({ type }) => type === "file"),
      ),
    );
    expect(contentOf(picture)).toMatch(/^<svg [^]*<\/svg>$/);
    expect(contentOf(table)).toMatch(/^subject,parts,count\nrivers,bends,\d+\n/);
  });
});

function contentOf(event: ChatEvent | undefined): string {
  return event?.type === "file" ? atob(event.url.slice(event.url.indexOf(",") + 1)) : "";
}

async function ask(content: string): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  const messages = [{ role: "user", content }] as const;
  for await (const event of createDemoModel().stream({ messages }, new AbortController().signal)) events.push(event);
  return events;
}

function textOf(events: readonly ChatEvent[]): string {
  return events.map((event) => (event.type === "text-delta" ? event.delta : "")).join("");
}

function wordsOf(text: string): number {
  return text.split(/\s+/).filter((word) => word !== "").length;
}
