import type { ReaderObserver } from "../../base/observer.ts";
import { parsePosition, type Position } from "../../base/offset.ts";
import type { RunState } from "../../run/index.ts";
import { deliver } from "../deliver.ts";
import { createEntryEncoder, type Reading } from "../encode-entry.ts";
import type { Service } from "../service.ts";
import { GeneratorSource } from "./generator-source.ts";
import { RunReader } from "./run-reader.ts";
import type { Listener, PieceSource } from "./source.ts";

export interface ReaderOptions extends Reading {
  readonly run: RunState;
  /** What the reader has. */
  readonly after: Position;
  /** True when there was nothing after it. */
  readonly live: boolean;
  readonly bare: boolean;
}

/** A reader of a run, at its place. */
export function openReader(
  service: Service,
  options: ReaderOptions,
  listener: Listener,
  watch?: ReaderObserver,
): PieceSource {
  const { run, framing, after, live } = options;
  const encoder = createEntryEncoder(service, options);
  if (!encoder) return new GeneratorSource((signal) => deliver(service, options, signal), listener);
  const { id: runId } = run;
  const feed = `${runId} ${framing.key}`;
  const { sequence: last } = parsePosition(run.lastOffset);
  const backlog = backlogOf(run.bytes, last, after);
  return new RunReader(service, { runId, encoder, feed, after, backlog, last, live, watch }, listener);
}

/** About how many bytes of a log come after a position, as if all entries were of one size. */
function backlogOf(bytes: number, last: number, { sequence }: Position): number {
  return last === 0 ? 0 : (bytes * (last - sequence)) / last;
}
