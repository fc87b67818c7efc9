import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { repositoryFiles, root, textOf } from "./tree.ts";

const pages = repositoryFiles().filter((path) => path.endsWith(".md"));

describe("the documents", () => {
  it("link only to files that exist", () => {
    const wrong = linksOfAll().filter(({ target }) => !existsSync(join(root, target)));
    expect(wrong.map(({ page, link }) => `${page} -> ${link}`)).toEqual([]);
  });

  it("link only to headings that exist", () => {
    const wrong = linksOfAll().filter(
      ({ target, anchor }) => anchor !== "" && target.endsWith(".md") && !headingsOf(target).includes(anchor),
    );
    expect(wrong.map(({ page, link }) => `${page} -> ${link}`)).toEqual([]);
  });

  it("name only npm scripts that exist", () => {
    const { scripts } = JSON.parse(textOf("package.json")) as { scripts: Record<string, string> };
    const wrong = pages.flatMap((page) =>
      [...textOf(page).matchAll(/\bnpm run ([\w:-]+)(?![\w:-]| -w)/g)]
        .map(([, script = ""]) => script)
        .filter((script) => scripts[script] === undefined)
        .map((script) => `${page}: npm run ${script}`),
    );
    expect(wrong).toEqual([]);
  });
});

interface Link {
  readonly page: string;
  readonly link: string;
  readonly target: string;
  readonly anchor: string;
}

/** Links into the repository; addresses with a scheme are not followed. */
function linksOfAll(): readonly Link[] {
  return pages.flatMap((page) =>
    [...proseOf(page).matchAll(/\]\(<?([^)\s>]+)>?[^)]*\)/g)]
      .map(([, link = ""]) => link)
      .filter((link) => !/^[a-z][a-z+.-]*:/i.test(link))
      .map((link) => {
        const [path = "", anchor = ""] = decodeURI(link).split("#");
        const target = path === "" ? page : normalize(path.startsWith("/") ? path.slice(1) : join(dirname(page), path));
        return { page, link, target, anchor };
      }),
  );
}

/** The text outside of code, where brackets mean links. */
function proseOf(page: string): string {
  return textOf(page)
    .replace(/^( *)(```|~~~)[\s\S]*?^\1\2/gm, "")
    .replace(/`[^`\n]*`/g, "");
}

/** Anchors as GitHub makes them: lower case, punctuation out, spaces to hyphens, repeats numbered. */
function headingsOf(page: string): readonly string[] {
  const seen = new Map<string, number>();
  const text = textOf(page).replace(/^( *)(```|~~~)[\s\S]*?^\1\2/gm, "");
  return [...text.matchAll(/^#{1,6} +(.+?) *#*$/gm)].map(([, title = ""]) => {
    const slug = title
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times === 0 ? slug : `${slug}-${times}`;
  });
}
