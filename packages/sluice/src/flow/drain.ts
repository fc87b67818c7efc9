import { openSource, type Source } from "./source.ts";

/** Pulls everything and keeps nothing. Rejects with the failure of the flow. */
export function drain(source: Source<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    const reading = openSource(source, { item: () => reading.ask(), end: resolve, fail: reject });
    reading.ask();
  });
}
