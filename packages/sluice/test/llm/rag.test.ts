import { decode } from "@toon-format/toon";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { createRagCache, estimateTokens, rag, type RagDocument, type RagOptions } from "../../src/llm/index.ts";
import { snippetOf } from "../../src/llm/rag-snippet.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";

const LOCKS: RagDocument = { id: "locks", content: "Locks lift boats.", score: 0.9 };
const DAMS: RagDocument = { id: "dams", content: "Dams hold water back.", score: 0.7 };

/** As it was before TOON, to look into it. */
const encode = JSON.stringify;

function searching(documents: readonly RagDocument[], options: Partial<RagOptions> = {}) {
  const asked: unknown[] = [];
  const built = rag({
    search(query, how) {
      asked.push({ query, ...how });
      return documents;
    },
    ...options,
  });
  return { asked, ...built };
}

interface Found {
  readonly documents: readonly { readonly id: string; readonly score: number; readonly text: string }[];
}

async function found(built: ReturnType<typeof searching>, meta = {}): Promise<Found["documents"]> {
  const text = await built.buildContext("water", meta);
  return text === "" ? [] : (JSON.parse(text) as Found).documents;
}

describe("buildContext", () => {
  it("words what was found in TOON, best first", async () => {
    const { buildContext } = searching([DAMS, LOCKS]);
    const context = await buildContext("How do boats climb?");
    expect(context).toBe(
      "documents[2]{id,score,text}:\n  locks,0.9,Locks lift boats.\n  dams,0.7,Dams hold water back.",
    );
    expect(decode(context)).toEqual({
      documents: [
        { id: "locks", score: 0.9, text: "Locks lift boats." },
        { id: "dams", score: 0.7, text: "Dams hold water back." },
      ],
    });
  });

  it("asks the search for 10 and takes 3, none below the least score, of at most 200 characters", async () => {
    const documents = Array.from({ length: 10 }, (_, index) => ({
      id: `${index}`,
      content: "water ".repeat(100),
      score: index / 10 - 0.1,
    }));
    const built = searching(documents, { encode });
    expect((await found(built)).map(({ id }) => id)).toEqual(["9", "8", "7"]);
    expect((await found(built)).every(({ text }) => text.length <= 200)).toBe(true);
    expect(built.asked[0]).toEqual({ query: "water", limit: 10, filters: {}, meta: {} });
    expect(await found(searching([documents[0] as RagDocument], { encode }))).toEqual([]);
  });

  it("stays below 512 tokens, or the number given, by leaving out the last documents, then text", async () => {
    const documents = Array.from({ length: 8 }, (_, index) => ({ id: `${index}`, content: "漢字".repeat(100) }));
    const context = await searching(documents, { limit: 8 }).buildContext("water");
    expect(estimateTokens(context)).toBeLessThanOrEqual(512);
    expect(context).toContain("documents[2]");
    const short = await found(searching(documents, { encode, maxTokens: 60 }));
    expect(short).toHaveLength(1);
    expect(short[0]?.text).toMatch(/^漢字.*…$/);
    expect(await searching(documents, { maxTokens: 1 }).buildContext("water")).toBe("");
    expect(await found(searching(documents, { encode, countTokens: () => 1 }))).toHaveLength(3);
  });

  it("is empty when nothing was found", async () => {
    expect(await searching([]).buildContext("water")).toBe("");
  });

  it("leaves out what belongs to another, also when the search has found it", async () => {
    const documents = [
      { id: "mine", content: "a", metadata: { user_id: "u1" } },
      { id: "theirs", content: "b", metadata: { user_id: "u2" } },
      { id: "everybody's", content: "c", metadata: null },
    ];
    const built = searching(documents, { encode });
    expect((await found(built, { user_id: "u1" })).map(({ id }) => id)).toEqual(["mine", "everybody's"]);
    expect(built.asked[0]).toMatchObject({ filters: { user_id: "u1" }, meta: { user_id: "u1" } });
    // Nobody is logged in.
    for (const user_id of [undefined, null]) {
      expect((await found(built, { user_id })).map(({ id }) => id)).toEqual(["everybody's"]);
    }
  });

  const ORPHAN = { id: "orphan", content: "a", metadata: { user_id: null } };

  // A user who is not known is null to the filter, and so was the owner of a document whose user had been deleted:
  // whoever asked without being logged in was given it.
  it("gives what has lost its owner to nobody", async () => {
    const built = searching([ORPHAN], {
      encode,
      filters: ({ user_id = null }) => ({ user_id: [user_id, "public"] }),
    });
    for (const user_id of [undefined, null, "u1"]) {
      expect(await built.buildContext("water", { user_id })).toBe("");
      expect(await searching([ORPHAN], { encode }).buildContext("water", { user_id })).toBe("");
    }
  });

  it("filters by what it is told in the place of meta", async () => {
    const documents = ["en", "de", "fr"].map((lang) => ({
      id: lang,
      content: lang,
      metadata: { lang, __proto__: {} },
    }));
    const filters = (): { lang: string[] } => ({ lang: ["en", "fr"] });
    const built = searching(documents, { encode, filters });
    expect((await found(built, { user_id: "u1" })).map(({ id }) => id)).toEqual(["en", "fr"]);
  });

  it("lets a summarizer shorten what is too long, and cuts its answer all the same", async () => {
    const asked: unknown[] = [];
    const summarize = async (text: string, how: unknown): Promise<string> => {
      asked.push(how);
      return `In short: ${text}`;
    };
    const documents = [LOCKS, { id: "long", content: "water ".repeat(100), score: 0.1 }];
    const texts = (await found(searching(documents, { encode, summarize }))).map(({ text }) => text);
    expect(texts[0]).toBe("Locks lift boats.");
    expect(texts[1]).toMatch(/^In short: water .*…$/);
    expect(texts[1]?.length).toBeLessThanOrEqual(200);
    expect(asked).toEqual([{ query: "water", maxLength: 200 }]);
  });

  it("refuses limits that cannot work", () => {
    for (const wrong of [
      { limit: 0 },
      { searchLimit: 1.5 },
      { maxTokens: -1 },
      { maxSnippetLength: Number.NaN },
      { cacheTtlMs: Number.NaN },
    ]) {
      expect(() => searching([], wrong)).toThrow(expect.objectContaining({ code: "option/invalid" }));
    }
  });

  it("has no cache without an end", () => {
    for (const maxEntries of [0, Number.NaN]) expect(() => createRagCache({ maxEntries })).toThrow("maxEntries");
  });

  it("says which package is missing", async () => {
    vi.resetModules();
    vi.doMock("@toon-format/toon", () => {
      throw new Error("Cannot find package");
    });
    try {
      const fresh = await import("../../src/llm/rag.ts");
      const { buildContext } = fresh.rag({ search: () => [LOCKS] });
      await expect(buildContext("water")).rejects.toMatchObject({
        code: "option/invalid",
        message: "Install @toon-format/toon, or give `encode` to rag().",
      });
    } finally {
      vi.doUnmock("@toon-format/toon");
      vi.resetModules();
    }
  });
});

