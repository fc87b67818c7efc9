import fc from "fast-check";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { Markdown } from "../src/components/markdown.tsx";
import { lastBlockStart } from "../src/markdown/block-start.ts";
import { parseMarkdown } from "../src/markdown/parse.ts";
import { safeLink } from "../src/markdown/safe-link.ts";
import { createStreamingParser } from "../src/markdown/streaming-parser.ts";

describe("what an answer can bring into the page", () => {
  it("is no HTML of its own", () => {
    const html = rendered(`<script>alert(1)</script> <img src=x onerror=alert(1)> <b>x</b>\n\n<div style="y">z</div>`);
    expect(html).not.toMatch(/<(script|img|b|div style)/);
    for (const text of ["&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;b&gt;x&lt;/b&gt;", "style=&quot;y&quot;"])
      expect(html).toContain(text);
  });

  it("is no image, only a link to it", () => {
    const html = rendered("![A lock](https://tracker.test/lock.png)");
    expect(html).not.toContain("<img");
    expect(html).toContain(
      `<a href="https://tracker.test/lock.png" target="_blank" rel="noopener noreferrer nofollow">`,
    );
  });

  it("is no style, no id and no handler, whatever the text", () => {
    const piece = fc.constantFrom(
      ..."# H\n|- |\n\n|a|b|\n|:-|-:|\n|c|d|\n|<a onclick=x>|<style>|`c`|```js\n|```\n|[l](javascript:x)|![i](data:x)|{#id}".split(
        "|",
      ),
      ..."**b**,_i_,<div id=y style=z>,&lt;script&gt;,[r][1]\n\n[1]: https://a.b,- [ ] t\n,> q\n,[^1]\n\n[^1]: f\n".split(
        ",",
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (pieces, unfinished) => {
        const html = rendered(pieces.join(""), unfinished);
        const tags = html.match(/<[^>]*>/g) ?? [];
        expect(
          tags.filter(
            (tag) =>
              !/^<\/?(div|p|h[2-6]|ul|ol|li|blockquote|pre|code|figure|figcaption|table|thead|tbody|tr|th|td|a|em|strong|del|mark|sup|br|hr|input|button|span|svg|path)\b/.test(
                tag,
              ),
          ),
        ).toEqual([]);
        expect(tags.filter((tag) => /\s(style|id|on\w+|src|srcset)=/i.test(tag))).toEqual([]);
        expect(tags.filter((tag) => /href="(?!https?:|mailto:)/.test(tag))).toEqual([]);
      }),
    );
  });

  it("leads to http, https and mail addresses, and nowhere else", () => {
    expect(safeLink("https://a.b/c?d#e")).toBe("https://a.b/c?d#e");
    expect(safeLink("mailto:a@b.c")).toBe("mailto:a@b.c");
    const bad = ["javascript:alert(1)", " JaVa\nScript:alert(1)", "data:text/html,x", "vbscript:x", "blob:https://a/b"];
    for (const target of [...bad, "file:///etc/passwd", "/runs", "//a.b", "#x", "", null])
      expect(safeLink(target)).toBeUndefined();
  });
});

describe("a text that grows", () => {
  const blocks = [
    "# A heading",
    "Words with **bold**, `code` and [a link](https://a.b).",
    "- one\n- two\n\n  more of two\n\n- three",
    "1. one\n2. two",
    "> quoted\n>\n> *twice*",
    "```js\nconst a = 1;\n\n\n# no heading\n```",
    "~~~~\n```\n\nx\n~~~~",
    "| a | b |\n|---|--:|\n| 1 | 2 |",
    "**Bold** at the start",
    "---",
    "    indented code",
    "2024 was a year",
  ];
  const document = fc.array(fc.constantFrom(...blocks), { minLength: 1, maxLength: 12 }).map((all) => all.join("\n\n"));

  it("is parsed to what the whole text is parsed to, wherever it was cut", () => {
    fc.assert(
      fc.property(document, fc.array(fc.nat({ max: 40 }), { maxLength: 60 }), (text, steps) => {
        const parse = createStreamingParser();
        let length = 0;
        for (const step of steps) parse(text.slice(0, (length += step)));
        const whole = `${text}\n\nThe end.`;
        expect(withoutIds(parse(whole))).toEqual(withoutIds(parseMarkdown(whole)));
      }),
    );
  });

  it("keeps the nodes of what is settled, so that they are not rendered again", () => {
    const parse = createStreamingParser();
    const first = parse("One.\n\nTwo.\n\nThr");
    const second = parse("One.\n\nTwo.\n\nThree, and more");
    expect(second.slice(0, 2).every((node, index) => node === first[index])).toBe(true);
    expect(second).toHaveLength(3);
  });

  it("begins anew for a text that does not continue the last one", () => {
    const parse = createStreamingParser();
    parse("One.\n\nTwo.\n\nThree.");
    expect(parse("Four.")).toEqual(parseMarkdown("Four."));
  });

  it("has no block border inside of code, and none where a list may go on", () => {
    expect(lastBlockStart("a\n\n```\n\nb\n\nc", 0)).toBe(3);
    expect(lastBlockStart("- a\n\n  b\n\n- c\n\n1", 0)).toBe(0);
    expect(lastBlockStart("- a\n\n**b", 0)).toBe(5);
  });

  it("shows words for marks that are still open", () => {
    for (const [text, html] of [
      ["so **bol", "so bol"],
      ["see [the li", "see the li"],
      ["see [the link](https://exa", "see the link"],
      ["an *ital", "an ital"],
    ] as const) {
      expect(rendered(text, true)).toBe(`<div class="markdown"><p dir="auto">${html}</p></div>`);
    }
    expect(rendered("```js\nconst a", true)).toContain("<code>const a</code>");
  });
});

describe("a complete text", () => {
  it("finds definitions that stand elsewhere, and shows its footnotes", () => {
    const html = rendered("See [this][1] and[^n].\n\nMore.\n\n[1]: https://a.b/c\n\n[^n]: A note.");
    expect(html).toContain(`<a href="https://a.b/c"`);
    expect(html).toContain("<sup>n</sup> A note.");
  });
});

function rendered(text: string, unfinished = false): string {
  return renderToStaticMarkup(<Markdown text={text} unfinished={unfinished} />);
}

// Ids of headings count through the whole text; they are not rendered.
function withoutIds(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, inner: unknown) => (key === "id" ? undefined : inner)));
}
