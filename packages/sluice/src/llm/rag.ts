import { checkWhole } from "../base/options.ts";
import { canonicalJson, isObject, type JsonObject } from "../base/json.ts";
import { silent, type Logger } from "../base/log.ts";
import type { RagCache } from "./rag-cache.ts";
import { encodeToon } from "./rag-toon.ts";
import { snippetOf } from "./rag-snippet.ts";
import { estimateTokens, type CountTokens } from "./tokens.ts";

/** What a search finds. */
export interface RagDocument {
  readonly id: string;
  readonly content: string;
  /** Higher is better. Default 1: a search without scores is taken in its own order. */
  readonly score?: number;
  /** Null is as good as none: so databases say it. */
  readonly metadata?: JsonObject | null;
}

export interface RagSearchOptions {
  /** How many to find: `searchLimit`. */
  readonly limit: number;
  /** What documents have to match. A search that can should apply them itself: what it finds beyond is thrown away. */
  readonly filters: JsonObject;
  /** As given to `buildContext`. */
  readonly meta: JsonObject;
}

export type RagSearch = (
  query: string,
  options: RagSearchOptions,
) => readonly RagDocument[] | Promise<readonly RagDocument[]>;

export interface RagOptions {
  readonly search: RagSearch;
  /** Documents in the context. Default 3. */
  readonly limit?: number;
  /** Documents asked of the search. Default 10. */
  readonly searchLimit?: number;
  /** Tokens of the whole context. Default 512; documents are left out, last first, until it fits. */
  readonly maxTokens?: number;
  /** Default 0. */
  readonly minScore?: number;
  /** Characters of a document's text. Default 200, cut at the end of a word. */
  readonly maxSnippetLength?: number;
  /**
   * What a document's `metadata` must say, made from `meta`. Default: `meta` itself. A document that has one of these
   * keys with another value is left out, also when the search found it; one without the key belongs to everybody.
   * An array means any of its values. Without a value (nobody is logged in) no document fits that has the key.
   * One whose value there is null fits nobody.
   */
  readonly filters?: (meta: JsonObject) => JsonObject;
  /** Shortens a text that is longer than `maxSnippetLength`; the result is cut all the same. */
  readonly summarize?: (
    text: string,
    options: { readonly query: string; readonly maxLength: number },
  ) => Promise<string>;
  /** Default: TOON, by the optional peer `@toon-format/toon`. */
  readonly encode?: (context: RagContext) => string | Promise<string>;
  /** Default: `estimateTokens`. */
  readonly countTokens?: CountTokens;
  /** Where finished contexts are kept. Default: nowhere. `createRagCache()` keeps them in this process. */
  readonly cache?: RagCache;
  /** Default 300,000 (5 min). */
  readonly cacheTtlMs?: number;
  /** Begins the keys in the cache. Two that share one and search or word documents differently need different names. Default `rag`. */
  readonly name?: string;
  /** Told when the cache fails; the context is built without it. Default: nobody is. */
  readonly log?: Logger;
}

/** What is encoded. */
export interface RagContext {
  readonly documents: readonly { readonly id: string; readonly score: number; readonly text: string }[];
}

export interface Rag {
  /**
   * The context for a question, to be sent as a system message; empty when nothing was found.
   * @param meta who asks and for what (`{user_id}`): part of the cache's key, and by default the filters
   * @throws what the search, the summarizer and the encoder throw; SluiceError `option/invalid` without the TOON package
   */
  buildContext(query: string, meta?: JsonObject): Promise<string>;
}

