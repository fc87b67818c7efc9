import type { JsonObject } from "../../base/json.ts";
import type { LogState } from "../types.ts";

/** What a script answered: how it went, then what it found. */
export class Reply {
  readonly status: string;
  readonly #items: readonly unknown[];

  constructor(value: unknown) {
    this.#items = listOf(value);
    this.status = textOf(this.#items[0]);
  }

  text(index: number): string {
    return textOf(this.#items[index]);
  }

  /** undefined where the script found nothing. */
  maybe(index: number): string | undefined {
    const item = this.#items[index];
    return item === null || item === undefined ? undefined : textOf(item);
  }

  number(index: number): number {
    return Number(this.#items[index]);
  }

  list(index: number): readonly unknown[] {
    return listOf(this.#items[index]);
  }

  texts(index: number): readonly string[] {
    return this.list(index).map(textOf);
  }
}

/** A log as stored: its state, and the fence of its holder. */
export interface Stored {
  readonly state: LogState;
  readonly fence: number;
}

/** @param fields in the order of `STATE` in scripts/script.ts */
export function parseState(id: string, fields: readonly unknown[]): Stored {
  const [owner, meta, claimKey, claimHash, createdAt, first, last, bytes, stop, closedAt, summary, fence] = fields;
  const state: LogState = {
    id,
    owner: textOf(owner),
    meta: parseObject(meta),
    ...(claimHash === null ? {} : { claim: { key: textOf(claimKey), hash: textOf(claimHash) } }),
    createdAt: Number(createdAt),
    first: Number(first),
    last: Number(last),
    bytes: Number(bytes),
    stopRequested: stop !== null,
    ...(closedAt === null ? {} : { closedAt: Number(closedAt) }),
    ...(summary === null ? {} : { summary: parseObject(summary) }),
  };
  return { state, fence: Number(fence) };
}

/** Entries of the records that come after a place. */
export function entriesAfter(after: number, records: readonly unknown[]): string[] {
  const entries: string[] = [];
  for (const record of records) {
    const [id, given] = listOf(record);
    const fields = listOf(given);
    const count = fields.length / 2;
    const first = Number.parseInt(textOf(id), 10) - count + 1;
    for (let index = Math.max(0, after + 1 - first); index < count; index += 1) {
      entries.push(textOf(fields[2 * index + 1]));
    }
  }
  return entries;
}

/** Records of one entry each, with their numbers. */
export function entriesOf(records: readonly unknown[]): { readonly sequence: number; readonly text: string }[] {
  return records.map((record) => {
    const [id, fields] = listOf(record);
    return { sequence: Number.parseInt(textOf(id), 10), text: textOf(listOf(fields)[1]) };
  });
}

// This store wrote it, as JSON of an object.
function parseObject(text: unknown): JsonObject {
  return JSON.parse(textOf(text)) as JsonObject;
}

// Redis answers with texts and whole numbers.
function textOf(value: unknown): string {
  return typeof value === "number" ? String(value) : typeof value === "string" ? value : "";
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
