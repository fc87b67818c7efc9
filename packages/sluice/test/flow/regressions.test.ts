import { describe, expect, it } from "vitest";
import { batch, ensureFullWords, httpStreamResponse, Pump, statefulMap } from "../../src/flow/index.ts";
import { collect, forbidStrayRejections, probe, takeFirst, turns } from "./support.ts";

forbidStrayRejections();

/** Bugs of the Pump of seed 000, found by running it. */
describe("the bugs of seed 000's Pump", () => {
  it("batch(n) on an exact multiple ends after the last full batch", async () => {
    // batch(n) threw a TypeError when the stream's length was a multiple of n,
    // for everybody whose last batch happened to be full.
    expect(await collect(batch(probe([1, 2, 3, 4]), 2))).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(await collect(batch(probe([]), 2))).toEqual([]);
  });

  it.each([0, "", false, null, undefined])("statefulMap keeps the context %j", async (context) => {
    // A falsy context was taken for none: onChunk and onClose were never called, and the chunks were lost,
    // for everybody who counts from 0 or begins with an empty text.
    const seen: unknown[] = [];
    const flow = statefulMap<string, unknown>(["a", "b"], {
      onFirstChunk: () => context,
      onChunk: (_, given) => (seen.push(given), given),
      onClose: (_, given) => void seen.push(given),
    });
    await collect(flow);
    expect(seen).toEqual([context, context]);
  });

  it("leaving early calls the source's return()", async () => {
    // The source's return() was never called: its connection stayed open and it went on producing,
    // for everybody who left a loop, or whose client closed the page.
    const source = probe([1, 2, 3]);
    await takeFirst(Pump.from(source).map(String).filter(Boolean), 1);
    expect(source.returns).toBe(1);
  });

  it("a source error in drainTo rejects the caller, once, and the sink is not closed", async () => {
    // The error went to nobody: an unhandled rejection ended the process and the response stayed open,
    // for everybody whose model failed in the middle of an answer.
    const closed: string[] = [];
    const sink = { transform: () => {}, close: () => closed.push("close"), response: "response" };
    await expect(Pump.from(probe([1], { error: new Error("broke") })).drainTo(sink)).rejects.toThrow("broke");
    await turns();
    expect(closed).toEqual([]);
  });

  it("a source error behind an HTTP response breaks its body", async () => {
    // As above: the body of the response neither ended nor failed,
    // so the client waited until its own time was over.
    const response = await Pump.from(probe(["a"], { error: new Error("broke") })).drainTo(httpStreamResponse());
    await expect(response.text()).rejects.toThrow("broke");
  });

  it("ensureFullWords keeps chunks of white space", async () => {
    // Chunks that were white space only were dropped: paragraphs and code lost their line breaks,
    // for everybody whose model sends "\n\n" as a token.
    const out = await collect(Pump.from(["a", "\n\n", "  ", "b"]).rechunk(ensureFullWords));
    expect(out.join("")).toBe("a\n\n  b");
  });

  it("a slow reader of a response slows the source", async () => {
    // Chunks were written without looking at the reader: a whole stream lay in memory,
    // for each client with a slow connection.
    const source = probe(Array.from({ length: 1_000 }, () => "x".repeat(1_000)));
    const response = await Pump.from(source).drainTo(httpStreamResponse());
    const reader = response.body?.getReader();
    await reader?.read();
    await turns();
    expect(source.pulls).toBe(1);
    await reader?.cancel();
  });

  it("the slower branch of a fork slows the faster one", async () => {
    // A fork kept everything that one branch had read and the other had not,
    // for everybody whose second branch was slow, or never read.
    const source = probe(Array.from({ length: 1_000 }, (_, index) => index));
    const [fast, slow] = Pump.from(source).fork({ ahead: 8 });
    let read = 0;
    const draining = fast.onChunk(() => (read += 1)).drain();
    await turns();
    expect([read, source.pulls]).toEqual([8, 8]);
    await slow[Symbol.asyncIterator]().return?.();
    await draining;
    expect(read).toBe(1_000);
  });

  it("undefined is an item, not the end", async () => {
    // Items that were undefined were taken for the end's empty chunk, by onClose and rechunk,
    // for everybody whose map returns nothing for some of them.
    const histories: unknown[][] = [];
    const flow = Pump.from([undefined, 1, undefined])
      .rechunk<number | undefined>(({ buffer, push }) => buffer.splice(0).forEach(push))
      .onClose((history) => histories.push(history));
    expect(await collect(flow)).toEqual([undefined, 1, undefined]);
    expect(histories).toEqual([[undefined, 1, undefined]]);
  });
});