/** Retrieval: finds documents for a question and words them for a model. */
export function rag(options: RagOptions): Rag {
  const settings = checked(options);
  const { cache, cacheTtlMs, log } = settings;

  async function build(query: string, meta: JsonObject, filters: JsonObject): Promise<string> {
    const found = await settings.search(query, { limit: settings.searchLimit, filters, meta });
    const chosen = found
      .filter((document) => scoreOf(document) >= settings.minScore && matches(document.metadata, filters))
      .sort((a, b) => scoreOf(b) - scoreOf(a))
      .slice(0, settings.limit);
    const documents = await Promise.all(
      chosen.map(async (document) => {
        const text = await settings.shorten(document.content, query);
        return { id: document.id, score: scoreOf(document), text };
      }),
    );
    return settings.fit(documents);
  }

  return {
    async buildContext(query, given = {}) {
      // A user who is not known is nobody, not everybody.
      const meta = withoutGaps(given);
      const filters = withoutGaps(settings.filters(meta));
      if (!cache) return build(query, meta, filters);
      // The filters too: they may come from elsewhere than meta, a session for instance.
      const key = `${settings.name}:${await hashOf([query, meta, filters, settings.identity])}`;
      const known = await quietly(log, async () => cache.get(key));
      if (typeof known === "string") return known;
      const context = await build(query, meta, filters);
      await quietly(log, async () => cache.set(key, context, cacheTtlMs));
      return context;
    },
  };
}

type Documents = RagContext["documents"];

function checked(options: RagOptions) {
  const { search, summarize, encode = encodeToon, countTokens = estimateTokens, cache, log = silent } = options;
  const { filters = (meta: JsonObject) => meta, cacheTtlMs = 300_000, minScore = 0, name = "rag" } = options;
  checkWhole("cacheTtlMs", cacheTtlMs, { to: Number.MAX_SAFE_INTEGER });
  const limit = checkWhole("limit", options.limit ?? 3);
  const searchLimit = checkWhole("searchLimit", options.searchLimit ?? 10);
  const maxTokens = checkWhole("maxTokens", options.maxTokens ?? 512);
  const maxLength = checkWhole("maxSnippetLength", options.maxSnippetLength ?? 200);
  return {
    search,
    filters,
    searchLimit,
    limit,
    minScore,
    cache,
    cacheTtlMs,
    name,
    log,
    /** A cache may be shared by several. */
    identity: { limit, searchLimit, maxTokens, maxLength, minScore },
    async shorten(content: string, query: string): Promise<string> {
      const long = content.length > maxLength;
      return snippetOf(long && summarize ? await summarize(content, { query, maxLength }) : content, maxLength);
    },
    /** As many of the documents as the model is to be sent, from the best on. */
    async fit(documents: Documents): Promise<string> {
      for (let kept = documents; kept.length > 0; kept = fewer(kept)) {
        const text = await encode({ documents: kept });
        if (countTokens(text) <= maxTokens) return text;
      }
      return "";
    },
  };
}

/** Without the last one; the last of all loses half of its text instead, as long as there is some. */
function fewer(documents: Documents): Documents {
  const [first] = documents;
  if (documents.length > 1 || !first) return documents.slice(0, -1);
  const text = snippetOf(first.text, Math.floor(first.text.length / 2));
  return text === "" ? [] : [{ ...first, text }];
}

/** JSON has no undefined, and a key that is left out of a filter lets everything through. */
function withoutGaps(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, value ?? null]));
}

function scoreOf({ score = 1 }: RagDocument): number {
  return score;
}

function matches(metadata: JsonObject | null | undefined, filters: JsonObject): boolean {
  return Object.entries(filters).every(([key, wanted]) => {
    const value = metadata && Object.hasOwn(metadata, key) ? metadata[key] : undefined;
    if (value === undefined) return true;
    // What is nobody's, as databases say it, is not for who asks without a name: that is a null too.
    if (value === null) return false;
    return Array.isArray(wanted) ? wanted.some((one) => same(one, value)) : same(wanted, value);
  });
}

function same(a: unknown, b: unknown): boolean {
  return a === b || (isObject(a) && isObject(b) && canonicalJson(a) === canonicalJson(b));
}

// A hash, because questions and names are nobody's business who may list the keys of a cache.
async function hashOf(value: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(canonicalJson(value));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A cache that is away makes an answer slower, not impossible. */
async function quietly<T>(log: Logger, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    log("warn", "rag cache failed", { error });
    return undefined;
  }
}
