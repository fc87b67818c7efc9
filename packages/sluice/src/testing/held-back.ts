import type { Clock } from "../base/clock.ts";

/** What is held back goes on at the end of what is buffered, and when either is reached. Default: neither ever is. */
export interface Buffering {
  readonly bytes?: number;
  /** Since the first of what is held back came. */
  readonly ms?: number;
}

/** The chunks, joined. */
export async function* heldBack(
  chunks: AsyncIterable<Buffer>,
  { bytes = Infinity, ms = Infinity }: Buffering,
  clock: Clock,
): AsyncGenerator<Buffer> {
  const iterator = chunks[Symbol.asyncIterator]();
  const held: Buffer[] = [];
  let size = 0;
  let late: Promise<"late"> | undefined;
  let cancel = (): void => {};
  const letGo = (): Buffer => {
    cancel();
    late = undefined;
    size = 0;
    return Buffer.concat(held.splice(0));
  };
  try {
    for (let next = iterator.next(); ;) {
      const step = await (late ? Promise.race([next, late]) : next);
      if (step === "late") {
        yield letGo();
        continue;
      }
      if (step.done === true) break;
      held.push(step.value);
      size += step.value.byteLength;
      if (size >= bytes) yield letGo();
      else if (ms < Infinity) late ??= new Promise((resolve) => (cancel = clock.timer(ms, () => resolve("late"))));
      next = iterator.next();
    }
    if (size > 0) yield letGo();
  } finally {
    cancel();
    await iterator.return?.();
  }
}
