/** Random numbers that come again with the same seed, which is printed. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) >>> 0;
    return Math.floor((((state ^ (state >>> 13)) >>> 0) / 2 ** 32) * below);
  };
}

/** How many rounds a suite runs: `SLUICE_CRASH_ROUNDS`, else so many. */
export function roundsOf(usual: number): number {
  return Number(process.env["SLUICE_CRASH_ROUNDS"] ?? usual);
}

/** Lowest, median and highest, in whole milliseconds. */
export function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b).map(Math.round);
  return `${sorted[0]} / ${sorted[sorted.length >> 1]} / ${sorted.at(-1)} ms`;
}
