import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openJournal, readJournal, type JournalEntry } from "../../src/log/disk/journal.ts";
import { blockKey, decodeBlock, decodeExtent, encodeBlock, lastNumber, pack } from "../../src/log/disk/layout.ts";
import { folder } from "./disk-support.ts";

const text = fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), fc.constant("é€\u{1f600}\0\u2028".repeat(3_000)));
const texts = fc.array(text, { minLength: 1, maxLength: 5 });
const sequence = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const entry: fc.Arbitrary<JournalEntry> = fc.record({ log: sequence, after: sequence, entries: texts });
const frames = fc.array(fc.array(entry, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 });

describe("the journal", () => {
  it("gives back what was written, cut off anywhere: the frames that are whole", async () => {
    const path = await folder();
    const file = join(path, "journal-0");
    fc.assert(
      fc.property(frames, fc.double({ min: 0, max: 1, noNaN: true }), (written, part) => {
        const journal = openJournal(path);
        journal.reset();
        const ends = written.map((frame) => {
          for (const added of frame) journal.add(added);
          journal.write();
          journal.keep();
          return readFileSync(file).length;
        });
        journal.close();
        expect([...readJournal(path)]).toEqual(written.flat());
        const length = Math.floor(part * (ends.at(-1) ?? 0));
        truncateSync(file, length);
        expect([...readJournal(path)]).toEqual(written.slice(0, ends.filter((end) => end <= length).length).flat());
      }),
    );
  });

  it("gives back nothing that was overwritten, dropped, or turned away from twice", async () => {
    const path = await folder();
    const journal = openJournal(path);
    journal.reset();
    const put = (name: string, kept = true): void => {
      journal.add({ log: 1, after: 0, entries: [name] });
      expect(journal.write()).toBe(true);
      if (kept) journal.keep();
      else journal.drop();
    };
    const left = (): readonly string[] => [...readJournal(path)].flatMap(({ entries }) => entries);
    put("a");
    put("b, never kept", false);
    put("c");
    expect(journal.write()).toBe(false);
    expect(left()).toEqual(["a", "c"]);
    journal.turn();
    put("d");
    expect(left()).toEqual(["a", "c", "d"]);
    journal.turn();
    put("e");
    expect(left()).toEqual(["d", "e"]);
    journal.reset();
    expect(left()).toEqual([]);
    journal.remove();
    expect(left()).toEqual([]);
    journal.close();
  });

  // What a full disk had refused came back after a kill, where the next frame went into the other file; what had been
  // acknowledged in its place was passed over then: a conversation lost a question.
  it("gives back nothing that was dropped, also when nothing takes its place", async () => {
    const path = await folder();
    const journal = openJournal(path);
    journal.reset();
    const put = (...entries: readonly string[]): void => {
      journal.add({ log: 1, after: 0, entries });
      journal.write();
    };
    const left = (): readonly string[] => [...readJournal(path)].flatMap(({ entries }) => entries);
    put("dropped at the start");
    journal.drop();
    expect(left()).toEqual([]);
    put("kept");
    journal.keep();
    put("dropped");
    journal.drop();
    expect(left()).toEqual(["kept"]);
    journal.turn();
    put("in its place");
    journal.keep();
    expect(left()).toEqual(["kept", "in its place"]);
    journal.close();
  });

  it("gives back nothing of a frame in which a byte was changed, nor what follows it", async () => {
    const path = await folder();
    const file = join(path, "journal-0");
    const journal = openJournal(path);
    journal.reset();
    for (const name of ["a", "b", "c"]) {
      journal.add({ log: 1, after: 0, entries: [name] });
      journal.write();
      journal.keep();
    }
    journal.close();
    const whole = readFileSync(file);
    for (let at = 0; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      writeFileSync(file, damaged);
      const left = [...readJournal(path)].flatMap(({ entries }) => entries);
      expect(left).toEqual(["a", "b", "c"].slice(0, Math.floor((3 * at) / whole.length)));
    }
  });
});

describe("a block", () => {
  it("gives back its entries and the extent of the log", () => {
    fc.assert(
      fc.property(texts, sequence, sequence, (entries, first, last) => {
        const packed = pack(entries);
        expect(packed.flatMap((block) => block.entries)).toEqual(entries);
        for (const block of packed) {
          const bytes = encodeBlock(block, { first, last, bytes: 7 });
          expect(decodeBlock(bytes)).toEqual(block.entries);
          expect(decodeExtent(bytes, last)).toEqual({ first, last, bytes: 7 });
        }
      }),
    );
  });

  it("with a changed byte is refused", () => {
    const [block] = pack(["a", "bc"]);
    const whole = encodeBlock(block ?? { entries: [], text: "", bytes: 0 }, { first: 1, last: 2, bytes: 3 });
    for (let at = 0; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      expect(() => decodeBlock(damaged)).toThrow(expect.objectContaining({ code: "log/corrupt" }));
    }
    expect(() => decodeBlock(whole.subarray(0, 10))).toThrow(expect.objectContaining({ code: "log/corrupt" }));
  });

  it("takes about four pages, and an entry is never cut", () => {
    const entries = Array.from({ length: 1_000 }, (_, index) => "x".repeat(index % 400));
    const sizes = pack(entries).map((block) => encodeBlock(block, { first: 1, last: 1, bytes: 1 }).length);
    expect(Math.max(...sizes)).toBeLessThan(16_100);
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(15_000);
    expect(pack(["x".repeat(100_000), "y"]).map((block) => block.entries.length)).toEqual([1, 1]);
  });

  it("has a key that sorts by log, then by sequence", () => {
    fc.assert(
      fc.property(sequence, sequence, sequence, sequence, (log, last, otherLog, otherLast) => {
        const order = Math.sign(log - otherLog) || Math.sign(last - otherLast);
        expect(Buffer.compare(blockKey(log, last), blockKey(otherLog, otherLast))).toBe(order);
        expect(lastNumber(blockKey(log, last))).toBe(last);
      }),
    );
  });
});