describe("the cache of contexts", () => {
  it("spares the search for 5 minutes, for the same question of the same user", async () => {
    const clock = createManualClock();
    const { buildContext, asked } = searching([LOCKS], { cache: createRagCache({ clock }) });
    await buildContext("q", { user_id: "u1", lang: "en" });
    await buildContext("q", { lang: "en", user_id: "u1" });
    expect(asked).toHaveLength(1);
    await buildContext("q", { user_id: "u2", lang: "en" });
    await buildContext("q");
    await buildContext("Q", { user_id: "u1", lang: "en" });
    expect(asked).toHaveLength(4);
    await clock.advance(299_999);
    await buildContext("q");
    expect(asked).toHaveLength(4);
    await clock.advance(1);
    await buildContext("q");
    expect(asked).toHaveLength(5);
  });

  it("does not give what was found for everybody to somebody who is not known", async () => {
    const { buildContext, asked } = searching([LOCKS], { cache: createRagCache() });
    await buildContext("q");
    await buildContext("q", { user_id: undefined });
    expect(asked).toHaveLength(2);
    await buildContext("q", { user_id: null });
    expect(asked).toHaveLength(2);
  });

  // The key was made of the question and `meta`, and not of the filters, which may come from elsewhere.
  // Where they came from a session, one tenant was given what had been found for another.
  it("keeps those apart whose filters differ, wherever these come from", async () => {
    const documents = ["acme", "evil"].map((name) => ({ id: name, content: name, metadata: { tenant: name } }));
    let session: { readonly tenant?: string | undefined } = {};
    const { buildContext } = searching(documents, { cache: createRagCache(), filters: () => session });
    expect(await buildContext("q")).toMatch(/acme.*evil/s);
    session = { tenant: "acme" };
    expect(await buildContext("q")).not.toContain("evil");
    session = { tenant: "evil" };
    expect(await buildContext("q")).not.toContain("acme");
    session = { tenant: undefined };
    expect(await buildContext("q")).toBe("");
  });

  it("takes the null of a cache for nothing, as Redis says it", async () => {
    const cache = { get: async () => null, set: () => {} };
    expect(await searching([LOCKS], { cache }).buildContext("q")).toContain("Locks");
  });

  it("keeps those apart whose settings or names differ, and has keys that tell nothing", async () => {
    const keys: string[] = [];
    const cache = {
      get: (key: string) => {
        keys.push(key);
        return undefined;
      },
      set: () => {},
    };
    for (const options of [{}, { maxTokens: 100 }, { name: "docs" }, { minScore: 0.5 }]) {
      await searching([LOCKS], { cache, ...options }).buildContext("my secret", { user_id: "u1" });
    }
    expect(new Set(keys).size).toBe(4);
    expect(keys.join()).not.toMatch(/secret|u1/);
    expect(keys[0]).toMatch(/^rag:[0-9a-f]{64}$/);
    expect(keys[2]).toMatch(/^docs:/);
  });

  it("is done without while it fails", async () => {
    const lines: string[] = [];
    const cache = {
      get: () => Promise.reject(new Error("away")),
      set: () => {
        throw new Error("away");
      },
    };
    const { buildContext } = searching([LOCKS], { cache, log: (_, message) => lines.push(message) });
    expect(await buildContext("q")).toContain("Locks");
    expect(lines).toEqual(["rag cache failed", "rag cache failed"]);
  });

  it("drops what was not used for the longest time", () => {
    const cache = createRagCache({ maxEntries: 2, clock: createManualClock() });
    for (const key of ["a", "b"]) void cache.set(key, key, 1_000);
    expect(cache.get("a")).toBe("a");
    void cache.set("c", "c", 1_000);
    expect(["a", "b", "c"].map((key) => cache.get(key))).toEqual(["a", undefined, "c"]);
  });
});

describe("a snippet", () => {
  it("is one line, cut at the end of a word", () => {
    expect(snippetOf("  a\n\tb ", 10)).toBe("a b");
    expect(snippetOf("Locks lift boats up.", 13)).toBe("Locks lift…");
    expect(snippetOf("Locks lift boats up.", 11)).toBe("Locks lift…");
    expect(snippetOf("Donaudampfschifffahrt", 6)).toBe("Donau…");
  });

  it("is never longer than it may be, and never half a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 30 }), (text, maxLength) => {
        const snippet = snippetOf(text, maxLength);
        expect(snippet.length).toBeLessThanOrEqual(Math.max(maxLength, 0));
        expect(() => encodeURIComponent(snippet)).not.toThrow(); // half a character makes it throw
      }),
    );
  });
});
