import type { ParsedEvent } from "../../src/sse/index.ts";

export interface Reading {
  readonly events: readonly ParsedEvent[];
  readonly comments: readonly string[];
  readonly retries: readonly number[];
}

/** The standard's "interpreting an event stream", sentence by sentence, over the whole stream at once. */
export function readBySpec(bytes: Uint8Array): Reading {
  const text = new TextDecoder().decode(bytes); // drops one BOM
  const blocks: string[][] = [[]];
  const lines = text.split(/\r\n|\r|\n/);
  lines.pop(); // has no end: it is never processed
  for (const line of lines) {
    if (line === "") blocks.push([]);
    else blocks.at(-1)?.push(line);
  }
  const unfinished = blocks.pop() ?? []; // "any pending data must be discarded"
  const fields = [...blocks, unfinished].flat().map(toField);
  return {
    events: blocks.flatMap((block) => dispatch(block.map(toField)) ?? []),
    comments: fields.filter(({ name }) => name === ":").map(({ value }) => value),
    retries: fields
      .filter(({ name, value }) => name === "retry" && /^[0-9]+$/.test(value) && Number.isSafeInteger(Number(value)))
      .map(({ value }) => Number(value)),
  };
}

interface Field {
  /** ":" for a comment. */
  readonly name: string;
  readonly value: string;
}

function toField(line: string): Field {
  const colon = line.indexOf(":");
  if (colon === -1) return { name: line, value: "" };
  const value = line.slice(colon + 1);
  return { name: line.slice(0, colon) || ":", value: value.startsWith(" ") ? value.slice(1) : value };
}

function dispatch(fields: readonly Field[]): ParsedEvent | undefined {
  const data = fields.filter(({ name }) => name === "data").map(({ value }) => value);
  const type = fields.findLast(({ name }) => name === "event")?.value ?? "";
  const id = fields.findLast(({ name, value }) => name === "id" && !value.includes("\0"))?.value;
  if (data.length === 0) return undefined;
  return { event: type === "" ? "message" : type, data: data.join("\n"), ...(id === undefined ? {} : { id }) };
}
