import type { Clock } from "../../base/clock.ts";

/**
 * Calls back who has been silent for `ms`. All have the same `ms`, so the one that was touched longest ago is always
 * next: one timer for all, and a touch moves an entry to the end of a list.
 */
export interface Deadlines {
  /** Starts counting, or anew. */
  touch(entry: Deadline): void;
  stop(entry: Deadline): void;
}

export interface Deadline {
  /** Called after the silence, and no more until it is touched again. */
  onSilence(): void;
  /** Of the list; not to be touched by others. */
  link: DeadlineLink | undefined;
}

export interface DeadlineLink {
  at: number;
  before: Deadline | undefined;
  after: Deadline | undefined;
}

export function createDeadlines(clock: Clock, ms: number): Deadlines {
  let first: Deadline | undefined;
  let last: Deadline | undefined;
  let cancel: (() => void) | undefined;

  function remove({ link }: Deadline): void {
    if (!link) return;
    if (link.before?.link) link.before.link.after = link.after;
    else first = link.after;
    if (link.after?.link) link.after.link.before = link.before;
    else last = link.before;
  }

  function add(entry: Deadline, link: DeadlineLink): void {
    link.at = clock.now();
    link.before = last;
    link.after = undefined;
    if (last?.link) last.link.after = entry;
    else first = entry;
    last = entry;
    entry.link = link;
    // Armed for whoever is first, and again when it fires: a touch costs no timer.
    cancel ??= clock.timer(ms, fire);
  }

  function stop(entry: Deadline): void {
    remove(entry);
    entry.link = undefined;
    if (first) return;
    cancel?.();
    cancel = undefined;
  }

  function fire(): void {
    cancel = undefined;
    const now = clock.now();
    // The machine's time was set back: without this nobody's silence would count until it is as late again.
    for (let entry = first; entry?.link && entry.link.at > now; entry = entry.link.after) entry.link.at = now;
    while (first?.link && first.link.at + ms <= now) {
      const due = first;
      remove(due);
      due.link = undefined;
      due.onSilence();
    }
    rearm();
  }

  // Whoever was touched within `fire` has armed it for itself, and another may be due before.
  function rearm(): void {
    cancel?.();
    cancel = first?.link && clock.timer(Math.min(ms, Math.max(0, first.link.at + ms - clock.now())), fire);
  }

  return {
    touch(entry) {
      const { link } = entry;
      if (link && entry === last) {
        link.at = clock.now();
        return;
      }
      if (link) remove(entry);
      add(entry, link ?? { at: 0, before: undefined, after: undefined });
    },
    stop,
  };
}
