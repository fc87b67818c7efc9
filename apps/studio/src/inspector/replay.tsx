import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { EventList } from "./event-list.tsx";
import { countAt, timesOf } from "./report.ts";
import type { ShownEvent } from "./shown-event.ts";
import type { Series } from "./wire.ts";
import { count, duration } from "./words.ts";

interface ReplayProps {
  readonly events: readonly ShownEvent[];
  readonly series: Series | undefined;
  readonly totalMs: number | undefined;
}

const SPEEDS: readonly number[] = [0.5, 1, 2, 5, 10, 25, 50];

/** The answer as it grew, at any speed. */
export function Replay({ events, series, totalMs }: ReplayProps): ReactNode {
  const times = useMemo(() => timesOf(events.length, series, totalMs), [events.length, series, totalMs]);
  const { text, ends } = useMemo(() => textOf(events), [events]);
  const [at, setAt] = useState(0);
  const [speed, setSpeed] = useState(1);
  const [playing, setPlaying] = useState(true);
  const end = times.totalMs;
  const moving = playing && at < end;
  usePlayer(moving, speed, end, setAt);

  const shown = countAt(times.at, at);
  const answer = text.slice(0, ends[shown - 1] ?? 0);
  const output = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (output.current) output.current.scrollTop = output.current.scrollHeight;
  }, [answer]);

  const toggle = (): void => {
    if (at >= end) setAt(0);
    setPlaying(!moving);
  };
  return (
    <div className="replay">
      <div className="replay-controls">
        <button type="button" onClick={toggle}>
          {moving ? "Pause" : "Play"}
        </button>
        <label>
          Speed{" "}
          <select value={speed} onChange={(event) => setSpeed(Number(event.currentTarget.value))}>
            {SPEEDS.map((value) => (
              <option key={value} value={value}>
                {value}×
              </option>
            ))}
          </select>
        </label>
        <input
          type="range"
          min={0}
          max={Math.max(1, Math.ceil(end))}
          step={Math.max(1, Math.round(end / 1_000))}
          value={Math.round(at)}
          aria-label="Place"
          aria-valuetext={`${duration(at)} of ${duration(end)}`}
          onChange={(event) => {
            // One that has come to its end does not go on by itself from where it is put.
            setPlaying(moving);
            setAt(Number(event.currentTarget.value));
          }}
        />
        <output>
          {duration(at)} of {duration(end)}, {count(shown)} of {count(events.length)} events
        </output>
      </div>
      <p className="replay-note">{noteOf(times.source, series)}</p>
      <div className="replay-text" ref={output} tabIndex={0} role="region" aria-label="The answer so far">
        {answer}
      </div>
      <EventList events={events} current={Math.max(0, shown - 1)} />
    </div>
  );
}

function noteOf(source: "recorded" | "even", series: Series | undefined): string {
  if (source === "even") {
    return "Logs keep no times, and this node has not seen when these events were written: they come at an even pace.";
  }
  return `Logs keep no times. These are the recorder’s, in steps of ${duration(series?.stepMs)}; within a step the pace is even.`;
}

/** Moves the place with the screen's frames. */
function usePlayer(
  playing: boolean,
  speed: number,
  end: number,
  setAt: (change: (before: number) => number) => void,
): void {
  useEffect(() => {
    if (!playing) return undefined;
    let before = performance.now();
    let frame = requestAnimationFrame(function step(now) {
      const passed = (now - before) * speed;
      before = now;
      setAt((at) => Math.min(end, at + passed));
      frame = requestAnimationFrame(step);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing, speed, end, setAt]);
}

/** The whole text, and how long it is after each event. */
function textOf(events: readonly ShownEvent[]): { readonly text: string; readonly ends: readonly number[] } {
  const ends: number[] = [];
  let length = 0;
  for (const { delta } of events) ends.push((length += delta.length));
  return { text: events.map(({ delta }) => delta).join(""), ends };
}
