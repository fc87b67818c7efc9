import type { SeenReader } from "sluice/http";

/** One stream of a reader: from its request to its end. Times are milliseconds since the run began. */
export interface Stretch {
  readonly joinedAt: number;
  /** The entry that it said it had. */
  readonly after: number;
  leftAt?: number;
  /** `end`, `reader-left`, or the code that broke it off. */
  code?: string;
  /** The last entry that was worded for it; absent where its dialect does not say. */
  at?: number;
  bytes: number;
  /** Entries that went into merged frames, and those frames. */
  merged?: number;
  mergedInto?: number;
}

/** A reader, as far as it can be told from others: its streams, one after the other. */
export interface ReaderLine {
  readonly line: number;
  readonly dialect: string;
  readonly compressed: boolean;
  readonly stretches: readonly Stretch[];
}

interface Line extends ReaderLine {
  readonly stretches: Stretch[];
  open: SeenReader | undefined;
  changed: number;
}

const MOST_LINES = 100;
const MOST_STRETCHES = 32;

/**
 * The readers of one run. One that comes back is shown as the same where that is certain: it says that it has what exactly
 * one of those who were cut off can have. All readers of a run are its owner's. Who begins anew is a new one.
 */
export class ReaderLines {
  /** Readers that are there now, also those without a line. */
  readonly open: Set<SeenReader> = new Set();
  readonly dialects: Set<string> = new Set();
  /** Lines that were let go of, and readers that never got one. */
  hidden = 0;
  joined = 0;
  /** Rises with every change that is not only more of the same. */
  version = 0;
  #lines: Line[] = [];
  #next = 0;

  join(reader: SeenReader, ms: number): Stretch | undefined {
    this.open.add(reader);
    this.dialects.add(reader.dialect);
    this.joined += 1;
    const line = this.#sameReader(reader) ?? this.#newLine(reader);
    if (!line) return undefined;
    const stretch: Stretch = { joinedAt: ms, after: reader.after, bytes: 0 };
    if (line.stretches.length >= MOST_STRETCHES) line.stretches.shift();
    line.stretches.push(stretch);
    line.open = reader;
    line.changed = this.version += 1;
    return stretch;
  }

  leave(reader: SeenReader, stretch: Stretch | undefined, ms: number, code: string): void {
    this.open.delete(reader);
    const line = stretch && this.#lines.find(({ stretches }) => stretches.at(-1) === stretch);
    if (!stretch || !line) return;
    update(stretch, reader);
    stretch.leftAt = ms;
    stretch.code = code;
    line.open = undefined;
    line.changed = this.version += 1;
  }

  /** Lines that are open or have changed since a version, as they are now. */
  linesSince(version: number): readonly ReaderLine[] {
    const changed = this.#lines.filter((line) => line.open !== undefined || line.changed > version);
    return changed.map(({ line, dialect, compressed, stretches, open }) => {
      const current = stretches.at(-1);
      if (open && current) update(current, open);
      return { line, dialect, compressed, stretches: stretches.map((stretch) => ({ ...stretch })) };
    });
  }

  #sameReader({ after, dialect }: SeenReader): Line | undefined {
    if (after === 0) return undefined;
    const candidates = this.#lines.filter((line) => {
      const cut = line.stretches.at(-1);
      if (line.open || !cut || cut.code === "end" || line.dialect !== dialect) return false;
      return cut.after <= after && after <= (cut.at ?? Number.POSITIVE_INFINITY);
    });
    return candidates.length === 1 ? candidates[0] : undefined;
  }

  #newLine({ dialect, compressed }: SeenReader): Line | undefined {
    if (this.#lines.length >= MOST_LINES) {
      const over = this.#lines.findIndex(({ open }) => open === undefined);
      this.hidden += 1;
      if (over < 0) return undefined;
      this.#lines.splice(over, 1);
    }
    const line: Line = { line: (this.#next += 1), dialect, compressed, stretches: [], open: undefined, changed: 0 };
    this.#lines.push(line);
    return line;
  }
}

function update(stretch: Stretch, { at, bytes }: SeenReader): void {
  stretch.bytes = bytes;
  if (at !== undefined) stretch.at = at;
}
