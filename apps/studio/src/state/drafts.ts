/** What was written and not sent, by chat. Kept for a reload of this tab where the browser can. */
export interface Drafts {
  readonly get: (threadId: string | undefined) => string;
  readonly set: (threadId: string | undefined, draft: string) => void;
}

const PREFIX = "sluice.draft.";

export function createDrafts(storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> | undefined): Drafts {
  const drafts = new Map<string, string>();
  return {
    get(threadId) {
      const key = keyOf(threadId);
      return drafts.get(key) ?? read(storage, key);
    },
    set(threadId, draft) {
      const key = keyOf(threadId);
      drafts.set(key, draft);
      try {
        if (draft === "") storage?.removeItem(key);
        else storage?.setItem(key, draft);
      } catch {
        // No room, or forbidden: it lasts as long as the page.
      }
    },
  };
}

function read(storage: Pick<Storage, "getItem"> | undefined, key: string): string {
  try {
    return storage?.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function keyOf(threadId: string | undefined): string {
  return PREFIX + (threadId ?? "new");
}
