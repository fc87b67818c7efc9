import { useCallback, useRef, useState } from "react";
import { attach, type Attachment } from "../state/attachments.ts";
import { shrinkImage, toDataUrl } from "./read-file.ts";

export interface Attachments {
  readonly list: readonly Attachment[];
  /** Why some were left out: one sentence for each. */
  readonly refused: readonly string[];
  readonly add: (files: readonly File[]) => void;
  readonly remove: (key: string) => void;
  readonly clear: () => void;
}

/**
 * The files of the message that is being written.
 * @param taken how many characters those of earlier messages have
 */
export function useAttachments(taken: number): Attachments {
  const [state, setState] = useState<{ list: readonly Attachment[]; refused: readonly string[] }>(NONE);
  /** What was added last; reading takes a while, and the next files count what came before them. */
  const latest = useRef<Promise<readonly Attachment[]>>(Promise.resolve([]));

  const become = useCallback((list: readonly Attachment[], refused: readonly string[] = []): void => {
    latest.current = Promise.resolve(list);
    setState({ list, refused });
  }, []);
  const add = useCallback(
    (files: readonly File[]): void => {
      if (files.length === 0) return;
      const adding = latest.current.then(async (there) => {
        const { attachments, refused } = await attach(there, files, { toDataUrl, shrink: shrinkImage, taken });
        // Sent, or changed by hand, in the meantime: what was read then is for nobody.
        if (latest.current === adding) setState({ list: attachments, refused });
        return attachments;
      });
      latest.current = adding;
    },
    [taken],
  );
  const remove = useCallback((key: string): void => {
    setState(({ list }) => {
      const rest = list.filter((file) => file.key !== key);
      latest.current = Promise.resolve(rest);
      return { list: rest, refused: [] };
    });
  }, []);
  const clear = useCallback((): void => become([]), [become]);
  return { ...state, add, remove, clear };
}

const NONE = { list: [], refused: [] };
