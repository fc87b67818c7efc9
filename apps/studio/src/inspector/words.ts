/** Numbers and times for people who look at many of them. */

export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(2)} s`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, "0")} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1_440) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} m`;
  return `${Math.floor(minutes / 1_440)} d ${Math.floor((minutes % 1_440) / 60)} h`;
}

/** How long ago, in one unit. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined) return "–";
  if (count < 1_024) return `${count} B`;
  if (count < 1_048_576) return `${(count / 1_024).toFixed(count < 10_240 ? 1 : 0)} KiB`;
  if (count < 1_073_741_824) return `${(count / 1_048_576).toFixed(count < 10_485_760 ? 1 : 0)} MiB`;
  return `${(count / 1_073_741_824).toFixed(1)} GiB`;
}

const grouped = new Intl.NumberFormat("en-US").format;

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : grouped(value);
}

/** `1 frame`, `2 frames`. */
export function counted(value: number | undefined, word: string): string {
  return `${count(value ?? 0)} ${word}${value === 1 ? "" : "s"}`;
}

export function rate(perSecond: number | null | undefined): string {
  if (perSecond === null || perSecond === undefined) return "–";
  return perSecond < 100 ? perSecond.toFixed(1) : grouped(Math.round(perSecond));
}

export function clockTime(at: number): string {
  return new Date(at).toLocaleTimeString("en-GB");
}

/** Enough of an id to tell it from the others on the screen. */
export function shortId(id: string): string {
  return id.length > 14 ? `${id.slice(0, 12)}…` : id;
}
