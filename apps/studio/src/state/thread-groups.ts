export interface Dated {
  readonly updatedAt: number;
}

export interface Group<T> {
  readonly name: string;
  readonly items: readonly T[];
}

const DAY_MS = 86_400_000;

/** By the days of the person's calendar, in the order given. */
export function groupByAge<T extends Dated>(items: readonly T[], now: number): readonly Group<T>[] {
  const groups = new Map<string, T[]>();
  const today = startOfDay(now);
  for (const item of items) {
    const name = nameOf(today, item.updatedAt);
    groups.set(name, [...(groups.get(name) ?? []), item]);
  }
  return [...groups].map(([name, grouped]) => ({ name, items: grouped }));
}

/** Those whose title holds all words of the search. */
export function search<T extends { readonly title: string }>(items: readonly T[], wanted: string): readonly T[] {
  const words = wanted.toLocaleLowerCase().split(/\s+/u).filter(Boolean);
  return words.length === 0
    ? items
    : items.filter(({ title }) => words.every((word) => title.toLocaleLowerCase().includes(word)));
}

function nameOf(today: number, at: number): string {
  if (at >= today) return "Today";
  // Half a day more: the day the clocks change has 23 or 25 hours.
  const days = Math.floor((today - startOfDay(at) + DAY_MS / 2) / DAY_MS);
  if (days <= 1) return "Yesterday";
  if (days <= 7) return "Last 7 days";
  return days <= 30 ? "Last 30 days" : "Older";
}

function startOfDay(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}
