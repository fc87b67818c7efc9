import type { Browser, Page } from "playwright-core";

/** The longest task of a page's main thread, in milliseconds. */
export interface LongestTask {
  /** By the clock: on a machine that has other things to do, waiting for a processor is in it. */
  readonly wallMs: number;
  /** Of the processor. */
  readonly cpuMs: number;
  /** Tasks over 50 ms, by either. */
  readonly over50: { readonly wall: number; readonly cpu: number };
}

/** Watches the main thread of the page while something happens, by Chromium's own trace. */
export async function watchMainThread(
  browser: Browser,
  page: Page,
  happens: () => Promise<void>,
): Promise<LongestTask> {
  await browser.startTracing(page, { categories: ["disabled-by-default-devtools.timeline", "__metadata"] });
  await happens();
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { readonly traceEvents: readonly TraceEvent[] };
  const tasks = tasksIn(trace.traceEvents);
  const wall = tasks.map(({ dur = 0 }) => dur / 1_000);
  const cpu = tasks.map(({ tdur = 0 }) => tdur / 1_000);
  const over50 = (list: readonly number[]): number => list.filter((ms) => ms > 50).length;
  return { wallMs: Math.max(...wall), cpuMs: Math.max(...cpu), over50: { wall: over50(wall), cpu: over50(cpu) } };
}

/** Times are microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  /** Of the processor. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

function tasksIn(events: readonly TraceEvent[]): readonly TraceEvent[] {
  const mains = new Set(
    events
      .filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain")
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  return events.filter(({ name, pid, tid }) => name === "RunTask" && mains.has(`${pid} ${tid}`));
}
