import { useMemo, useRef, useState, type PointerEvent, type ReactNode } from "react";
import { ReaderLanes, laneCount, LANE_HEIGHT } from "./reader-lanes.tsx";
import { useWidth } from "./use-width.ts";
import type { Mark, ReaderLine, RunReport, Series } from "./wire.ts";
import { count, counted, duration, rate } from "./words.ts";

interface TimelineProps {
  readonly report: RunReport;
  readonly elapsed: number;
  readonly running: boolean;
}

const GUTTER = { left: 64, right: 12 };
const RATE_HEIGHT = 64;
const PAUSE_HEIGHT = 40;
const EVENT_HEIGHT = 26;
const GAP = 10;
const AXIS_HEIGHT = 20;

/** One run as a picture: its pace, its pauses, what happened to it and who read it, over one axis of time. */
export function Timeline({ report, elapsed, running }: TimelineProps): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 800);
  const [all, setAll] = useState(false);
  const [pointer, setPointer] = useState<number>();
  const { series, marks, lease, readers, row } = report;
  const end = endOf(elapsed, readers.lines);
  const lines = readers.lines.filter(({ stretches }) => (stretches[0]?.joinedAt ?? 0) <= end);
  const later = readers.lines.length - lines.length;
  const inner = Math.max(80, width - GUTTER.left - GUTTER.right);
  const x = (ms: number): number => GUTTER.left + (Math.min(ms, end) / end) * inner;
  const lanes = laneCount(lines.length, all);
  const rateTop = 4;
  const pauseTop = rateTop + RATE_HEIGHT + GAP;
  const eventTop = pauseTop + PAUSE_HEIGHT + GAP;
  const lanesTop = eventTop + EVENT_HEIGHT + GAP;
  const bottom = lanesTop + lanes * LANE_HEIGHT;
  const firstToken = row[4];
  const at = pointer === undefined ? undefined : Math.max(0, Math.min(end, ((pointer - GUTTER.left) / inner) * end));

  const onMove = (event: PointerEvent<SVGSVGElement>): void =>
    setPointer(event.clientX - event.currentTarget.getBoundingClientRect().left);

  return (
    <section className="timeline" aria-label="Timeline">
      <div ref={box} />
      <p className="readout" aria-hidden="true">
        {at === undefined ? summary(series, elapsed, row[5]) : readout(series, at)}
      </p>
      <svg
        width={width}
        height={bottom + AXIS_HEIGHT}
        role="img"
        aria-label={`Timeline of ${duration(end)}, told in words below`}
        onPointerMove={onMove}
        onPointerLeave={() => setPointer(undefined)}
      >
        <Axis end={end} x={x} top={rateTop} bottom={bottom} inner={inner} />
        <Steps series={series} x={x} top={rateTop} />
        <Pauses series={series} x={x} top={pauseTop} />
        <text className="lane-name" x={4} y={rateTop + 12}>
          tokens/s
        </text>
        <text className="lane-name" x={4} y={pauseTop + 12}>
          pauses
        </text>
        <text className="lane-name" x={4} y={eventTop + 16}>
          events
        </text>
        {lease.renewedAt.map((ms) => (
          <line key={ms} className="renewal" x1={x(ms)} x2={x(ms)} y1={eventTop + 18} y2={eventTop + EVENT_HEIGHT} />
        ))}
        {firstToken !== null && (
          <g className="first-token">
            <line x1={x(firstToken)} x2={x(firstToken)} y1={rateTop} y2={bottom} />
            <title>{`First token after ${duration(firstToken)}`}</title>
          </g>
        )}
        {marks.list.map((mark, index) =>
          mark.ms > end ? null : (
            <MarkSign key={marks.from + index} mark={mark} x={x(mark.ms)} top={eventTop} bottom={bottom} />
          ),
        )}
        <ReaderLanes lines={lines.slice(0, lanes)} x={x} top={lanesTop} end={end} />
        <line
          className="run-end"
          data-status={row[1]}
          data-running={running}
          x1={x(elapsed)}
          x2={x(elapsed)}
          y1={rateTop}
          y2={bottom}
        />
        {at !== undefined && <line className="cursor" x1={x(at)} x2={x(at)} y1={rateTop} y2={bottom} />}
      </svg>
      {lines.length > laneCount(lines.length, false) && (
        <button type="button" className="quiet" onClick={() => setAll(!all)}>
          {all ? "Fewer readers" : `All ${lines.length} readers`}
        </button>
      )}
      {later > 0 && <p className="readout">{counted(later, "reader")} came later than this shows: see below.</p>}
      <Legend />
    </section>
  );
}

/** Readers may come after the end: for those who come soon there is room, for others the run is not squeezed. */
function endOf(elapsed: number, lines: readonly ReaderLine[]): number {
  const left = Math.max(elapsed, 1, ...lines.map((line) => line.stretches.at(-1)?.leftAt ?? 0));
  return left <= elapsed * 1.5 ? left : Math.max(1, elapsed * 1.1);
}

