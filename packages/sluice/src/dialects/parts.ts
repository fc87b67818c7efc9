import type { ChatEvent } from "../chat/index.ts";

/** Gives borders to text that comes without them: at most one part is open, and another key or kind ends it. */
export interface Parts {
  /** Nothing for an empty delta. */
  add(kind: "text" | "reasoning", delta: string, key?: string): readonly ChatEvent[];
  /** Ends the open part; with a key, only when it is that one's. */
  end(key?: string): readonly ChatEvent[];
}

/** Ids are counted (`text-0`), so that the same stream always gives the same ids. */
export function createParts(): Parts {
  let count = 0;
  let open: { readonly kind: "text" | "reasoning"; readonly key: string; readonly id: string } | undefined;

  const end = (key?: string): readonly ChatEvent[] => {
    if (open === undefined || (key !== undefined && key !== open.key)) return [];
    const { kind, id } = open;
    open = undefined;
    return [{ type: `${kind}-end`, id }];
  };

  return {
    add(kind, delta, key = kind) {
      if (delta === "") return [];
      if (open?.kind === kind && open.key === key) return [{ type: `${kind}-delta`, id: open.id, delta }];
      const ended = end();
      const id = `${kind}-${count}`;
      count += 1;
      open = { kind, key, id };
      return [...ended, { type: `${kind}-start`, id }, { type: `${kind}-delta`, id, delta }];
    },
    end,
  };
}
