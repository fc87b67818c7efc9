import { formatOffset, formatPosition, type Position } from "../base/offset.ts";
import type { RunEvent } from "../chat/index.ts";
import type { Dialect, Frame } from "../dialects/index.ts";
import type { RunState } from "../run/index.ts";
import { encodeEvent } from "../sse/index.ts";
import { STEP, replay } from "./replay.ts";
import type { Service } from "./service.ts";
import type { Turn } from "./turns.ts";
import type { EncodedEntry } from "./types.ts";

/** What one reader reads. */
export interface Reading {
  readonly run: RunState;
  readonly dialect: Dialect;
  /** What the reader has. */
  readonly after: Position;
  /** `<runId>~` where a bare EventSource reads, else empty. */
  readonly idPrefix: string;
}

export interface EntryEncoder {
  /** The entries after this one have to be encoded, in order. */
  readonly from: number;
  /**
   * The frames of an entry that the reader does not have, each with its id: the last one carries the entry's offset,
   * those before it `<offset before>.<k>`. A text, or for a large entry a promise of pieces.
   */
  encode(entry: string, sequence: number): string | Promise<Iterable<Uint8Array>>;
}

/**
 * A reader holds no part of the answer: what is large, or takes the whole answer to word, is encoded once for all who
 * are at it. A dialect that words no entry without those before it is gone through from the start, by each reader.
 */
export function createEntryEncoder(service: Service, reading: Reading): EntryEncoder {
  const { run, dialect, after, idPrefix } = reading;
  const context = { runId: run.id, createdAt: run.createdAt };
  const alone = dialect.alone?.(context);
  const word = alone ?? dialect.open(context);

  const shared = async (entry: string, sequence: number): Promise<Iterable<Uint8Array>> => {
    const key = `${run.id} ${sequence} ${dialect.name} ${idPrefix}`;
    const encoded = await service.entries(key, async () => {
      const frames = alone?.(parse(entry), sequence) ?? (await wordTo(service, reading, sequence));
      return Promise.all(encodeFrames(frames, sequence, idPrefix).map((text) => inPieces(text, service.turn)));
    });
    return piecesOf(encoded, skipOf(encoded.length, sequence, after));
  };

  return {
    from: alone ? after.sequence : 0,
    encode(entry, sequence) {
      if (alone && entry.length > STEP.maxLength) return shared(entry, sequence);
      const frames = word(parse(entry), sequence);
      if (frames === undefined) return shared(entry, sequence);
      if (sequence <= after.sequence) return "";
      return encodeFrames(frames, sequence, idPrefix)
        .slice(skipOf(frames.length, sequence, after))
        .join("");
    },
  };
}

// A reader that is at it holds `encoded` itself, and so keeps it for the others.
function* piecesOf(encoded: EncodedEntry, skip: number): Generator<Uint8Array> {
  for (let index = skip; index < encoded.length; index += 1) yield* encoded[index] ?? [];
}

/** The frames of an entry by a wording that has gone through all before it. */
async function wordTo({ runs, turn }: Service, { run, dialect }: Reading, last: number): Promise<readonly Frame[]> {
  const word = dialect.open({ runId: run.id, createdAt: run.createdAt });
  let frames: readonly Frame[] = [];
  await replay({ store: runs.store, runId: run.id, last, turn }, (event, sequence) => {
    frames = word(event, sequence);
  });
  return frames;
}

function encodeFrames(frames: readonly Frame[], sequence: number, idPrefix: string): readonly string[] {
  return frames.map((frame, index) => {
    const isLast = index === frames.length - 1;
    const id = isLast ? formatOffset(sequence) : formatPosition({ sequence: sequence - 1, skip: index + 1 });
    return encodeEvent({ ...frame, id: idPrefix + id });
  });
}

/** How many of an entry's frames the reader has. One that claims more than there are is sent the last one again. */
function skipOf(frames: number, sequence: number, after: Position): number {
  return sequence - 1 === after.sequence ? Math.max(0, Math.min(after.skip, frames - 1)) : 0;
}

// UTF-8 of this many characters, and one more, has at most 64 KiB.
const PIECE = 21_844;
const PIECES_PER_TURN = 32;
const encoder = new TextEncoder();

async function inPieces(text: string, turn: Turn): Promise<readonly Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < text.length;) {
    const cut = start + PIECE;
    const inCharacter = (text.codePointAt(cut - 1) ?? 0) > 0xff_ff;
    // Nor between the two line feeds by which the end of a frame is known.
    const end = text.length - cut < 2 ? text.length : inCharacter ? cut - 1 : cut;
    pieces.push(encoder.encode(text.slice(start, end)));
    if (pieces.length % PIECES_PER_TURN === 0) await turn();
    start = end;
  }
  return pieces;
}

// Written by this library's writer, which has checked it.
function parse(entry: string): RunEvent {
  return JSON.parse(entry) as RunEvent;
}
