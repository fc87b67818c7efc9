import type { LanguageFn } from "highlight.js";

/** A language of code that can be coloured. Its rules are a chunk of their own, loaded when they are first needed. */
export interface CodeLanguage {
  readonly name: string;
  readonly load: () => Promise<{ readonly default: LanguageFn }>;
  /** Others that it contains, by name. */
  readonly needs: readonly string[];
}

/** By what stands behind the fence: a name, a short form or the ending of a file. */
export function languageOf(info: string | undefined): CodeLanguage | undefined {
  const word =
    info
      ?.trim()
      .split(/[\s{,:]/, 1)[0]
      ?.toLowerCase() ?? "";
  return LANGUAGES.get(ALIASES.get(word) ?? word);
}

/** With the languages that it contains, and those that they contain. */
export function withContained(language: CodeLanguage): readonly CodeLanguage[] {
  const all = new Set([language]);
  // A set that grows while it is gone through is gone through to its end.
  for (const { needs } of all) {
    for (const name of needs) {
      const contained = LANGUAGES.get(name);
      if (contained) all.add(contained);
    }
  }
  return [...all];
}

type Load = CodeLanguage["load"];

const LANGUAGES: ReadonlyMap<string, CodeLanguage> = new Map(
  (
    [
      ["bash", () => import("highlight.js/lib/languages/bash")],
      ["c", () => import("highlight.js/lib/languages/c")],
      ["clojure", () => import("highlight.js/lib/languages/clojure")],
      ["cmake", () => import("highlight.js/lib/languages/cmake")],
      ["cpp", () => import("highlight.js/lib/languages/cpp")],
      ["csharp", () => import("highlight.js/lib/languages/csharp")],
      ["css", () => import("highlight.js/lib/languages/css")],
      ["dart", () => import("highlight.js/lib/languages/dart")],
      ["diff", () => import("highlight.js/lib/languages/diff")],
      ["dockerfile", () => import("highlight.js/lib/languages/dockerfile"), "bash"],
      ["elixir", () => import("highlight.js/lib/languages/elixir")],
      ["erlang", () => import("highlight.js/lib/languages/erlang")],
      ["fsharp", () => import("highlight.js/lib/languages/fsharp")],
      ["go", () => import("highlight.js/lib/languages/go")],
      ["gradle", () => import("highlight.js/lib/languages/gradle")],
      ["graphql", () => import("highlight.js/lib/languages/graphql")],
      ["groovy", () => import("highlight.js/lib/languages/groovy")],
      ["haskell", () => import("highlight.js/lib/languages/haskell")],
      ["http", () => import("highlight.js/lib/languages/http"), "json", "xml"],
      ["ini", () => import("highlight.js/lib/languages/ini")],
      ["java", () => import("highlight.js/lib/languages/java")],
      ["javascript", () => import("highlight.js/lib/languages/javascript"), "xml", "css", "graphql"],
      ["json", () => import("highlight.js/lib/languages/json")],
      ["julia", () => import("highlight.js/lib/languages/julia")],
      ["kotlin", () => import("highlight.js/lib/languages/kotlin")],
      ["latex", () => import("highlight.js/lib/languages/latex")],
      ["less", () => import("highlight.js/lib/languages/less")],
      ["lua", () => import("highlight.js/lib/languages/lua")],
      ["makefile", () => import("highlight.js/lib/languages/makefile")],
      ["markdown", () => import("highlight.js/lib/languages/markdown"), "xml"],
      ["matlab", () => import("highlight.js/lib/languages/matlab")],
      ["nginx", () => import("highlight.js/lib/languages/nginx")],
      ["objectivec", () => import("highlight.js/lib/languages/objectivec")],
      ["ocaml", () => import("highlight.js/lib/languages/ocaml")],
      ["perl", () => import("highlight.js/lib/languages/perl")],
      ["php", () => import("highlight.js/lib/languages/php")],
      ["powershell", () => import("highlight.js/lib/languages/powershell")],
      ["protobuf", () => import("highlight.js/lib/languages/protobuf")],
      ["python", () => import("highlight.js/lib/languages/python")],
      ["r", () => import("highlight.js/lib/languages/r")],
      ["ruby", () => import("highlight.js/lib/languages/ruby")],
      ["rust", () => import("highlight.js/lib/languages/rust")],
      ["scala", () => import("highlight.js/lib/languages/scala")],
      ["scss", () => import("highlight.js/lib/languages/scss")],
      ["shell", () => import("highlight.js/lib/languages/shell"), "bash"],
      ["sql", () => import("highlight.js/lib/languages/sql")],
      ["swift", () => import("highlight.js/lib/languages/swift")],
      ["typescript", () => import("highlight.js/lib/languages/typescript"), "xml", "css", "graphql"],
      ["vim", () => import("highlight.js/lib/languages/vim")],
      ["wasm", () => import("highlight.js/lib/languages/wasm")],
      ["xml", () => import("highlight.js/lib/languages/xml"), "css", "javascript"],
      ["yaml", () => import("highlight.js/lib/languages/yaml")],
    ] satisfies readonly (readonly [string, Load, ...string[]])[]
  ).map(([name, load, ...needs]) => [name, { name, load, needs }]),
);

const ALIASES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    bash: "sh zsh fish",
    c: "h",
    clojure: "clj cljs edn",
    cpp: "c++ cc cxx hpp hh ino",
    csharp: "cs c#",
    diff: "patch",
    dockerfile: "docker containerfile",
    elixir: "ex exs",
    erlang: "erl",
    fsharp: "fs f#",
    go: "golang",
    graphql: "gql",
    haskell: "hs",
    http: "https",
    ini: "toml conf cfg properties env dotenv",
    java: "jsp",
    javascript: "js jsx mjs cjs node",
    json: "jsonc json5 jsonl ndjson",
    julia: "jl",
    kotlin: "kt kts",
    latex: "tex",
    makefile: "make mk",
    markdown: "md mdx",
    matlab: "octave",
    nginx: "nginxconf",
    objectivec: "objc objective-c mm",
    ocaml: "ml",
    perl: "pl pm",
    powershell: "ps ps1 pwsh",
    protobuf: "proto",
    python: "py python3 py3 pyi gyp",
    ruby: "rb gemspec",
    rust: "rs",
    shell: "console shellsession sh-session",
    sql: "postgres postgresql psql mysql sqlite plsql",
    typescript: "ts tsx mts cts",
    vim: "viml vimscript",
    wasm: "wat wast",
    xml: "html xhtml svg rss atom vue svelte plist xsl",
    yaml: "yml",
  }).flatMap(([name, words]) => words.split(" ").map((word) => [word, name] as const)),
);
