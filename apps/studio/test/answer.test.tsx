import type { MessagePart, ToolPart } from "sluice/chat";
import type { ChatAnswer, ChatQuestion } from "sluice/client";
import type { ReactNode } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { Answer } from "../src/components/answer.tsx";
import { Question } from "../src/components/question.tsx";

describe("an answer", () => {
  it("shows its parts in the order in which they came", () => {
    const html = rendered([
      { type: "reasoning", text: "I think.", state: "done" },
      said("First."),
      tool({ state: "output-available", output: { celsius: 21 } }),
      { type: "step-start" },
      said("Second."),
    ]);
    const order = ["I think.", "First.", "weather", `<hr class="step"/>`, "Second."].map((text) => html.indexOf(text));
    expect(order.every((place, index) => place > (order[index - 1] ?? -1))).toBe(true);
  });

  it("draws no line above its first step", () => {
    expect(rendered([{ type: "step-start" }, said("Words.")])).not.toContain("<hr");
  });

  it("counts what it cost, and names its model", () => {
    const usage = { inputTokens: 1_204, outputTokens: 1, reasoningTokens: 300 };
    const words = wordsOf(rendered([said("Yes.")], { usage, metadata: { model: "small" } }));
    expect(words).toContain("small1,204 tokens in1 token out300 tokens of it reasoning");
    expect(wordsOf(rendered([said("Yes.")], { metadata: { route: { model: "large" } } }))).toContain("large");
  });

  it("is busy while it runs, and offers nothing to copy yet", () => {
    const html = rendered([said("Wor", "streaming")], { status: "streaming" });
    expect(html).toContain(`aria-busy="true"`);
    expect(html).not.toContain("Copy answer");
    expect(rendered([said("Words.")])).toContain("Copy answer");
  });

  it("can be asked for again only where the page says so", () => {
    expect(rendered([said("Words.")])).not.toContain("Regenerate");
    const again = renderToStaticMarkup(<Answer message={message([said("Words.")])} onRegenerate={() => undefined} />);
    expect(again).toContain("Regenerate");
  });
});

describe("an answer that is not whole", () => {
  it.each<[string, Partial<ChatAnswer>, string]>([
    ["was stopped", { status: "aborted" }, "Stopped"],
    [
      "failed",
      { status: "failed", error: { code: "llm/failed", message: "It failed." } },
      "The answer broke off here. It failed.",
    ],
    ["is not all here", { status: "streaming" }, "The rest of this answer has not arrived here."],
    ["was too long", { finishReason: "length" }, "Cut off: the model reached its limit of length."],
    ["was filtered", { finishReason: "content-filter" }, "Cut off: the provider’s filter stopped it."],
  ])("says so when it %s", (_name, more, words) => {
    const html = renderToStaticMarkup(<Answer message={message([said("Some wor")], more)} running={false} />);
    expect(wordsOf(html)).toContain(words);
  });

  it("says nothing of the kind when it is whole", () => {
    expect(rendered([said("Words.")])).not.toMatch(/note|broken/);
  });

  it("leaves to the page what it can say better", () => {
    const failed = message([], { status: "failed", error: { code: "x", message: "Unsaid." } });
    const html = renderToStaticMarkup(<Answer message={failed} notice={<p>Try again?</p>} />);
    expect(html).toContain("Try again?");
    expect(html).not.toContain("Unsaid.");
    expect(renderToStaticMarkup(<Answer message={failed} notice={null} />)).toContain("Unsaid.");
  });

  it("says that there is none, when there is none", () => {
    expect(wordsOf(rendered([], { status: "failed" }))).toContain("There is no answer.");
    expect(wordsOf(rendered([], { status: "aborted" }))).toContain("Stopped before it began");
    expect(wordsOf(rendered([]))).toContain("The model answered nothing.");
  });

  it("shows no marks of what it broke off in", () => {
    expect(rendered([said("so **bol")], { status: "aborted" })).toContain("<strong>bol</strong>");
  });
});

