import { useCallback, useEffect, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { useMedia } from "../page/use-media.ts";
import { StatusMark } from "./status-mark.tsx";
import type { Column, Run, View } from "./runs.ts";
import { useNow } from "../page/use-now.ts";
import { age, bytes, count, duration, rate, shortId } from "./words.ts";

interface RunTableProps {
  readonly runs: readonly Run[];
  readonly view: View;
  readonly onView: (view: View) => void;
  readonly store: string;
  /** Who answers where a request names no model. */
  readonly model: string;
  readonly clockAhead: number;
  readonly empty: string;
}

const COLUMNS: readonly { readonly column: Column; readonly label: string; readonly hint?: string }[] = [
  { column: "status", label: "Status" },
  { column: "owner", label: "Owner" },
  { column: "model", label: "Model" },
  { column: "firstTokenMs", label: "TTFT", hint: "Time to the first token" },
  { column: "tokens", label: "Tokens" },
  { column: "rate", label: "Tokens/s", hint: "Over the last few seconds; of one that ended, on average" },
  { column: "readers", label: "Readers" },
  { column: "lag", label: "Lag", hint: "Entries that the slowest reader has still to get" },
  { column: "bytes", label: "Bytes" },
  { column: "startedAt", label: "Age" },
];

const MARGIN_ROWS = 8;
const HEAD_HEIGHT = 32;

/** Only the rows that are seen are there. Arrow keys go from row to row, Enter opens one. */
export function RunTable({ runs, view, onView, store, model, clockAhead, empty }: RunTableProps): ReactNode {
  const coarse = useMedia("(pointer: coarse)");
  const rowHeight = coarse ? 44 : 30;
  const box = useRef<HTMLDivElement>(null);
  const wanted = useRef<number>(undefined);
  const [seen, setSeen] = useState({ from: 0, to: 40 });
  const now = useNow(1_000) + clockAhead;

  const look = useCallback(() => {
    const { scrollTop = 0, clientHeight = 0 } = box.current ?? {};
    const from = Math.max(0, Math.floor(scrollTop / rowHeight) - MARGIN_ROWS);
    const to = Math.ceil((scrollTop + clientHeight) / rowHeight) + MARGIN_ROWS;
    setSeen((before) => (before.from === from && before.to === to ? before : { from, to }));
  }, [rowHeight]);
  useLayoutEffect(() => {
    look();
    const observer = new ResizeObserver(look);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, [look]);
  // After the row has been made.
  useLayoutEffect(() => {
    const index = wanted.current;
    if (index === undefined) return;
    const link = box.current?.querySelector<HTMLAnchorElement>(`[data-index="${index}"] a`);
    if (!link) return;
    wanted.current = undefined;
    link.focus({ preventScroll: true });
  });

  const go = useCallback(
    (from: number, step: number) => {
      const { current } = box;
      if (!current) return;
      const index = Math.max(0, Math.min(runs.length - 1, from + step));
      const top = index * rowHeight;
      const room = current.clientHeight - HEAD_HEIGHT - rowHeight;
      current.scrollTop = Math.max(Math.min(current.scrollTop, top), top - room);
      wanted.current = index;
      look();
      setSeen((before) => ({ ...before }));
    },
    [runs.length, rowHeight, look],
  );
  useEffect(() => {
    const { current } = box;
    const onKeyDown = (event: KeyboardEvent): void => {
      const step = STEPS[event.key];
      const row = event.target instanceof HTMLElement ? event.target.closest<HTMLElement>("[data-index]") : null;
      if (step === undefined || !row || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      go(Number(row.dataset["index"]), step);
    };
    current?.addEventListener("keydown", onKeyDown);
    return () => current?.removeEventListener("keydown", onKeyDown);
  }, [go]);

  const part = runs.slice(seen.from, seen.to);
  const above = Math.min(seen.from, runs.length) * rowHeight;
  const below = Math.max(0, runs.length - seen.to) * rowHeight;
  return (
    <div className="table-box" ref={box} onScroll={look}>
      <table aria-label="Runs" aria-rowcount={runs.length + 1}>
        <thead>
          <tr>
            <th scope="col" className="col-id">
              Run
            </th>
            {COLUMNS.map((one) => (
              <ColumnHead key={one.column} {...one} view={view} onView={onView} />
            ))}
            <th scope="col" className="col-store">
              Store
            </th>
            <th scope="col" className="col-dialects">
              Dialects
            </th>
          </tr>
        </thead>
        <tbody>
          {above > 0 && <Space height={above} />}
          {part.map((run, index) => (
            <Row key={run.n} run={run} index={seen.from + index} now={now} store={store} model={model} />
          ))}
          {below > 0 && <Space height={below} />}
        </tbody>
      </table>
      {runs.length === 0 && <p className="table-empty">{empty}</p>}
    </div>
  );
}

const STEPS: Readonly<Record<string, number>> = {
  ArrowDown: 1,
  ArrowUp: -1,
  j: 1,
  k: -1,
  PageDown: 15,
  PageUp: -15,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

interface ColumnHeadProps {
  readonly column: Column;
  readonly label: string;
  readonly hint?: string;
  readonly view: View;
  readonly onView: (view: View) => void;
}

function ColumnHead({ column, label, hint, view, onView }: ColumnHeadProps): ReactNode {
  const sorted = view.column === column;
  // Age is how long ago it began: the newest is the youngest.
  const descending = column === "startedAt" ? !view.descending : view.descending;
  return (
    <th
      scope="col"
      className={`col-${column}`}
      {...(sorted ? { "aria-sort": descending ? "descending" : "ascending" } : {})}
    >
      <button
        type="button"
        title={hint}
        onClick={() => onView({ ...view, column, descending: sorted ? !view.descending : column !== "owner" })}
      >
        {label}
        <span aria-hidden="true">{sorted ? (descending ? "↓" : "↑") : ""}</span>
      </button>
    </th>
  );
}

/** Stands for the rows that are not there. */
function Space({ height }: { readonly height: number }): ReactNode {
  return <tr className="space" style={{ height }} role="presentation" />;
}

interface RowProps {
  readonly run: Run;
  readonly index: number;
  readonly now: number;
  readonly store: string;
  readonly model: string;
}

function Row({ run, index, now, store, model }: RowProps): ReactNode {
  const { id, owner, status, code, stopping, firstTokenMs, tokens, readers, lag, startedAt, endedAt, dialects } = run;
  const answers = run.graph ?? run.model ?? model;
  return (
    <tr data-index={index} aria-rowindex={index + 2} data-status={status}>
      <th scope="row" className="col-id">
        <a href={`#/runs/${encodeURIComponent(id)}`} title={id}>
          {shortId(id)}
        </a>
      </th>
      <td className="col-status">
        <StatusMark status={status} code={code} stopping={stopping} />
      </td>
      <td className="col-owner" title={owner}>
        {owner}
      </td>
      <td className="col-model" title={answers}>
        {answers}
      </td>
      <td className="col-firstTokenMs">{duration(firstTokenMs)}</td>
      <td className="col-tokens">{count(tokens)}</td>
      <td className="col-rate">{rate(run.rate)}</td>
      <td className="col-readers">{readers === 0 ? "–" : readers}</td>
      <td className="col-lag" data-behind={(lag ?? 0) > 100}>
        {count(lag)}
      </td>
      <td className="col-bytes">{bytes(run.bytes)}</td>
      <td className="col-startedAt" title={endedAt === null ? undefined : `Took ${duration(endedAt - startedAt)}`}>
        {age(now - startedAt)}
      </td>
      <td className="col-store">{run.here ? store : `${store}, read here`}</td>
      <td className="col-dialects" title={dialects}>
        {dialects}
      </td>
    </tr>
  );
}
