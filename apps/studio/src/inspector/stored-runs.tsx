import { useEffect, useState, type ReactNode } from "react";
import { wordsOf } from "../server/call.ts";
import type { Api } from "./api.ts";
import { StatusMark } from "./status-mark.tsx";
import type { StoredRun } from "./wire.ts";
import { bytes, count, duration, shortId } from "./words.ts";

interface StoredRunsProps {
  readonly api: Api;
  /** What was typed: stores list by the owner's whole name, or give one run by its whole id. */
  readonly owner: string;
}

interface Found {
  readonly owner: string;
  readonly runs: readonly StoredRun[];
  readonly next: string | undefined;
  readonly words?: string;
}

/** What the store has of one owner, of runs of all nodes and of those before a restart. */
export function StoredRuns({ api, owner }: StoredRunsProps): ReactNode {
  const [found, setFound] = useState<Found>();
  const name = owner.trim();
  useEffect(() => setFound((before) => (before?.owner === name ? before : undefined)), [name]);
  if (name === "") return null;
  if (/^run_\S+$/.test(name)) {
    return (
      <p className="stored-runs">
        <a href={`#/runs/${encodeURIComponent(name)}`}>Open {shortId(name)} from the store</a>
      </p>
    );
  }

  async function look(before?: string): Promise<void> {
    const earlier = before === undefined ? [] : (found?.runs ?? []);
    try {
      const { stored, next } = await api.stored(name, before);
      setFound({ owner: name, runs: [...earlier, ...stored], next });
    } catch (error) {
      setFound({ owner: name, runs: earlier, next: undefined, words: wordsOf(error) });
    }
  }

  if (!found) {
    return (
      <p className="stored-runs">
        <button type="button" onClick={() => void look()}>
          Look in the store for runs of the owner “{name}”
        </button>
      </p>
    );
  }
  return (
    <section className="stored-runs" aria-label={`In the store, of ${found.owner}`}>
      <h2>
        In the store, of {found.owner}: {found.runs.length}
        {found.next === undefined ? "" : " and more"}
      </h2>
      {found.words !== undefined && <p role="alert">{found.words}</p>}
      <ul>
        {found.runs.map(({ id, status, createdAt, closedAt, entries, bytes: size, error }) => (
          <li key={id}>
            <a href={`#/runs/${encodeURIComponent(id)}`} title={id}>
              {shortId(id)}
            </a>
            <StatusMark status={status} code={error?.code ?? ""} stopping={false} />
            <span>{new Date(createdAt).toLocaleString("en-GB")}</span>
            <span>{closedAt === undefined ? "open" : `took ${duration(closedAt - createdAt)}`}</span>
            <span>{count(entries)} entries</span>
            <span>{bytes(size)}</span>
          </li>
        ))}
      </ul>
      {found.next !== undefined && (
        <button type="button" onClick={() => void look(found.next)}>
          More
        </button>
      )}
    </section>
  );
}
