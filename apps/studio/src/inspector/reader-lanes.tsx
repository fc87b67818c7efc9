import type { ReactNode } from "react";
import type { ReaderLine, Stretch } from "./wire.ts";
import { bytes, count, duration } from "./words.ts";

export const LANE_HEIGHT = 20;
const FEW = 12;

export function laneCount(lines: number, all: boolean): number {
  return all ? lines : Math.min(lines, FEW);
}

interface ReaderLanesProps {
  readonly lines: readonly ReaderLine[];
  readonly x: (ms: number) => number;
  readonly top: number;
  readonly end: number;
}

/** A lane for each reader: a bar while it is connected, a thin line while it is away. */
export function ReaderLanes({ lines, x, top, end }: ReaderLanesProps): ReactNode {
  return (
    <g className="readers">
      {lines.map((line, index) => (
        <Lane key={line.line} line={line} x={x} y={top + index * LANE_HEIGHT} end={end} />
      ))}
    </g>
  );
}

interface LaneProps {
  readonly line: ReaderLine;
  readonly x: (ms: number) => number;
  readonly y: number;
  readonly end: number;
}

function Lane({ line, x, y, end }: LaneProps): ReactNode {
  const { stretches, dialect } = line;
  const middle = y + LANE_HEIGHT / 2;
  return (
    <g>
      <text className="lane-name" x={4} y={middle + 4}>
        {`${line.line} ${dialect.slice(0, 7)}`}
      </text>
      {stretches.map((stretch, index) => (
        <g key={stretch.joinedAt + index}>
          {index > 0 && (
            <line
              className="away"
              x1={x(stretches[index - 1]?.leftAt ?? stretch.joinedAt)}
              x2={x(stretch.joinedAt)}
              y1={middle}
              y2={middle}
            />
          )}
          <Bar stretch={stretch} x={x} middle={middle} end={end} />
        </g>
      ))}
    </g>
  );
}

interface BarProps {
  readonly stretch: Stretch;
  readonly x: (ms: number) => number;
  readonly middle: number;
  readonly end: number;
}

function Bar({ stretch, x, middle, end }: BarProps): ReactNode {
  const { joinedAt, leftAt, code, after, at, merged } = stretch;
  const left = x(joinedAt);
  const right = Math.max(left + 2, x(leftAt ?? end));
  const room = right - left > 60;
  return (
    <g className="stretch" data-code={code ?? "open"}>
      <rect x={left} y={middle - 5} width={right - left} height={10} rx={2} data-merged={merged !== undefined} />
      {after > 0 && <path className="resumed" d={`M${left} ${middle - 7}v14l7 -7z`} />}
      {room && (
        <text x={left + (after > 0 ? 10 : 4)} y={middle + 3.5}>
          {after > 0 ? `after ${count(after)}` : ""}
        </text>
      )}
      {code === "end" && <circle className="whole" cx={right} cy={middle} r={4} />}
      {code !== undefined && code !== "end" && <path className="cut" d={`M${right - 4} ${middle - 4}l8 8m0 -8l-8 8`} />}
      <title>{titleOf(stretch, at)}</title>
    </g>
  );
}

function titleOf(
  { joinedAt, leftAt, after, code, bytes: size, merged, mergedInto }: Stretch,
  at: number | undefined,
): string {
  const to = at === undefined ? "" : ` to entry ${count(at)}`;
  const joined = merged === undefined ? "" : `, ${count(merged)} entries merged into ${count(mergedInto)}`;
  const how = code === undefined ? "connected" : `${code} after ${duration(leftAt)}`;
  return `From ${duration(joinedAt)}, after entry ${count(after)}${to}: ${how}, ${bytes(size)}${joined}`;
}
