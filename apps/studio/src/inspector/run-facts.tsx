import type { ReactNode } from "react";
import type { KnownRun } from "./known-run.ts";
import type { NodeFacts } from "./wire.ts";
import { bytes, count, duration, rate } from "./words.ts";

interface RunFactsProps {
  readonly run: KnownRun;
  readonly node: NodeFacts;
  readonly elapsed: number;
}

export function RunFacts({ run, node, elapsed }: RunFactsProps): ReactNode {
  const { usage, error } = run;
  const facts: readonly (readonly [string, string])[] = [
    ["Owner", run.owner],
    ["Model", run.graph ?? run.model ?? node.model],
    ["Took", duration(elapsed)],
    ["First token", duration(run.firstTokenMs)],
    ["Tokens", count(run.tokens)],
    ["Tokens/s", rate(run.rate)],
    ["Readers", count(run.readers)],
    ["Lag", count(run.lag)],
    ["Entries", count(run.entries)],
    ["Bytes", bytes(run.bytes)],
    ["Dialects", run.dialects || "–"],
    ["Store", node.store],
    ["Thread", run.threadId ?? "–"],
    ["Request", run.requestId ?? "–"],
    ["Usage", usage ? `${count(usage["inputTokens"])} in, ${count(usage["outputTokens"])} out` : "–"],
    ["Started", new Date(run.startedAt).toLocaleString("en-GB")],
  ];
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd title={value}>{value}</dd>
        </div>
      ))}
      {error && (
        <div className="fact-error">
          <dt>Error</dt>
          <dd>
            {error.code}: {error.message}
          </dd>
        </div>
      )}
    </dl>
  );
}
