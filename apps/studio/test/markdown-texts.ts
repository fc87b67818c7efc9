import fc from "fast-check";

/** Blocks as models write them, with what is hard about each. They stand apart by a blank line. */
export const BLOCKS: readonly string[] = [
  "# A heading",
  "## 2. With a number and `code`",
  "Words with **bold**, `code` and [a link](https://a.b).",
  "A [link (with parens)](https://en.wikipedia.org/wiki/Log_(disambiguation)) and <https://a.b/c>.",
  "- one\n- two\n\n  more of two\n\n- three",
  "1. one\n   - a\n   - b\n\n     more of b\n2. two\n   1. c\n   2. d",
  "- [ ] to do\n- [x] **done**",
  "* star\n* list\n\n  ```py\n  def f():\n\n      return 1\n  ```\n\n* end",
  "- **Term**: words\n- **Other**: `code` and words",
  "> quoted\n>\n> *twice*",
  "> [!NOTE]\n> A note.",
  "```js\nconst a = 1;\n\n\n# no heading\n```",
  "~~~~\n```\n\nx\n~~~~",
  "```\nno language\n```",
  "| a | b |\n|---|--:|\n| 1 | `2` |\n| **3** | x<br>y |",
  "**Bold** at the start",
  "*Emphasis* at the start, and ***both***",
  "---",
  "    indented code",
  "2024 was a year",
  "if a < b && c > d then <div class='x'>**not** HTML</div>",
  "Generics: `Map<string, T>` and Vec<u8>, AT&T, &amp; and &lt;b&gt;",
  "مرحبا **بالعالم**، هذا نص.",
  "👩‍🚀 Emoji 👨‍👩‍👧‍👦 and cafe\u0301 **नमस्ते** 漢字かな",
  "A line  \nbroken\\\nin three",
  "snake_case_name, __init__ and 2 * 3 * 4",
  "Costs $5 and $x^2$, \\(y\\)",
  "Footnote[^a] and another[^1].",
  "[^a]: The first note.",
  `A long line: ${"word ".repeat(120)}`,
  `Unbroken: ${"x".repeat(600)}`,
];

/** Blocks that follow each other without a blank line. */
const TIGHT: readonly string[] = [
  "## Heading\nWords right below.",
  "### Steps\n1. one\n2. two",
  "Words\n```sh\nls -la | wc\n```\nmore words",
  "## A\n### B\n#### C",
  "Words, then a list:\n- one\n- two",
  "```c\nint x;\n```\n## After code",
];

const document = fc
  .array(fc.constantFrom(...BLOCKS, ...TIGHT), { minLength: 1, maxLength: 10 })
  .map((blocks) => blocks.join("\n\n"));

/** A text of a model, with either kind of line ends. */
export const texts: fc.Arbitrary<string> = fc
  .tuple(document, fc.boolean())
  .map(([text, windows]) => (windows ? text.replaceAll("\n", "\r\n") : text));

/**
 * Marks without sense, as a property test likes them. Without definitions that lack their text, or stand in code: what
 * the parser takes for one there is known only at the end.
 */
export const noise: fc.Arbitrary<string> = fc
  .array(
    fc.constantFrom(
      ..."# |- |\n|\n\n|  |> |1. |`|``|```|```js\n|~~~\n|**|*|_|~~|[|](|]|)|![|<|>|</|<br>|| |||---|\n|:|:-|=|\\|&amp|;|[^1]|(|a|b c|\r\n|\t|    |👩‍🚀|م".split(
        "|",
      ),
      "|",
      "| a | b |\n|--|--|\n",
      "https://a.b",
      "[x]: https://a.b\n",
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(""));

/** Where a text is cut: the lengths of its pieces. */
export const cuts: fc.Arbitrary<readonly number[]> = fc.array(fc.nat({ max: 40 }), { maxLength: 80 });