describe("a tool call", () => {
  it.each<[ToolPart["state"], Partial<ToolPart>, string, string]>([
    ["input-streaming", { inputText: '{"city": "Os' }, "Preparing…", "weatherOs"],
    ["input-available", {}, "Running…", "Osaka"],
    ["approval-requested", {}, "Waits for approval", "Osaka"],
    ["output-available", { output: 21 }, "Done", "Osaka"],
    ["output-available", { output: 21, preliminary: true }, "Running…", "Osaka"],
    ["output-error", { errorText: "No such city." }, "Failed", "No such city."],
    ["output-denied", {}, "Denied", "Osaka"],
  ])("says what it does: %s %j", (state, more, words, detail) => {
    const html = wordsOf(rendered([tool({ state, ...more })], { status: "streaming" }));
    expect(html).toContain(words);
    expect(html).toContain(detail);
  });

  it("does not look busy once nothing more comes", () => {
    for (const state of ["input-streaming", "input-available"] as const)
      expect(rendered([tool({ state })], { status: "aborted" })).not.toContain(`data-kind="busy"`);
    const half = tool({ state: "output-available", preliminary: true, output: 1 });
    expect(wordsOf(rendered([half], { status: "failed" }))).toContain("Broken off");
  });

  it("stands open where somebody has to look, and shows of a long output its beginning", () => {
    expect(rendered([tool({ state: "approval-requested" })])).toMatch(/<details[^>]* open=""/);
    expect(rendered([tool({ state: "output-available" })])).not.toMatch(/<details[^>]* open=""/);
    const errorText = "line\n".repeat(5_000);
    const html = rendered([tool({ state: "output-error", errorText })]);
    expect(html.length).toBeLessThan(6_000);
    expect(html).toContain("Show all (25,000 characters)");
  });
});

describe("reasoning", () => {
  it("stands open while it comes, and closed when the answer has begun", () => {
    const thinking: MessagePart = { type: "reasoning", text: "Hm.", state: "streaming" };
    expect(rendered([thinking], { status: "streaming" })).toMatch(/<details class="aside reasoning" open=""/);
    expect(rendered([thinking, said("Yes", "streaming")], { status: "streaming" })).not.toContain(`open=""`);
  });
});

describe("sources, files and data", () => {
  it("are named with where they are, and lead nowhere but to the web", () => {
    const html = rendered([
      { type: "source-url", sourceId: "1", url: "https://www.a.test/b", title: "A title" },
      { type: "source-url", sourceId: "1", url: "javascript:alert(1)", title: "Bad" },
      { type: "source-document", sourceId: "2", mediaType: "application/pdf", title: "Report", filename: "r.pdf" },
    ]);
    expect(html).toContain(`href="https://www.a.test/b" target="_blank" rel="noopener noreferrer nofollow"`);
    expect(html).toContain("a.test");
    expect(html).not.toContain("javascript:");
    expect(wordsOf(html)).toContain("Reportr.pdf");
  });

  it("show an image that came along, and offer other files", () => {
    const html = rendered([
      { type: "file", url: "data:image/png;base64,AAAA", mediaType: "image/png" },
      { type: "file", url: "data:text/csv;base64,YSxiCg==", mediaType: "text/csv" },
      { type: "file", url: "https://a.test/a%20b.pdf", mediaType: "application/pdf" },
      { type: "file", url: "https://a.test/c.png", mediaType: "image/png" },
      { type: "file", url: "javascript:alert(1)", mediaType: "text/html" },
    ]);
    expect(html.match(/<img/g)).toHaveLength(1);
    expect(html).toContain(`<img src="data:image/png;base64,AAAA" alt="Image (image/png)"`);
    expect(wordsOf(html)).toContain("text/csv · 4 B");
    expect(wordsOf(html)).toContain("a b.pdfapplication/pdf · a.test");
    expect(html).not.toContain("javascript:");
  });

  it("show data that this page does not know as what it is", () => {
    expect(wordsOf(rendered([{ type: "data-weather", data: { sky: "clear" } }]))).toContain(`weather{"sky":"clear"}`);
  });
});

describe("a question", () => {
  it("stands there as it was written, and says when it was not sent", () => {
    const asked: ChatQuestion = { id: "1", role: "user", parts: [], content: "a **b**\n<c>", status: "failed" };
    const html = renderToStaticMarkup(<Question message={asked} />);
    expect(wordsOf(html)).toContain("a **b**\n<c>");
    expect(wordsOf(html)).toContain("Not sent");
  });
});

function message(parts: readonly MessagePart[], more: Partial<ChatAnswer> = {}): ChatAnswer {
  return { id: "1", role: "assistant", parts, content: "", status: "finished", finishReason: "stop", ...more };
}

function rendered(parts: readonly MessagePart[], more?: Partial<ChatAnswer>): string {
  const answer: ReactNode = <Answer message={message(parts, more)} />;
  return renderToStaticMarkup(answer);
}

function said(text: string, state: "streaming" | "done" = "done"): MessagePart {
  return { type: "text", text, state };
}

function tool(more: Partial<ToolPart>): ToolPart {
  const input = more.state === "input-streaming" ? {} : { input: { city: "Osaka" } };
  return { type: "tool-weather", toolCallId: "1", toolName: "weather", state: "input-available", ...input, ...more };
}

function wordsOf(html: string): string {
  const text = html.replaceAll(/<[^>]*>/g, "");
  return text.replaceAll(/&(lt|gt|amp|quot);/g, (_all, name: string) => ({ lt: "<", gt: ">", amp: "&" })[name] ?? '"');
}
