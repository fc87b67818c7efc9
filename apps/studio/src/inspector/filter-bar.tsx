import { useEffect, useRef, type ReactNode } from "react";
import type { View } from "./runs.ts";
import type { Status } from "./wire.ts";
import { count } from "./words.ts";

interface FilterBarProps {
  readonly view: View;
  readonly onView: (view: View) => void;
  readonly counts: Readonly<Record<Status | "all", number>>;
  readonly found: number;
}

const CHOICES: readonly (readonly [Status | "all", string])[] = [
  ["all", "All"],
  ["running", "Running"],
  ["finished", "Finished"],
  ["aborted", "Stopped"],
  ["failed", "Failed"],
];

export function FilterBar({ view, onView, counts, found }: FilterBarProps): ReactNode {
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      search.current?.focus();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);

  return (
    <div className="filter-bar">
      <input
        ref={search}
        type="search"
        aria-label="Search runs"
        placeholder="Search id, owner, model, code   /"
        value={view.search}
        onChange={(event) => onView({ ...view, search: event.currentTarget.value })}
      />
      <div className="choices" role="group" aria-label="Status">
        {CHOICES.map(([status, label]) => (
          <button
            key={status}
            type="button"
            aria-pressed={view.status === status}
            onClick={() => onView({ ...view, status })}
          >
            {label} <span>{count(counts[status])}</span>
          </button>
        ))}
      </div>
      <p className="found" role="status">
        {count(found)} {found === 1 ? "run" : "runs"}
      </p>
    </div>
  );
}
