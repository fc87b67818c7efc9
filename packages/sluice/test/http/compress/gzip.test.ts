import { execFileSync } from "node:child_process";
import { gunzipSync, constants } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DICTIONARY_BYTES,
  EMPTY_SUM,
  addToSum,
  deflateBlock,
  gzipHeader,
  gzipTrailer,
} from "../../../src/http/compress/gzip.ts";
import { createStreamDecoder, frames, noise } from "./support.ts";

interface Member {
  /** The header first, a block per piece, then the trailer. */
  readonly parts: readonly Uint8Array[];
  readonly content: Uint8Array;
}

/** A member of these pieces. The dictionary of each is as long as `lengthOf` says, as far as there is so much. */
function member(pieces: readonly Uint8Array[], lengthOf: (index: number) => number = () => DICTIONARY_BYTES): Member {
  const content = Buffer.concat(pieces);
  const parts = [gzipHeader()];
  let sum = EMPTY_SUM;
  let at = 0;
  for (const [index, piece] of pieces.entries()) {
    parts.push(deflateBlock(piece, content.subarray(Math.max(0, at - lengthOf(index)), at)));
    sum = addToSum(sum, piece);
    at += piece.byteLength;
  }
  return { parts: [...parts, gzipTrailer(sum)], content };
}

/** What a decoder has that was given no more than this. */
function decodedSoFar(bytes: Uint8Array): Uint8Array {
  return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
}

describe("a gzip member made of blocks without a context", () => {
  const samples: Readonly<Record<string, readonly [pieces: readonly Uint8Array[], dictionary: number]>> = {
    "nothing at all": [[], 0],
    "no dictionary": [frames(50), 0],
    "a dictionary of one byte": [frames(50), 1],
    "the usual dictionary": [frames(300), DICTIONARY_BYTES],
    "a dictionary longer than what was sent": [frames(5), 1_000_000],
    "a dictionary longer than deflate's window": [
      [noise(50_000), noise(50_000).subarray(5_000), ...frames(20), noise(50_000)],
      100_000,
    ],
    "a dictionary as long as deflate's window": [[noise(40_000), ...frames(20), noise(40_000)], 32_768],
    "pieces larger than the window": [[Buffer.concat(frames(5_000)), Buffer.concat(frames(5_000))], DICTIONARY_BYTES],
    "what does not compress": [[noise(10), noise(1_024), noise(1_025), noise(70_000), noise(300)], DICTIONARY_BYTES],
    "the same bytes again and again": [[new Uint8Array(100_000), new Uint8Array(1), new Uint8Array(100_000)], 32_768],
    "empty pieces between others": [[Buffer.alloc(0), ...frames(2), Buffer.alloc(0), ...frames(2)], DICTIONARY_BYTES],
    "characters cut in their bytes": [[...Buffer.from("日本🙂é".repeat(40))].map((byte) => Uint8Array.of(byte)), 64],
    "thousands of blocks": [frames(3_000), 256],
  };
  const names = Object.keys(samples);
  const sample = (name: string): Member => {
    const [pieces, dictionary] = samples[name]!;
    return member(pieces, () => dictionary);
  };

  it.each(names)("is decoded byte by byte: %s", (name) => {
    const { parts, content } = sample(name);
    expect(gunzipSync(Buffer.concat(parts)).equals(content)).toBe(true);
  });

  it.each(names)("is decoded by the gunzip command: %s", (name) => {
    const { parts, content } = sample(name);
    const out = execFileSync("gunzip", ["-c"], { input: Buffer.concat(parts), maxBuffer: 1e7 });
    expect(out.equals(content)).toBe(true);
  });

  it.each(names)("is decoded block by block, as soon as each arrives: %s", async (name) => {
    const { parts, content } = sample(name);
    const decoder = createStreamDecoder("gzip");
    await decoder.push(parts[0]!);
    let at = 0;
    for (const [index, piece] of samples[name]![0].entries()) {
      const got = await decoder.push(parts[index + 1]!);
      expect(Buffer.compare(got, content.subarray(at, at + piece.byteLength))).toBe(0);
      at += piece.byteLength;
    }
    await decoder.push(parts.at(-1)!);
    await decoder.end();
  });

  it("holds for any split of any text and any length of dictionary", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 2_000 }),
      fc
        .array(fc.constantFrom("data: ", "日本", "token", "\n\n", "é", "🙂"), { maxLength: 3_000 })
        .map((it) => it.join("")),
    );
    const cuts = fc.array(fc.tuple(fc.nat(3_000), fc.nat(40_000)), { maxLength: 20 });
    fc.assert(
      fc.property(text, cuts, (whole, sizes) => {
        let rest = Buffer.from(whole);
        const pieces = sizes.map(([size]) => {
          const piece = rest.subarray(0, size);
          rest = rest.subarray(size);
          return piece;
        });
        const { parts, content } = member([...pieces, rest], (index) => sizes[index]?.[1] ?? 0);
        expect(gunzipSync(Buffer.concat(parts)).equals(content)).toBe(true);
        // Cut after any block: everything up to there is out.
        const half = Math.floor(pieces.length / 2);
        const soFar = Buffer.concat(pieces.slice(0, half));
        expect(Buffer.compare(decodedSoFar(Buffer.concat(parts.slice(0, half + 1))), soFar)).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it("is the same for two readers at one place, however they came there", () => {
    const [before, piece] = [Buffer.concat(frames(200)), frames(201)[200]!];
    const dictionary = before.subarray(-DICTIONARY_BYTES);
    expect(deflateBlock(piece, dictionary)).toEqual(deflateBlock(Uint8Array.from(piece), Uint8Array.from(dictionary)));
  });

  it("sends an event in less than a third of what it takes without a dictionary", () => {
    const pieces = frames(400).slice(200);
    const size = (dictionary: number): number => Buffer.concat(member(pieces, () => dictionary).parts).byteLength;
    expect(size(DICTIONARY_BYTES)).toBeLessThan(size(0) / 3);
  });

  it("ends every block with the empty stored block that Go's decoder waits for", () => {
    for (const part of member(frames(20)).parts.slice(1, -1)) {
      expect([...part.subarray(-4)]).toEqual([0, 0, 255, 255]);
    }
  });

  it("without its trailer is an incomplete member", () => {
    const { parts } = member(frames(20));
    expect(() => gunzipSync(Buffer.concat(parts.slice(0, -1)))).toThrow("unexpected end of file");
  });

  it("a dictionary that is not what was sent is found out at the trailer", () => {
    const sent = noise(200);
    const other = Uint8Array.from(sent, (byte) => byte ^ 1);
    const sum = [sent, other].reduce(addToSum, EMPTY_SUM);
    const wrong = [deflateBlock(sent, new Uint8Array()), deflateBlock(other, other), gzipTrailer(sum)];
    expect(() => gunzipSync(Buffer.concat([gzipHeader(), ...wrong]))).toThrow("incorrect data check");
  });

  it("counts its length modulo 2^32", () => {
    const sum = addToSum({ crc: 0, length: 2 ** 32 - 2 }, Uint8Array.of(1, 2, 3));
    expect(sum.length).toBe(1);
    expect(gzipTrailer(sum).subarray(-4)).toEqual(Buffer.of(1, 0, 0, 0));
  });

  it("hands out headers that a caller may change", () => {
    gzipHeader().fill(0);
    expect([...gzipHeader().subarray(0, 3)]).toEqual([0x1f, 0x8b, 8]);
  });
});
