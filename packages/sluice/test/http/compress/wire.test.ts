import { brotliDecompressSync, constants, gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Compression, createWire, type Wire } from "../../../src/http/compress/wire.ts";
import type { Encoding } from "../../../src/http/compress/negotiate.ts";
import { pieceFrom, pieceOf, type Piece } from "../../../src/http/delivery/piece.ts";
import { HEARTBEAT, greeting } from "../../../src/http/greeting.ts";
import { createStreamDecoder, frames, noise } from "./support.ts";

/** After so many pieces that nobody else was sent a reader has a context. */
const ALONE = 32;
const BEAT = pieceOf(HEARTBEAT);
const ENCODINGS: readonly Encoding[] = ["gzip", "br"];

/** One reader's answer: what it was sent, and what that is to be once it is decoded. */
interface Reader {
  readonly wire: Wire;
  readonly sent: Piece[];
  readonly content: Uint8Array[];
  write(piece: Piece): Piece;
  beat(): void;
  /** The whole answer, decoded by a decoder that checks the trailer. */
  end(): Buffer;
  /** The same of one that is broken off here. */
  soFar(): Buffer;
}

function open(compression: Compression, encoding: Encoding = "gzip"): Reader {
  const wire = createWire(encoding, compression);
  if (!wire) throw new Error("There was no room.");
  const sent: Piece[] = wire.head ? [wire.head] : [];
  const content: Uint8Array[] = [];
  const bytes = (): Buffer => Buffer.concat(sent.map((piece) => piece.bytes));
  const reader: Reader = {
    wire,
    sent,
    content,
    write(piece) {
      const made = wire.write(piece);
      sent.push(made);
      content.push(piece.bytes);
      return made;
    },
    beat() {
      wire.rest();
      reader.write(BEAT);
    },
    end() {
      sent.push(wire.end());
      wire.close();
      return encoding === "gzip" ? gunzipSync(bytes()) : brotliDecompressSync(bytes());
    },
    soFar: () =>
      encoding === "gzip"
        ? gunzipSync(bytes(), { finishFlush: constants.Z_SYNC_FLUSH })
        : brotliDecompressSync(bytes(), { finishFlush: constants.BROTLI_OPERATION_FLUSH }),
  };
  reader.write(pieceOf(greeting(1_000)));
  return reader;
}

function pieces(count: number, from = 0): readonly Piece[] {
  return frames(from + count)
    .slice(from)
    .map((bytes) => pieceFrom(bytes));
}

function hasAll({ content }: Reader, decoded: Buffer): boolean {
  return decoded.equals(Buffer.concat(content));
}

/** How many contexts are left. */
function roomIn(compression: Compression): number {
  let room = 0;
  while (compression.hasRoom) {
    compression.take();
    room += 1;
  }
  for (let left = room; left > 0; left -= 1) compression.giveBack();
  return room;
}

