import { checkWhole } from "../base/options.ts";
import { bundle } from "./bundle.ts";
import type { Source } from "./source.ts";

/** Groups of `n` items, the last one of what is left. @throws SluiceError `option/invalid` */
export function batch<T>(source: Source<T>, n: number): AsyncIterable<T[]> {
  checkWhole("n", n);
  return bundle(source, (_, group) => group.length + 1 === n);
}
