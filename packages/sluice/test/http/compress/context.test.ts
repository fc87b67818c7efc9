import { execFileSync } from "node:child_process";
import { brotliDecompressSync, constants, createGzip, gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBrotliContext, createGzipContext, type Context } from "../../../src/http/compress/context.ts";
import { EMPTY_SUM, addToSum, deflateBlock, gzipHeader } from "../../../src/http/compress/gzip.ts";
import { createStreamDecoder, frames, noise } from "./support.ts";

const kinds = {
  gzip: { create: createGzipContext as () => Context, decode: (bytes: Uint8Array) => gunzipSync(bytes) },
  br: { create: createBrotliContext, decode: (bytes: Uint8Array) => brotliDecompressSync(bytes) },
};
const samples: Readonly<Record<string, readonly Uint8Array[]>> = {
  "nothing at all": [],
  "one frame": frames(1),
  "thousands of frames": frames(2_000),
  "pieces larger than the window": [Buffer.concat(frames(5_000)), ...frames(3), Buffer.concat(frames(5_000))],
  "what does not compress": [noise(10), noise(5_000), noise(200_000), noise(1)],
  "empty pieces between others": [Buffer.alloc(0), ...frames(2), Buffer.alloc(0), ...frames(2), Buffer.alloc(0)],
  "views into a larger buffer": frames(3).map((frame) => frame.subarray(5, 30)),
};

describe.each(["gzip", "br"] as const)("a kept %s context", (kind) => {
  const { create, decode } = kinds[kind];

  it.each(Object.keys(samples))("gives every piece as soon as it is pushed, and a complete end: %s", async (name) => {
    const context = create();
    const decoder = createStreamDecoder(kind);
    const sent: Uint8Array[] = [];
    for (const piece of samples[name]!) {
      const bytes = context.push(piece);
      sent.push(bytes);
      expect(Buffer.compare(await decoder.push(bytes), piece)).toBe(0);
    }
    const last = context.end();
    sent.push(last);
    await decoder.push(last);
    await decoder.end();
    expect(decode(Buffer.concat(sent)).equals(Buffer.concat(samples[name]!))).toBe(true);
  });

  it("is decoded for any pieces", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.uint8Array({ maxLength: 400 }), fc.string({ unit: "binary" }))), (parts) => {
        const pieces = parts.map((part) => Buffer.from(part as string));
        const context = create();
        const bytes = Buffer.concat([...pieces.map((piece) => context.push(piece)), context.end()]);
        expect(decode(bytes).equals(Buffer.concat(pieces))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("says nothing for no bytes", () => {
    const context = create();
    expect(context.push(new Uint8Array()).byteLength).toBe(0);
    context.push(frames(1)[0]!);
    expect(context.push(new Uint8Array()).byteLength).toBe(0);
    context.close();
  });

  it("is independent of other contexts", () => {
    const [one, other] = [create(), create()];
    const bytes = frames(50).map((frame) => [one.push(frame), other.push(noise(50))] as const);
    const whole = Buffer.concat([...bytes.map(([mine]) => mine), one.end()]);
    other.close();
    expect(decode(whole).equals(Buffer.concat(frames(50)))).toBe(true);
  });

  it("can be closed twice, and refuses bytes afterwards", () => {
    for (const finish of [(context: Context) => context.close(), (context: Context) => void context.end()]) {
      const context = create();
      context.push(frames(1)[0]!);
      finish(context);
      expect(() => context.push(frames(1)[0]!)).toThrow("closed");
      context.close();
      expect(() => context.end()).toThrow("closed");
    }
  });

  it("frees its memory when it is closed", () => {
    const turn = (count: number): void => {
      for (let index = 0; index < count; index += 1) {
        const context = create();
        context.push(frames(1)[0]!);
        context.close();
      }
    };
    turn(100);
    const before = process.memoryUsage.rss();
    turn(1_500);
    // Kept, they would be 150 MiB and more.
    expect(process.memoryUsage.rss() - before).toBeLessThan(80 * 2 ** 20);
  });

  it("leaves Buffer.concat as it was", () => {
    const { concat } = Buffer;
    const context = create();
    context.push(frames(1)[0]!);
    context.end();
    expect(Buffer.concat).toBe(concat);
  });
});

describe("a kept gzip context", () => {
  it("is within 5 % of one gzip-6 context over the same frames", async () => {
    const pieces = frames(1_000);
    const gzip = createGzip({ level: 6 });
    let reference = 0;
    gzip.on("data", (chunk: Uint8Array) => (reference += chunk.byteLength));
    for (const piece of pieces) {
      gzip.write(piece);
      await new Promise<void>((resolve) => gzip.flush(constants.Z_SYNC_FLUSH, () => resolve()));
    }
    gzip.destroy();
    const context = createGzipContext();
    const own = pieces.reduce((size, piece) => size + context.push(piece).byteLength, 0);
    context.close();
    expect(own).toBeLessThan(reference * 1.05);
  });

  it("is decoded by the gunzip command", () => {
    const context = createGzipContext();
    const bytes = Buffer.concat([...frames(500).map((frame) => context.push(frame)), context.end()]);
    const out = execFileSync("gunzip", ["-c"], { input: bytes, maxBuffer: 1e7 });
    expect(out.equals(Buffer.concat(frames(500)))).toBe(true);
  });

  it("that takes over sends no event anew", () => {
    const dictionary = Buffer.concat(frames(30));
    const sizeOfNext = (known: Uint8Array): number => {
      const context = createGzipContext({ after: { sum: EMPTY_SUM, dictionary: known } });
      const { byteLength } = context.push(frames(31)[30]!);
      context.close();
      return byteLength;
    };
    expect(sizeOfNext(dictionary)).toBeLessThan(sizeOfNext(new Uint8Array()) / 2);
  });

  it("takes over from blocks without a context, and gives back to them, at any flush", () => {
    const pieces = frames(60);
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), fc.nat(5_000), (one, other, length) => {
        const [from, to] = [Math.min(one, other), Math.max(one, other)];
        const before = (index: number): Uint8Array =>
          length === 0 ? new Uint8Array() : Buffer.concat(pieces.slice(0, index)).subarray(-length);
        const stateless = (first: number, last: number): readonly Uint8Array[] =>
          pieces.slice(first, last).map((piece, index) => deflateBlock(piece, before(first + index)));
        const first = [gzipHeader(), ...stateless(0, from)];
        const sum = pieces.slice(0, from).reduce(addToSum, EMPTY_SUM);

        const kept = createGzipContext({ after: { sum, dictionary: before(from) } });
        const second = pieces.slice(from, to).map((piece) => kept.push(piece));
        kept.close();

        const dictionary = before(to);
        const third = stateless(to, 60);
        const again = createGzipContext({
          after: { sum: pieces.slice(to).reduce(addToSum, kept.sum()), dictionary },
        });
        const whole = gunzipSync(Buffer.concat([...first, ...second, ...third, again.end()]));
        expect(whole.equals(Buffer.concat(pieces))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