describe("a gzip answer", () => {
  it("is one member of whatever it was made of: shared pieces, own ones, a context, heartbeats", () => {
    const compression = new Compression(1);
    const [one, other] = [open(compression), open(compression)];
    for (const piece of pieces(20)) for (const reader of [one, other]) reader.write(piece);
    for (const piece of pieces(ALONE + 10, 20)) one.write(piece);
    one.beat();
    for (const piece of pieces(5, 70)) for (const reader of [one, other]) reader.write(piece);
    for (const piece of pieces(ALONE + 10, 80)) one.write(piece);
    for (const reader of [one, other]) expect(hasAll(reader, reader.end())).toBe(true);
  });

  it("of readers in lockstep is made of the same pieces", () => {
    const compression = new Compression(0);
    const [one, other] = [open(compression), open(compression)];
    for (const piece of pieces(10)) expect(one.write(piece)).toBe(other.write(piece));
  });

  it("of a reader that joined later is soon made of the same pieces as that of others", () => {
    const compression = new Compression(0);
    const [one, late] = [open(compression), open(compression)];
    const live = pieces(60);
    for (const piece of live.slice(0, 30)) one.write(piece);
    late.write(pieceOf(Buffer.concat(frames(30)).toString()));
    const shared = live.slice(30).map((piece) => one.write(piece) === late.write(piece));
    expect(shared.indexOf(true)).toBeLessThan(25); // a KiB later at the latest
    expect(shared.slice(shared.indexOf(true))).not.toContain(false);
    for (const reader of [one, late]) expect(hasAll(reader, reader.end())).toBe(true);
  });

  it("is decoded where two readers were sent different bytes before one and the same piece", () => {
    const compression = new Compression(0);
    const [one, other] = [open(compression), open(compression)];
    one.write(pieceOf("data: only one has this\n\n"));
    const same = pieceOf("data: only one has this, and both have that\n\n");
    expect(one.write(same)).not.toBe(other.write(same));
    for (const reader of [one, other]) expect(hasAll(reader, reader.end())).toBe(true);
  });

  it("of those to whom a heartbeat was sent goes on in the same pieces, whatever each had before", () => {
    const compression = new Compression(0);
    const [one, other] = [open(compression), open(compression)];
    for (const piece of pieces(10)) one.write(piece);
    for (const piece of pieces(10, 40)) other.write(piece);
    for (const reader of [one, other]) reader.beat();
    for (const piece of pieces(10, 60)) expect(one.write(piece)).toBe(other.write(piece));
    for (const reader of [one, other]) expect(hasAll(reader, reader.end())).toBe(true);
  });

  it("gets a context after 32 pieces that nobody else was sent, the greeting among them, and not before", () => {
    const compression = new Compression(1);
    const reader = open(compression);
    for (const piece of pieces(ALONE - 2)) reader.write(piece);
    expect(compression.hasRoom).toBe(true);
    for (const piece of pieces(1, ALONE - 2)) reader.write(piece);
    expect(compression.hasRoom).toBe(false);
    for (const piece of pieces(50, ALONE)) reader.write(piece);
    expect(hasAll(reader, reader.end())).toBe(true);
  });

  it("is not larger for the change to a context, which knows what was sent before", () => {
    const sizeOfNext = (contexts: number): number => {
      const compression = new Compression(contexts);
      const reader = open(compression);
      for (const piece of pieces(ALONE - 1)) reader.write(piece);
      expect(roomIn(compression)).toBe(0);
      const { byteLength } = reader.write(pieces(1, ALONE - 1)[0]!).bytes;
      reader.wire.close();
      return byteLength;
    };
    expect(sizeOfNext(1)).toBeLessThan(sizeOfNext(0) * 1.2);
  });

  it("gets no context while others are sent what it is sent", () => {
    const compression = new Compression(1);
    const [first, second] = [open(compression), open(compression)];
    // Each is the first of the two at every second piece.
    for (const [index, piece] of pieces(ALONE * 4).entries()) {
      for (const reader of index % 2 === 0 ? [first, second] : [second, first]) reader.write(piece);
    }
    expect(roomIn(compression)).toBe(1);
  });

  it("gets none where there are none left, and goes on without", () => {
    const compression = new Compression(1);
    const [one, other] = [open(compression), open(compression)];
    for (const piece of pieces(100)) one.write(piece);
    for (const piece of pieces(100)) other.write(piece);
    expect(roomIn(compression)).toBe(0);
    expect(hasAll(other, other.end())).toBe(true);
    expect(roomIn(compression)).toBe(0);
    one.end();
    expect(roomIn(compression)).toBe(1);
  });

  it("gives its context up in silence, and can have one again", () => {
    const compression = new Compression(1);
    const reader = open(compression);
    for (const piece of pieces(ALONE)) reader.write(piece);
    expect(roomIn(compression)).toBe(0);
    reader.beat();
    expect(roomIn(compression)).toBe(1);
    for (const piece of pieces(ALONE + 1, 50)) reader.write(piece);
    expect(roomIn(compression)).toBe(0);
    for (const piece of pieces(ALONE, 100)) reader.write(piece);
    expect(hasAll(reader, reader.end())).toBe(true);
    expect(roomIn(compression)).toBe(1);
  });

  it("costs one compression a piece for a thousand readers, and no context", () => {
    const compression = new Compression(128);
    const readers = Array.from({ length: 1_000 }, () => open(compression));
    // The same before all of them.
    for (const reader of readers) reader.beat();
    for (const piece of pieces(ALONE * 3)) {
      const made = new Set(readers.map((reader) => reader.write(piece)));
      expect(made.size).toBe(1);
    }
    expect(roomIn(compression)).toBe(128);
  });

  it("of a piece larger than deflate's window, and of one that does not compress, is byte-exact", () => {
    const compression = new Compression(1);
    const reader = open(compression);
    for (const bytes of [noise(70_000), Buffer.concat(frames(3_000)), noise(1), ...frames(40), noise(70_000)]) {
      reader.write(pieceFrom(bytes));
    }
    expect(hasAll(reader, reader.end())).toBe(true);
  });

  it("of pieces that were sent before does not keep them", () => {
    const compression = new Compression(0);
    const reader = open(compression);
    const large = pieceFrom(noise(60_000));
    reader.write(large);
    const made = compression.made.get(large);
    expect(made?.after.byteLength).toBe(1_024);
    expect(made?.after.buffer.byteLength).toBe(1_024);
  });
});

describe("a brotli answer", () => {
  it("has a context from its first bytes on, and gives it back with its end", () => {
    const compression = new Compression(2);
    const reader = open(compression, "br");
    expect(roomIn(compression)).toBe(1);
    for (const piece of pieces(100)) reader.write(piece);
    reader.beat();
    expect(roomIn(compression)).toBe(1);
    for (const piece of pieces(10, 100)) reader.write(piece);
    expect(hasAll(reader, reader.end())).toBe(true);
    expect(roomIn(compression)).toBe(2);
  });

  it("is none where there is no room for a context", () => {
    const compression = new Compression(1);
    const reader = open(compression, "br");
    expect(createWire("br", compression)).toBeUndefined();
    expect(createWire("gzip", compression)).toBeDefined();
    reader.end();
    expect(createWire("br", compression)).toBeDefined();
  });
});

