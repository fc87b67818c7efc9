import fc from "fast-check";
import { RuleType } from "markdown-to-jsx/react";
import { describe, expect, it, vi } from "vitest";
import { findLastBlock } from "../src/markdown/block-start.ts";
import { parseMarkdown, type MarkdownNode, type Parsed } from "../src/markdown/parse.ts";
import { createStreamingParser } from "../src/markdown/streaming-parser.ts";
import { BLOCKS, cuts, noise, texts } from "./markdown-texts.ts";

const work = vi.hoisted(() => ({ characters: 0, countOnly: false }));

vi.mock("markdown-to-jsx/react", async (importOriginal) => {
  const original = await importOriginal<typeof import("markdown-to-jsx/react")>();
  const parser: typeof original.parser = (text, options) => {
    work.characters += text.length;
    return work.countOnly ? [] : original.parser(text, options);
  };
  return { ...original, parser };
});

describe("a text that grows", () => {
  it("is in the end what the whole text is, wherever it was cut", () => {
    fc.assert(
      fc.property(texts, cuts, (text, steps) => {
        expect(grown(text, steps)).toEqual(atOnce(text));
      }),
      { numRuns: 300 },
    );
  });

  it("is so too for marks without sense", () => {
    fc.assert(
      fc.property(noise, cuts, (text, steps) => {
        expect(grown(text, steps)).toEqual(atOnce(text));
      }),
      { numRuns: 1_000 },
    );
  });

  // Who watched a list item whose code was not indented saw the rest as words, and after a reload as code.
  it("is so too where the code of a list item is not indented as its fence is", () => {
    const text = "1. Install:\n   ```bash\nnpm i\n```\n\nThen run it.\n\n```js\nlet a;\n```\n\nEnd.";
    for (const step of [1, 3, 7]) {
      const steps = Array.from({ length: Math.ceil(text.length / step) }, () => step);
      expect(grown(text, steps)).toEqual(atOnce(text));
    }
  });

  it("keeps the nodes of what has not changed, so that they are not rendered again", () => {
    const parse = createStreamingParser();
    const first = parse({ text: "One.\n\n- a\n- b\n- c", unfinished: true }).nodes;
    const second = parse({ text: "One.\n\n- a\n- b\n- c and more", unfinished: true }).nodes;
    expect(second[0]).toBe(first[0]);
    expect(
      itemsOf(second[1])
        .slice(0, 2)
        .every((item, index) => item === itemsOf(first[1])[index]),
    ).toBe(true);
    const finished = parse({ text: "One.\n\n- a\n- b\n- c and more\n\nEnd.", unfinished: false }).nodes;
    expect(finished[1]).toBe(second[1]);
  });

  it("begins anew for a text that does not continue the last one", () => {
    const parse = createStreamingParser();
    parse({ text: "One.\n\nTwo.\n\nThree.", unfinished: true });
    expect(plain(parse({ text: "Four.", unfinished: true }))).toEqual(atOnce("Four."));
  });

  it("understands at its end what refers to a later definition, and shows each footnote", () => {
    const text = "See [this][1] and[^n].\n\nMore.\n\n[1]: https://a.b/c\n\n[^n]: A note.";
    const parse = createStreamingParser();
    for (let length = 0; length < text.length; length += 7) parse({ text: text.slice(0, length), unfinished: true });
    const { nodes, definitions } = parse({ text, unfinished: false });
    expect(JSON.stringify(nodes[0])).toContain("https://a.b/c");
    expect(definitions.get("^n")?.target).toBe("A note.");
  });

  it("is parsed in little more than its length, when it has many blocks", () => {
    const text = Array.from({ length: 400 }, (_, index) => BLOCKS[index % BLOCKS.length]).join("\n\n");
    expect(workFor(text)).toBeLessThan(60 * text.length);
  });

  it.each([
    ["list", "- an item of a list that has no end\n"],
    ["paragraph", "words without a line end, and **more** words "],
    ["table", "| a | b |\n|---|---|\n| row | of a table |\n"],
  ])("is not parsed in the square of its length, when it is one %s", (_name, piece) => {
    const [short, long] = [25_000, 100_000].map((length) => workFor(piece.repeat(length / piece.length)));
    // Four times the text. The square would be sixteen times the work.
    expect((long ?? 0) / (short ?? 1)).toBeLessThan(9);
  });
});

describe("a block", () => {
  it("is the last one once nothing that follows can join it to what stands before", () => {
    expect(lastOf("a\n\n```\n\nb\n\nc")).toBe(3);
    expect(lastOf("- a\n\n  b\n\n- c\n\n1")).toBe(0);
    expect(lastOf("- a\n\n**b")).toBe(5);
    expect(lastOf("words\n## Heading\nmore")).toBe(17);
    expect(lastOf("words\n```js\ncode")).toBe(6);
    expect(lastOf("```js\ncode\n```\nwords")).toBe(15);
    expect(lastOf("- a\n  ```js\n  code\n  ```\nwords")).toBe(0);
  });

  it("of code has no end before its fence", () => {
    expect(findLastBlock("a\n\n```js\nb\n", 0).inCode).toBe(true);
    expect(findLastBlock("a\n\n```js\nb\n```\n", 0).inCode).toBe(false);
    expect(findLastBlock("~~~\n\t~~~\n", 0).inCode).toBe(true);
  });
});

describe("a hostile text", () => {
  it("is words where its marks are deeper than the stack", () => {
    const text = `${"**".repeat(40_000)}a${"**".repeat(40_000)}`;
    expect(parseMarkdown(text).nodes).toEqual([
      { type: RuleType.paragraph, children: [{ type: RuleType.text, text }] },
    ]);
  });

  it("does not make the parser look for links at each of a thousand open brackets", () => {
    const text = "[a".repeat(20_000) + "](b)".repeat(20_000);
    expect(parseMarkdown(text).nodes).toHaveLength(1);
  });
});

function grown(text: string, steps: readonly number[]): unknown {
  const parse = createStreamingParser();
  let length = 0;
  for (const step of steps) parse({ text: text.slice(0, (length += step)), unfinished: true });
  return plain(parse({ text, unfinished: false }));
}

function atOnce(text: string): unknown {
  return plain(parseMarkdown(text.replaceAll(/\r\n?/g, "\n")));
}

/** Ids of headings count through the whole text; they are not rendered. */
function plain({ nodes, definitions }: Parsed): unknown {
  const withoutIds = (key: string, value: unknown): unknown => (key === "id" ? undefined : value);
  return JSON.parse(JSON.stringify([nodes, [...definitions]], withoutIds));
}

/** How many characters the parser is given while a text comes in words. */
function workFor(text: string): number {
  const parse = createStreamingParser();
  work.characters = 0;
  work.countOnly = true;
  for (let length = 0; length < text.length; length += 40) parse({ text: text.slice(0, length), unfinished: true });
  parse({ text, unfinished: false });
  work.countOnly = false;
  return work.characters;
}

function lastOf(text: string): number {
  return findLastBlock(text, 0).start;
}

function itemsOf(node: MarkdownNode | undefined): readonly unknown[] {
  return node !== undefined && "items" in node ? node.items : [];
}
