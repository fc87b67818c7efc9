import type { ChatEvent } from "../chat/index.ts";

/** Gives borders to text that comes without them: at most one part is open, and another key or kind ends it. */
export interface Parts {
  /** Nothing for an empty delta. */
  add(kind: "text" | "reasoning", delta: string, key?: string): readonly ChatEvent[];
  end(): readonly ChatEvent[];
}

/** @param prefix of the parts' ids. They are counted, so that the same stream always gives the same ids. */
export function createParts(prefix: string): Parts {
  let count = 0;
  let open: { readonly kind: "text" | "reasoning"; readonly key: string; readonly id: string } | undefined;

  const end = (): readonly ChatEvent[] => {
    if (open === undefined) return [];
    const { kind, id } = open;
    open = undefined;
    return [{ type: `${kind}-end`, id }];
  };

  return {
    add(kind, delta, key = kind) {
      if (delta === "") return [];
      if (open?.kind === kind && open.key === key) return [{ type: `${kind}-delta`, id: open.id, delta }];
      const ended = end();
      count += 1;
      open = { kind, key, id: `${prefix}-${count}` };
      return [...ended, { type: `${kind}-start`, id: open.id }, { type: `${kind}-delta`, id: open.id, delta }];
    },
    end,
  };
}