function Legend(): ReactNode {
  const signs: readonly (readonly [string, string])[] = [
    ["token", "tokens"],
    ["lease", "lease renewed"],
    ["first", "first token"],
    ["stop", "stop"],
    ["merged", "merged"],
    ["cut", "cut"],
    ["resume", "resumed"],
    ["read", "has everything"],
  ];
  return (
    <ul className="legend" aria-hidden="true">
      {signs.map(([sign, words]) => (
        <li key={sign} data-sign={sign}>
          {words}
        </li>
      ))}
    </ul>
  );
}

interface AxisProps {
  readonly end: number;
  readonly x: (ms: number) => number;
  readonly top: number;
  readonly bottom: number;
  readonly inner: number;
}

function Axis({ end, x, top, bottom, inner }: AxisProps): ReactNode {
  const every = tickMs(end, Math.max(2, Math.floor(inner / 90)));
  const ticks = Array.from({ length: Math.floor(end / every) + 1 }, (_none, index) => index * every);
  return (
    <g className="axis">
      {ticks.map((ms) => (
        <g key={ms}>
          <line x1={x(ms)} x2={x(ms)} y1={top} y2={bottom + 4} />
          <text x={x(ms)} y={bottom + 16} textAnchor={ms === 0 ? "start" : "middle"}>
            {ms === 0 ? "0" : duration(ms)}
          </text>
        </g>
      ))}
    </g>
  );
}

interface LaneProps {
  readonly series: Series;
  readonly x: (ms: number) => number;
  readonly top: number;
}

function Steps({ series: { tokens, stepMs }, x, top }: LaneProps): ReactNode {
  const most = Math.max(1, ...tokens);
  const path = useMemo(() => {
    let d = "";
    for (const [index, value] of tokens.entries()) {
      const height = (value / most) * RATE_HEIGHT;
      const left = x(index * stepMs);
      const right = Math.max(left + 0.5, x((index + 1) * stepMs));
      if (height > 0) d += `M${left} ${top + RATE_HEIGHT}V${top + RATE_HEIGHT - height}H${right}V${top + RATE_HEIGHT}Z`;
    }
    return d;
  }, [tokens, stepMs, most, x, top]);
  return (
    <>
      <path className="tokens" d={path} />
      <text className="lane-most" x={4} y={top + 26}>
        {tokens.length === 0 ? "" : `max ${rate((most * 1_000) / stepMs)}`}
      </text>
    </>
  );
}

// By the power of two: a pause of a second is to be seen beside those of ten milliseconds.
function Pauses({ series: { pauses, stepMs }, x, top }: LaneProps): ReactNode {
  const most = Math.max(1, ...pauses);
  const full = Math.log2(Math.max(2_048, most) + 1);
  return (
    <>
      {pauses.map((value, index) => {
        if (value <= 0) return null;
        const height = (Math.log2(value + 1) / full) * PAUSE_HEIGHT;
        const left = x(index * stepMs);
        const width = Math.max(0.75, x((index + 1) * stepMs) - left - 0.5);
        const y = top + PAUSE_HEIGHT - height;
        return <rect key={index} className="pause" data-long={value >= 1_000} {...{ x: left, y, width, height }} />;
      })}
      <text className="lane-most" x={4} y={top + 26}>
        {pauses.length === 0 ? "" : `max ${duration(most)}`}
      </text>
    </>
  );
}

interface MarkSignProps {
  readonly mark: Mark;
  readonly x: number;
  readonly top: number;
  readonly bottom: number;
}

function MarkSign({ mark: { kind, ms, code, entries, frames }, x, top, bottom }: MarkSignProps): ReactNode {
  if (kind === "lease-taken") return <circle className="lease-taken" cx={x} cy={top + 22} r={3.5} />;
  const words = {
    "lease-lost": `Lease lost: ${code}`,
    "stop-asked": "Stop asked for",
    "stop-reached": "The stop reached the producer",
    merged: `${count(entries)} entries merged into ${count(frames)}`,
    reaped: `Lease lapsed, ended here: ${code}`,
  }[kind];
  const tall = kind !== "merged";
  return (
    <g className="mark" data-kind={kind}>
      {tall && <line x1={x} x2={x} y1={top} y2={bottom} />}
      <path d={kind === "merged" ? `M${x - 4} ${top}h8l-4 7z` : `M${x} ${top}h9l-3 4l3 4h-9z`} />
      <title>{`${words}, after ${duration(ms)}`}</title>
    </g>
  );
}

function summary({ tokens, stepMs }: Series, end: number, total: number | null): string {
  const pace = tokens.length === 0 ? "" : `, one step is ${duration(stepMs)}`;
  return total === null ? duration(end) : `${duration(end)}, ${count(total)} tokens${pace}`;
}

function readout({ stepMs, tokens, pauses, last }: Series, at: number): string {
  const step = Math.floor(at / stepMs);
  if (step >= tokens.length) return duration(at);
  const pace = rate(((tokens[step] ?? 0) * 1_000) / stepMs);
  return `${duration(at)}: ${pace} tokens/s, longest pause ${duration(pauses[step])}, entry ${count(last[step])}`;
}

const NICE: readonly number[] = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
];

function tickMs(end: number, most: number): number {
  return NICE.find((ms) => end / ms <= most) ?? 1_200_000;
}
