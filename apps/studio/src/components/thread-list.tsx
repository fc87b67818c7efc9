import { useId, useState, type ReactNode } from "react";
import { useNow } from "../page/use-now.ts";
import { groupByAge, search } from "../state/thread-groups.ts";
import type { ThreadListSnapshot } from "../state/thread-list.ts";
import { Icon } from "./icon.tsx";
import { ThreadRow } from "./thread-row.tsx";

interface ThreadListProps {
  readonly list: ThreadListSnapshot;
  readonly openId: string | undefined;
  readonly onOpen: (id: string) => void;
  readonly onRename: (id: string, title: string) => void;
  readonly onRemove: (id: string) => void;
  readonly onMore: () => void;
  readonly onReload: () => void;
}

/** Fewer are seen at a glance. */
const WORTH_SEARCHING = 8;
const MINUTE_MS = 60_000;

export function ThreadList({ list, openId, onMore, onReload, ...row }: ThreadListProps): ReactNode {
  const { threads, status, error, more } = list;
  const [wanted, setWanted] = useState("");
  const heading = useId();
  const now = useNow(MINUTE_MS);
  const found = search(threads, wanted);

  return (
    <>
      {(threads.length >= WORTH_SEARCHING || wanted !== "") && (
        <label className="thread-search">
          <Icon name="search" />
          <span className="sr-only">Search chats</span>
          <input
            type="search"
            placeholder="Search chats"
            value={wanted}
            onChange={(event) => setWanted(event.target.value)}
          />
        </label>
      )}
      <div className="threads">
        {status === "loading" && threads.length === 0 && <Skeleton />}
        {status === "error" && error && !error.needsKey && (
          <div className="threads-note">
            <p>{error.message}</p>
            <button type="button" onClick={onReload}>
              Try again
            </button>
          </div>
        )}
        {status === "ready" && threads.length === 0 && <p className="threads-note">Your chats will be listed here.</p>}
        {wanted !== "" && found.length === 0 && <p className="threads-note">No title has “{wanted}” in it.</p>}
        {groupByAge(found, now).map(({ name, items }) => (
          <section key={name} aria-labelledby={`${heading}-${name}`}>
            <h2 id={`${heading}-${name}`}>{name}</h2>
            <ul>
              {items.map((thread) => (
                <ThreadRow key={thread.id} thread={thread} open={thread.id === openId} {...row} />
              ))}
            </ul>
          </section>
        ))}
        {more && (
          <button type="button" className="quiet threads-more" onClick={onMore}>
            Show older chats
          </button>
        )}
      </div>
    </>
  );
}

function Skeleton(): ReactNode {
  return (
    <div className="skeleton" role="img" aria-label="The list of chats is loading">
      <i />
      <i />
      <i />
    </div>
  );
}
