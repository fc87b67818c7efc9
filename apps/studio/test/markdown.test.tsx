import fc from "fast-check";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it, vi } from "vitest";
import { Markdown } from "../src/components/markdown.tsx";
import { safeImage, safeLink } from "../src/markdown/safe-link.ts";
import { noise, texts } from "./markdown-texts.ts";

describe("what an answer can bring into the page", () => {
  it("is no HTML of its own: tags are words, also within a block of them", () => {
    const html = rendered(
      `<script>alert(1)</script> <img src=x onerror=alert(1)> <b>x</b>\n\n<div style="y">**z**</div>`,
    );
    expect(html).not.toMatch(/<(script|img|b>|div style)/);
    for (const text of ["&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;b&gt;x&lt;/b&gt;", "style=&quot;y&quot;"])
      expect(html).toContain(text);
    expect(html).toContain("<strong>z</strong>");
  });

  it("is a break where it says so, as in cells of tables", () => {
    expect(rendered("| a |\n|---|\n| one<br>two<BR /> three |")).toContain("<td>one<br/>two<br/> three</td>");
    expect(rendered("`<br>`")).toContain("<code>&lt;br&gt;</code>");
  });

  it("is no image of another server, only a link to it", () => {
    const html = rendered("![A lock](https://tracker.test/lock.png)");
    expect(html).not.toContain("<img");
    expect(html).toContain(
      `<a href="https://tracker.test/lock.png" target="_blank" rel="noopener noreferrer nofollow">`,
    );
  });

  it("is an image that travelled with it", () => {
    expect(rendered("![A dot](data:image/png;base64,AAAA)")).toContain(
      `<img src="data:image/png;base64,AAAA" alt="A dot"`,
    );
    for (const target of ["data:text/html,x", "data:image/png", "https://a.b/c.png", "/c.png", "", null])
      expect(safeImage(target)).toBeUndefined();
  });

  it("is no style, no id and no handler, whatever the text", () => {
    const hostile = fc.constantFrom(
      ..."<a onclick=x>,<style>,<div id=y style=z>,&lt;script&gt;,[l](javascript:x),![i](data:text/html;x),{#id},```js onload=x\n".split(
        ",",
      ),
    );
    const text = fc.array(fc.oneof(hostile, noise, texts), { maxLength: 4 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(text, fc.boolean(), (all, unfinished) => {
        const tags = rendered(all, unfinished).match(/<[^>]*>/g) ?? [];
        expect(tags.filter((tag) => !ELEMENTS.test(tag))).toEqual([]);
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

  // Who has Safari 17, the last one of an older Mac, lost the whole page with the first link of an answer.
  it("does so where the browser has no URL.parse", () => {
    const missing = vi.spyOn(URL, "parse").mockImplementation(() => {
      throw new TypeError("URL.parse is not a function");
    });
    expect(safeLink("https://a.b/c")).toBe("https://a.b/c");
    missing.mockRestore();
  });

  it("stays within what a browser can lay out, however deep its marks are", () => {
    for (const text of ["> ".repeat(400), "- ".repeat(400), `${"**".repeat(2_000)}a${"**".repeat(2_000)}`])
      expect(deepest(rendered(`${text}x`))).toBeLessThan(120);
  });
});

describe("a text that has not ended", () => {
  it.each([
    ["so **bol", "so <strong>bol</strong>"],
    ["so **bold*", "so <strong>bold</strong>"],
    ["so **bold *both", "so <strong>bold <em>both</em></strong>"],
    ["so **", "so"],
    ["so **see [a link](https://a", "so <strong>see a link</strong>"],
    ["2 * 3 and 4*5 and snake_case", "2 * 3 and 4*5 and snake_case"],
    ["see [the li", "see the li"],
    ["see [the link](https://exa", "see the link"],
    ["see [the link](https://exa.mple/a_(b)", "see the link"],
    ["an *ital ", "an <em>ital</em>"],
    ["an _ital", "an <em>ital</em>"],
    ["some `cod", "some <code>cod</code>"],
    ["some ``cod", "some <code>cod</code>"],
    ["some `code` an", "some <code>code</code> an"],
    ["a ~~strik", "a <del>strik</del>"],
    ["a [x] an", "a [x] an"],
    ["AT&am", "AT"],
    ["a <b", "a"],
    ["so\n``", "so"],
    ["so\n\n1.", "so"],
    ["so\n\n- [x", "so"],
    ["so\n\n| a | b |\n|--", "so"],
    ["so[^1", "so"],
    ["so \ud83d", "so"],
  ])("shows words for the marks of %j", (text, words) => {
    expect(rendered(text, true)).toBe(`<div class="markdown"><p dir="auto">${words}</p></div>`);
  });

  it("shows code as it comes, and its language when that is known", () => {
    expect(rendered("```js\nconst a", true)).toContain("<code>const a</code>");
    expect(rendered("```js\nconst a", true)).toContain("<span>js</span>");
    expect(rendered("so\n\n```typ", true)).not.toContain("<code>");
    expect(wordsOf(rendered("```js\nconst a\n``", true))).not.toContain("`");
  });

  // Inherent: what it is turns on what follows. `[0]` may become a link, and a line a table's header. Notes stand below what follows.
  const ambiguous = /\[[^\]^]*\][^(]|^[^|\n]*\||^\[\^/m;

  it("never takes back a word that it has shown", () => {
    fc.assert(
      fc.property(
        texts.filter((text) => text.length < 800 && !ambiguous.test(text)),
        (text) => {
          let before = "";
          for (let length = 1; length <= text.length; length += 1 + (length % 3)) {
            const words = wordsOf(rendered(text.slice(0, length), true)).replaceAll(/\s+/g, "");
            expect(words.startsWith(before), `${JSON.stringify(text.slice(0, length))}: ${before} > ${words}`).toBe(
              true,
            );
            before = words;
          }
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe("a complete text", () => {
  it("finds definitions that stand elsewhere, and shows its footnotes", () => {
    const html = rendered("See [this][1] and[^n].\n\nMore.\n\n[1]: https://a.b/c\n\n[^n]: A note.");
    expect(html).toContain(`<a href="https://a.b/c"`);
    expect(html).toContain("<sup>n</sup> A note.");
  });

  it("has the same elements for the items of a list, with blank lines between them or without", () => {
    expect(rendered("- a\n- **b** c")).toBe(rendered("- a\n\n- **b** c"));
  });

  it("names the columns of a table, and aligns them", () => {
    const html = rendered("| a | b |\n|:--|--:|\n| 1 | 2 |");
    expect(html).toContain(`<th scope="col" data-align="right">b</th>`);
    expect(html).toContain(`<td data-align="right">2</td>`);
  });

  it("takes the direction of a list, a quote and a table from their first letter", () => {
    const html = rendered("- مرحبا\n  - بك\n\n> مرحبا\n\n| مرحبا |\n|---|\n| بك |");
    expect(html).toContain(`<ul dir="auto"><li><p>مرحبا</p><ul><li><p>بك</p></li></ul></li></ul>`);
    expect(html).toContain(`<blockquote dir="auto"><p>`);
    expect(html).toContain(`<table dir="auto"><thead><tr><th scope="col">`);
  });

  it("has tasks, strikes, notes and code in words", () => {
    expect(rendered("- [x] done")).toContain(`data-task="true"`);
    expect(rendered("~~gone~~")).toContain("<del>gone</del>");
    expect(rendered("> [!TIP]\n> words")).toContain(`data-alert="tip"`);
    expect(rendered("a == b and c == d")).toContain("a == b and c == d");
  });
});

const ELEMENTS =
  /^<\/?(div|p|h[2-6]|ul|ol|li|blockquote|pre|code|figure|figcaption|table|thead|tbody|tr|th|td|a|em|strong|del|sup|br|hr|input|button|span|svg|path)\b/;

function rendered(text: string, unfinished = false): string {
  return renderToStaticMarkup(<Markdown text={text} unfinished={unfinished} />);
}

/** What is read, without the frames of code. */
function wordsOf(html: string): string {
  const text = html.replaceAll(/<figcaption>.*?<\/figcaption>/g, "").replaceAll(/<[^>]*>/g, "");
  return text.replaceAll(/&(lt|gt|amp|quot);/g, (_all, name: string) => ({ lt: "<", gt: ">", amp: "&" })[name] ?? '"');
}

function deepest(html: string): number {
  let depth = 0;
  let most = 0;
  for (const [, close, , self] of html.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (close) depth -= 1;
    else if (!self) most = Math.max(most, (depth += 1));
  }
  return most;
}
