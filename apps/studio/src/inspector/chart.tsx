import { useEffect, useRef, useSyncExternalStore, type ReactNode } from "react";
import uPlot from "uplot";
import { clockTime } from "./words.ts";

interface ChartProps {
  readonly data: readonly [number[], number[]];
  readonly words: (value: number) => string;
  readonly least: number;
  readonly label: string;
}

const HEIGHT = 64;
const LEAST_SPAN_S = 120;

/** A line over what there is, 15 minutes at most. All charts of a page show the moment that the pointer is at. */
export function Chart({ data, words, least, label }: ChartProps): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const latest = useRef(data);
  const theme = useTheme();

  useEffect(() => {
    const target = box.current;
    if (!target) return undefined;
    const made = new uPlot(optionsOf(target, words, least), dataOf(latest.current), target);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: target.clientWidth, height: HEIGHT }));
    observer.observe(target);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [theme, words, least]);
  useEffect(() => {
    latest.current = data;
    plot.current?.setData(dataOf(data));
  }, [data]);

  return <div className="chart" ref={box} role="img" aria-label={label} />;
}

function dataOf([x, y]: ChartProps["data"]): uPlot.AlignedData {
  return [x, y];
}

function optionsOf(target: HTMLElement, words: (value: number) => string, least: number): uPlot.Options {
  const style = getComputedStyle(target);
  const line = style.color;
  const grid = style.borderTopColor;
  return {
    width: target.clientWidth,
    height: HEIGHT,
    padding: [6, 0, 2, 0],
    legend: { show: false },
    cursor: { sync: { key: "inspector" }, y: false, drag: { x: false, y: false }, points: { size: 5 } },
    scales: {
      x: { time: false, range: (_plot, from, to) => [Math.min(from ?? 0, (to ?? 0) - LEAST_SPAN_S), to ?? 0] },
      y: { range: (_plot, _from, to) => [0, Math.max(least, (to ?? 0) * 1.1)] },
    },
    axes: [{ show: false }, { show: false, grid: { stroke: grid } }],
    series: [{}, { stroke: line, width: 1.25, fill: style.backgroundColor, points: { show: false } }],
    hooks: { setCursor: [(plot) => showValue(plot, words)] },
  };
}

function showValue(plot: uPlot, words: (value: number) => string): void {
  const { idx } = plot.cursor;
  const caption = plot.root.closest("figure")?.querySelector("strong");
  if (!caption) return;
  const at = idx === null || idx === undefined ? undefined : plot.data[0][idx];
  const value = idx === null || idx === undefined ? undefined : plot.data[1]?.[idx];
  // Beside what React has written there, which it does not read again.
  if (at === undefined || value === undefined || value === null) delete caption.dataset["moment"];
  else caption.dataset["moment"] = `${words(value)} at ${clockTime(at * 1_000)}`;
}

/** Colours of a canvas do not change by themselves. */
function useTheme(): string {
  return useSyncExternalStore(subscribeToTheme, themeNow);
}

function subscribeToTheme(listener: () => void): () => void {
  const media = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(listener);
  media.addEventListener("change", listener);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => {
    media.removeEventListener("change", listener);
    observer.disconnect();
  };
}

function themeNow(): string {
  const chosen = document.documentElement.dataset["theme"];
  return chosen ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}
