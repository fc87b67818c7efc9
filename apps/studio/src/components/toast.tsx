import type { ReactNode } from "react";
import { addressOf } from "../page/route.ts";
import type { ThreadList } from "../state/thread-list.ts";
import { useStore } from "../page/use-store.ts";
import { Icon } from "./icon.tsx";

/** What was just done to the list, and the way back. */
export function Toast({ threads }: { readonly threads: ThreadList }): ReactNode {
  const { removed, failure } = useStore(threads);
  // The button goes, and the focus would be nowhere: it is on what has come back.
  const undo = (address: string): void => {
    threads.undo();
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`.thread a[href="${address}"]`)?.focus());
  };
  return (
    <div className="toasts" aria-live="polite">
      {removed && (
        <div className="toast" key={removed.id}>
          <p>
            Deleted “<span dir="auto">{removed.title}</span>”
          </p>
          <button type="button" onClick={() => undo(addressOf(removed.id))}>
            Undo
          </button>
        </div>
      )}
      {failure !== undefined && (
        <div className="toast bad">
          <p>{failure}</p>
          <button type="button" className="icon-button" aria-label="Close" onClick={threads.dismissFailure}>
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  );
}
