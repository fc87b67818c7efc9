import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ensureFullWords, Pump } from "../../src/flow/index.ts";
import { collect, forbidStrayRejections } from "./support.ts";

forbidStrayRejections();

const rechunked = (chunks: readonly string[]): Promise<string[]> => collect(Pump.from(chunks).rechunk(ensureFullWords));

describe("ensureFullWords", () => {
  it("keeps a word together that came in pieces", async () => {
    expect(await rechunked(["Hel", "lo wor", "ld", "\nbye"])).toEqual(["Hello ", "world\n", "bye"]);
  });

  it("loses no character, wherever the text is cut, and cuts no word", async () => {
    const piece = fc.constantFrom("a", "bc", " ", "\n", "\t", "", "  ", "long-word", "日本", "🙂", "é");
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (chunks) => {
        const out = await rechunked(chunks);
        expect(out.join("")).toBe(chunks.join(""));
        for (const chunk of out.slice(0, -1)) expect(chunk).toMatch(/[\s日本]$/u);
        expect(out).not.toContain("");
      }),
    );
  });

  it("hands text of a script without spaces on as it comes", async () => {
    expect(await rechunked(["你", "好,", "世界", "。"])).toEqual(["你", "好", ",世界", "。"]);
  });

  it("takes a word of a million pieces", async () => {
    const out = await rechunked(Array.from({ length: 100_000 }, () => "x"));
    expect(out).toEqual(["x".repeat(100_000)]);
  });
});