describe("a brotli answer whose room went to another between headers and first bytes", () => {
  it("is sent in blocks that need no context, each decoded at once", async () => {
    const compression = new Compression(1);
    const late = createWire("br", compression)!;
    const one = open(compression, "br");
    const decoder = createStreamDecoder("br");
    const content = [...frames(40), noise(65_536), noise(65_537), noise(200_000), ...frames(3)];
    for (const bytes of content) {
      const got = await decoder.push(late.write(pieceFrom(bytes)).bytes);
      expect(Buffer.compare(got, bytes)).toBe(0);
    }
    await decoder.push(late.end().bytes);
    await decoder.end();
    expect(roomIn(compression)).toBe(0);
    one.end();
    expect(roomIn(compression)).toBe(1);
  });
});

describe.each(ENCODINGS)("an answer in %s", (encoding) => {
  it("is decoded piece by piece, as soon as each is there, heartbeats too", async () => {
    const compression = new Compression(1);
    const reader = open(compression, encoding);
    const decoder = createStreamDecoder(encoding);
    let fed = 0;
    let seen = 0;
    const decodesTo = async (expected: Uint8Array): Promise<void> => {
      const fresh = reader.sent.slice(fed);
      fed = reader.sent.length;
      const got = await decoder.push(Buffer.concat(fresh.map((piece) => piece.bytes)));
      expect(Buffer.compare(got, expected)).toBe(0);
      seen += 1;
    };
    await decodesTo(reader.content[0]!);
    for (const [index, piece] of pieces(3 * ALONE).entries()) {
      reader.write(piece);
      await decodesTo(piece.bytes);
      if (index % 40 !== 39) continue;
      reader.beat();
      await decodesTo(BEAT.bytes);
    }
    expect(seen).toBe(3 * ALONE + 3);
    await decoder.push(reader.wire.end().bytes);
    await decoder.end();
  });

  it("that is broken off has all its pieces and no end, and gives back what it has taken", () => {
    const compression = new Compression(1);
    const reader = open(compression, encoding);
    for (const piece of pieces(ALONE + 5)) reader.write(piece);
    expect(roomIn(compression)).toBe(0);
    const decoded = reader.soFar();
    reader.wire.close();
    reader.wire.close();
    expect(hasAll(reader, decoded)).toBe(true);
    const bytes = Buffer.concat(reader.sent.map((piece) => piece.bytes));
    const decode = encoding === "gzip" ? gunzipSync : brotliDecompressSync;
    expect(() => decode(bytes)).toThrow("unexpected end of file");
    expect(roomIn(compression)).toBe(1);
  });

  it("that is never begun takes nothing, and gives nothing back", () => {
    const compression = new Compression(1);
    createWire(encoding, compression)?.close();
    createWire(encoding, compression);
    expect(roomIn(compression)).toBe(1);
  });

  it("has every piece as a chunk of HTTP/1.1 too, of exactly the same bytes", () => {
    const reader = open(new Compression(1), encoding);
    for (const piece of pieces(ALONE + 5)) reader.write(piece);
    reader.end();
    for (const { bytes, chunk } of reader.sent) {
      expect(bytes.byteLength).toBeGreaterThan(0); // a chunk of nothing would end the body
      const framed = Buffer.concat([Buffer.from(`${bytes.byteLength.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
      expect(framed.equals(chunk)).toBe(true);
    }
  });

  it("is byte-exact for any pieces, any readers, any heartbeats and any breaks", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 300 }),
      fc.constantFrom("event: chunk\n", "data: ", "日本", "🙂", "\n\n", "x".repeat(2_000)),
    );
    const step = fc.oneof(
      { weight: 12, arbitrary: fc.record({ who: fc.integer({ min: 1, max: 7 }), text }) },
      { weight: 1, arbitrary: fc.record({ rest: fc.nat(2) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.nat(2), (steps, contexts) => {
        // Brotli needs one for each.
        const compression = new Compression(encoding === "br" ? 3 : contexts);
        const readers = [0, 1, 2].map(() => open(compression, encoding));
        for (const next of steps) {
          if ("rest" in next) readers[next.rest]!.beat();
          else {
            // To one reader, to two or to all of them.
            const piece = pieceOf(next.text);
            readers.filter((_, index) => next.who & (1 << index)).forEach((reader) => reader.write(piece));
          }
        }
        for (const reader of readers) {
          expect(hasAll(reader, reader.soFar())).toBe(true);
          expect(hasAll(reader, reader.end())).toBe(true);
        }
        expect(roomIn(compression)).toBe(encoding === "br" ? 3 : contexts);
      }),
      { numRuns: 40 },
    );
  });
});
