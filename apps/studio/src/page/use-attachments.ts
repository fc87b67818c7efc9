import { useCallback, useRef, useState } from "react";
import { attach, type Attachment } from "../state/attachments.ts";
import { shrinkImage, toDataUrl } from "./read-file.ts";

export interface Attachments {
  readonly list: readonly Attachment[];
  /** Why some were left out: one sentence for each. */
  readonly refused: readonly string[];
  /** Files are being read, and not in the list yet: a message that is sent now goes without them. */
  readonly reading: boolean;
  readonly add: (files: readonly File[]) => void;
  readonly remove: (key: string) => void;
  readonly clear: () => void;
}

interface State {
  readonly list: readonly Attachment[];
  readonly refused: readonly string[];
  /** How many additions are not done. */
  readonly pending: number;
}

const NONE: State = { list: [], refused: [], pending: 0 };

/**
 * The files of the message that is being written.
 * @param taken how many characters those of earlier messages have
 */
export function useAttachments(taken: number): Attachments {
  const [state, setState] = useState(NONE);
  const list = useRef(NONE.list);
  /** Reading takes a while: one addition after the other, each counts what came before it. */
  const last = useRef(Promise.resolve());
  const message = useRef(0);

  const add = useCallback(
    (files: readonly File[]): void => {
      if (files.length === 0) return;
      const of = message.current;
      setState((before) => ({
        ...before,
        refused: before.pending === 0 ? [] : before.refused,
        pending: before.pending + 1,
      }));
      last.current = last.current.then(async () => {
        const there = list.current;
        const read = await attach(there, files, { toDataUrl, shrink: shrinkImage, taken });
        // That message was sent in the meantime: what was read is for nobody.
        if (of !== message.current) return;
        // What was taken off in the meantime stays off.
        list.current = [...list.current, ...read.attachments.filter((file) => !there.includes(file))];
        setState(({ refused, pending }) => ({
          list: list.current,
          refused: [...refused, ...read.refused],
          pending: pending - 1,
        }));
      });
    },
    [taken],
  );
  const remove = useCallback((key: string): void => {
    list.current = list.current.filter((file) => file.key !== key);
    setState((before) => ({ ...before, list: list.current, refused: [] }));
  }, []);
  const clear = useCallback((): void => {
    message.current += 1;
    list.current = NONE.list;
    setState(NONE);
  }, []);
  return { list: state.list, refused: state.refused, reading: state.pending > 0, add, remove, clear };
}
