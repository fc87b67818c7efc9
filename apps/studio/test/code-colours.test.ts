import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { createCodeColouring, type ColouredCode } from "../src/markdown/code-lines.ts";
import { createHighlighter, type Tokenize } from "../src/markdown/highlighter.ts";
import { languageOf, withContained } from "../src/markdown/languages.ts";

const javascript = await tokenizer("js");

const SOURCE = Array.from({ length: 40 }, (_, index) =>
  [
    `/* A comment`,
    ` * of three lines, number ${index} */`,
    `export const f${index} = (a) => a < ${index} && \`text \${a} of`,
    `two lines\`; // "end"`,
    ``,
  ].join("\n"),
).join("\n");

describe("code that grows", () => {
  it("has the colours of the whole code in the end, wherever it was cut", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 400 }), { maxLength: 30 }), fc.nat({ max: SOURCE.length }), (steps, end) => {
        const code = SOURCE.slice(0, end);
        const colour = createCodeColouring(javascript);
        let length = 0;
        for (const step of steps) colour(code.slice(0, (length += step)), false);
        expect(colour(code, true).pieces).toEqual(createCodeColouring(javascript)(code, true).pieces);
      }),
      { numRuns: 40 },
    );
  });

  it("keeps every character", () => {
    for (const code of [SOURCE, "", "\n", "a\n\n\nb", "no end", "a\r\nb", "<b>&amp;\"'</b>\n"])
      expect(textOf(createCodeColouring(javascript)(code, true))).toBe(code);
  });

  it("keeps its lines: what has not changed is the same object", () => {
    const colour = createCodeColouring(javascript);
    const before = colour(SOURCE.slice(0, 4_000), false).pieces;
    const after = colour(SOURCE.slice(0, 4_020), false).pieces;
    expect(after.slice(0, -1).every((piece, index) => piece === before[index])).toBe(true);
    const last = before.at(-1) ?? [];
    expect(last.slice(0, -1).every((line, index) => line === after.at(-1)?.[index])).toBe(true);
    expect(after.length).toBeGreaterThan(2);
  });

  it("ends no piece within a comment or a text", () => {
    const code = `/*\n${"words\n".repeat(100)}*/\nconst a = 1;\n${"b();\n".repeat(40)}`;
    const [first = []] = createCodeColouring(javascript)(code, true).pieces;
    expect(
      first.slice(0, 102).every((line) => line.every(({ text, kind }) => text === "\n" || kind === "hljs-comment")),
    ).toBe(true);
    expect(first.length).toBeGreaterThan(100);
  });

  it.each([
    ["closed lines", "const a = 1;\n"],
    ["a comment without end", "/* words\n"],
    ["one line without end", "a.b(c) "],
  ])("is not coloured in the square of its length: %s", (_name, piece) => {
    const [short, long] = [20_000, 80_000].map((length) => {
      let work = 0;
      const counting: Tokenize = (code) => {
        work += code.length;
        return { tokens: [{ text: code }], closed: !code.includes("/*") };
      };
      const colour = createCodeColouring(counting);
      const code = piece.repeat(length / piece.length);
      for (let end = 0; end < code.length; end += 30) colour(code.slice(0, end), false);
      return work;
    });
    // Four times the code. The square would be sixteen times the work.
    expect((long ?? 0) / (short ?? 1)).toBeLessThan(8);
  });

  it("says that its end is plain, until it is asked for all", () => {
    const colour = createCodeColouring(javascript);
    const text = `const a = \`${"words ".repeat(1_000)}`;
    expect(colour(text, false).complete).toBe(true);
    const longer = colour(`${text}\nmore`, false);
    expect(longer.complete).toBe(false);
    expect(textOf(longer)).toBe(`${text}\nmore`);
    expect(colour(`${text}\nmore`, true).complete).toBe(true);
  });

  it("begins anew for code that does not continue the last one", () => {
    const colour = createCodeColouring(javascript);
    colour(SOURCE, true);
    expect(colour("let a;", true).pieces).toEqual(createCodeColouring(javascript)("let a;", true).pieces);
  });
});

describe("a language", () => {
  it("is known by its name, its short forms and the endings of its files", () => {
    for (const [info, name] of [
      ["ts", "typescript"],
      ["TSX", "typescript"],
      ["js {1,3}", "javascript"],
      ["python title=a.py", "python"],
      ["c++", "cpp"],
      ["html", "xml"],
      ["sh", "bash"],
      ["yml", "yaml"],
    ] as const)
      expect(languageOf(info)?.name).toBe(name);
    for (const info of [undefined, "", "brainfuck", "__proto__", "constructor"])
      expect(languageOf(info)).toBeUndefined();
  });

  it("is fetched with those that it contains, once each", () => {
    const html = languageOf("html");
    const names = html === undefined ? [] : withContained(html).map(({ name }) => name);
    expect(names).toEqual(["xml", "css", "javascript", "graphql"]);
  });

  it("is not there before it is fetched, and is the same function afterwards", async () => {
    const highlighter = createHighlighter();
    const listener = vi.fn<() => void>();
    const stop = highlighter.subscribe(listener);
    expect(highlighter.tokenizer("json")).toBeUndefined();
    highlighter.load("json");
    highlighter.load("json");
    await vi.waitFor(() => expect(highlighter.tokenizer("json")).toBeDefined());
    expect(listener).toHaveBeenCalledTimes(1);
    expect(highlighter.tokenizer("json")).toBe(highlighter.tokenizer("jsonc"));
    stop();
  });

  it("colours what it contains: scripts and styles in HTML", async () => {
    const tokens = (await tokenizer("html"))("<style>a { color: red }</style><b title='x'>&lt;</b>").tokens;
    expect(tokens.find(({ text }) => text === "color")?.kind).toBe("hljs-attribute");
    expect(tokens.map(({ text }) => text).join("")).toBe("<style>a { color: red }</style><b title='x'>&lt;</b>");
  });
});

async function tokenizer(info: string): Promise<Tokenize> {
  const highlighter = createHighlighter();
  highlighter.load(info);
  return vi.waitFor(() => {
    const found = highlighter.tokenizer(info);
    if (found === undefined) throw new Error(`${info} is not there yet`);
    return found;
  });
}

function textOf({ pieces }: ColouredCode): string {
  return pieces.flatMap((lines) => lines.flatMap((line) => line.map(({ text }) => text))).join("");
}
