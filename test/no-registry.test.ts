import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { repositoryFiles, root } from "./tree.ts";

// Spelled in parts, so that this file passes its own test.
const forbidden = [
  new RegExp(["registry", "npmjs"].join(String.raw`\.`), "i"),
  new RegExp(["registry", "yarnpkg"].join(String.raw`\.`), "i"),
  /https?:\/\/[^\s"'`)>/]*(registry|artifactory|verdaccio|nexus|npmmirror)/i,
  /"resolved":\s*"(?:https?|git|ssh|file)[:+]/,
  /^\s*(?:@[\w-]+:)?registry\s*=\s*["']?(?:https?:)?\/\//m,
  /_auth(?:Token)?\s*=/,
];

it("no committed file names a package registry or a download address", () => {
  const wrong = repositoryFiles().filter((path) => {
    const text = readFileSync(join(root, path), "latin1");
    return forbidden.some((pattern) => pattern.test(text));
  });
  expect(wrong).toEqual([]);
});

it("recognises what it forbids", () => {
  const web = ["https", "//"].join(":");
  const lines = [
    `${web}${["registry", "npmjs", "org"].join(".")}/a/-/a-1.0.0.tgz`,
    `"resolved": "${web}example.test/a.tgz"`,
    ["registry", "//10.0.0.1/"].join("="),
    `See ${web}registry.example.test/a`,
  ];
  expect(lines.filter((line) => !forbidden.some((pattern) => pattern.test(line)))).toEqual([]);
});
