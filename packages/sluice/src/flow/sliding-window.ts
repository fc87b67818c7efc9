import { checkWhole } from "../base/options.ts";
import type { Source } from "./source.ts";
import { through } from "./through.ts";

/**
 * A window of `size` items, the newest first, that moves by `step` items. It enters and leaves the stream: places before
 * the first and after the last item are `undefined`. Of 1, 2, 3 with size 2: [1, -], [2, 1], [3, 2], [-, 3].
 * @throws SluiceError `option/invalid`
 */
export function slidingWindow<T>(source: Source<T>, size: number, step = 1): AsyncIterable<(T | undefined)[]> {
  checkWhole("size", size);
  checkWhole("step", step);
  return through(source, () => {
    const window = Array.from<T | undefined>({ length: size });
    let untilNext = 0;
    let empty = true;
    const move = (item: T | undefined, emit: (window: (T | undefined)[]) => void): void => {
      window.pop();
      window.unshift(item);
      if (untilNext === 0) emit([...window]);
      untilNext = untilNext === 0 ? step - 1 : untilNext - 1;
    };
    return {
      item(item, emit) {
        empty = false;
        move(item, emit);
      },
      end(emit) {
        for (let gone = 1; gone < size && !empty; gone += 1) move(undefined, emit);
      },
    };
  });
}
