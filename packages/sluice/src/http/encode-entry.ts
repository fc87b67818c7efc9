import type { Dialect, Frame, WordingAlone } from "../dialects/index.ts";
import { pieceOf, type Piece } from "./delivery/piece.ts";
import type { Framing } from "./framing.ts";
import { answerOf, parseEntry, replay } from "./replay.ts";
import type { Service } from "./service.ts";
import type { Turn } from "./turns.ts";
import type { EncodedEntry } from "./types.ts";

/** What is read, and how it is worded. */
export interface Reading {
  readonly run: { readonly id: string; readonly createdAt: number };
  readonly dialect: Dialect;
  readonly framing: Framing;
}

/**
 * Characters. A larger entry is sent in pieces, which are made once for all readers; no other has frames of more than
 * 64 KiB.
 */
export const LARGE = 16_384;

/** Words entries alone, each without those before it. */
export interface EntryEncoder {
  /**
   * The frames of an entry, each with its id: the last one carries the entry's offset, those before it
   * `<offset before>.<k>`. undefined for one that is large, or takes the whole answer to word.
   * @param skip how many of its frames the reader has
   */
  text(entry: string, sequence: number, skip?: number): string | undefined;
  /** The same for any entry, in pieces of at most 64 KiB. A reader that is at it keeps them for the others. */
  pieces(entry: string, sequence: number, skip?: number): Promise<EncodedEntry>;
}

/** undefined for a dialect that words no entry without those before it. */
export function createEntryEncoder(service: Service, reading: Reading): EntryEncoder | undefined {
  const { run, dialect, framing } = reading;
  const context = { runId: run.id, createdAt: run.createdAt };
  const open = dialect.alone?.bind(dialect);
  if (!open) return undefined;
  // Opened at the first entry: what a dialect throws is to break off a reader that is there.
  let wording: WordingAlone | undefined;
  const alone: WordingAlone = (event, sequence) => (wording ??= open(context))(event, sequence);
  const { quick } = dialect;
  return {
    text(entry, sequence, skip = 0) {
      if (entry.length > LARGE) return undefined;
      const frame = quick?.(entry, context);
      if (frame) return framing.put(frame, { sequence, skip: 0 });
      const frames = alone(parseEntry(entry), sequence);
      return frames && encodeFrames(frames, sequence, framing, skip).join("");
    },
    pieces(entry, sequence, skip = 0) {
      const key = `${run.id} ${sequence}.${skip} ${framing.key}`;
      return service.entries(key, async () => {
        const frames = alone(parseEntry(entry), sequence) ?? (await endOf(service, reading, sequence));
        return inPieces(encodeFrames(frames, sequence, framing, skip).join(""), service.turn);
      });
    },
  };
}

async function endOf(service: Service, reading: Reading, last: number): Promise<readonly Frame[]> {
  const { dialect, run } = reading;
  return dialect.final ? dialect.final(await answerOf(service, run.id, last)) : wordTo(service, reading, last);
}

/** The frames of an entry by a wording that has gone through all before it that make a difference. */
async function wordTo({ runs, turn }: Service, { run, dialect }: Reading, last: number): Promise<readonly Frame[]> {
  const log = { store: runs.store, runId: run.id, last, turn };
  for (let back = dialect.settles ? 8 : last; ; back *= 8) {
    const after = Math.max(0, last - 1 - back);
    const word = dialect.open({ runId: run.id, createdAt: run.createdAt });
    let known = after === 0;
    let frames: readonly Frame[] = [];
    await replay({ ...log, after }, (event, sequence) => {
      frames = word(event, sequence);
      if (sequence < last) known ||= dialect.settles?.(event) === true;
    });
    if (known) return frames;
  }
}

/** @param skip how many of them the reader has */
export function encodeFrames(
  frames: readonly Frame[],
  sequence: number,
  framing: Framing,
  skip = 0,
): readonly string[] {
  const encoded: string[] = [];
  for (let index = skipOf(frames.length, skip); index < frames.length; index += 1) {
    const frame = frames[index];
    if (!frame) continue;
    const isLast = index === frames.length - 1;
    const position = isLast ? { sequence, skip: 0 } : { sequence: sequence - 1, skip: index + 1 };
    encoded.push(framing.put(frame, position));
  }
  return encoded;
}

/** One that claims to have more frames than there are is sent the last one again. */
function skipOf(frames: number, skip: number): number {
  return Math.max(0, Math.min(skip, frames - 1));
}

// UTF-8 of this many characters, and one more, has at most 64 KiB.
const PIECE = 21_844;
const PIECES_PER_TURN = 32;

export async function inPieces(text: string, turn: Turn): Promise<readonly Piece[]> {
  const pieces: Piece[] = [];
  for (let start = 0; start < text.length;) {
    const cut = start + PIECE;
    const inCharacter = (text.codePointAt(cut - 1) ?? 0) > 0xff_ff;
    // Nor between the two line feeds by which the end of a frame is known.
    const end = text.length - cut < 2 ? text.length : inCharacter ? cut - 1 : cut;
    pieces.push(pieceOf(text.slice(start, end)));
    if (pieces.length % PIECES_PER_TURN === 0) await turn();
    start = end;
  }
  return pieces;
}
