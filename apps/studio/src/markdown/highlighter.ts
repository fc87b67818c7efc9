import type { HLJSApi } from "highlight.js";
import { languageOf, withContained } from "./languages.ts";

/** Colours code. It begins empty, and fetches a language when it is first asked for one. */
export interface Highlighter {
  /** Undefined until the language is there, and always for one that is not known. Else the same function each time. */
  tokenizer(info: string | undefined): Tokenize | undefined;
  /** Begins to fetch the language, once. */
  load(info: string | undefined): void;
  /** @param listener is called when a language has come */
  subscribe(listener: () => void): () => void;
}

export type Tokenize = (code: string) => Tokenized;

export interface Tokenized {
  readonly tokens: readonly Token[];
  /** Nothing is open at the end: what follows is coloured alike without what came before. */
  readonly closed: boolean;
}

export interface Token {
  readonly text: string;
  /** What it is: the class name of highlight.js's themes. */
  readonly kind?: string;
}

export function createHighlighter(): Highlighter {
  const tokenizers = new Map<string, Tokenize>();
  const asked = new Set<string>();
  const listeners = new Set<() => void>();
  let core: Promise<HLJSApi> | undefined;

  const fetchLanguage = async (info: string | undefined): Promise<void> => {
    const language = languageOf(info);
    if (language === undefined || asked.has(language.name)) return;
    asked.add(language.name);
    try {
      core ??= import("highlight.js/lib/core").then((module) => module.default.newInstance());
      const all = withContained(language);
      const [api, ...rules] = await Promise.all([core, ...all.map(({ load }) => load())]);
      all.forEach(({ name }, index) => {
        const rule = rules[index]?.default;
        if (rule && api.getLanguage(name) === undefined) api.registerLanguage(name, rule);
      });
      tokenizers.set(language.name, tokenizerOf(api, language.name));
      for (const listener of listeners) listener();
    } catch {
      // There is no connection just now. The code is readable without colours, and the next one asks again.
      asked.delete(language.name);
    }
  };

  return {
    tokenizer: (info) => tokenizers.get(languageOf(info)?.name ?? ""),
    load: (info) => void fetchLanguage(info),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function tokenizerOf(api: HLJSApi, language: string): Tokenize {
  return (code) => {
    const { value, _top: top } = api.highlight(code, { language, ignoreIllegals: true });
    // The rules of a language as a whole stand in no others.
    return { tokens: tokensOf(value), closed: top !== undefined && !("parent" in top && top.parent !== undefined) };
  };
}

/** What it coloured, out of the HTML that it writes: nothing else can be in it. The innermost kind counts. */
function tokensOf(html: string): readonly Token[] {
  const tokens: Token[] = [];
  const open: (string | undefined)[] = [];
  for (const [, kind, close, text] of html.matchAll(/<span class="([^"]*)">|(<\/span>)|([^<]+)/g)) {
    if (kind !== undefined) open.push(kind.startsWith("hljs-") ? kind : undefined);
    else if (close !== undefined) open.pop();
    else if (text !== undefined) {
      const inner = open.at(-1);
      tokens.push({ text: unescape(text), ...(inner !== undefined && { kind: inner }) });
    }
  }
  return tokens;
}

function unescape(text: string): string {
  return text.includes("&")
    ? text.replaceAll(/&(amp|lt|gt|quot|#x27);/g, (_all, name: string) => NAMED[name] ?? "")
    : text;
}

const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#x27": "'" };
