import { createHub, createMemoryTopics, type Hub } from "sluice/hub";
import type { Logger, ReadTopic } from "sluice/http";
import type { Recorder } from "./inspector-recorder.ts";
import {
  FROM_THE_START,
  type Recording,
  type ReportPlace,
  type RunFacts,
  type RunReport,
  type RunRow,
} from "./inspector-recording.ts";
import type { TotalsSample } from "./inspector-totals.ts";

/** What the list's events tell: an event `change`. */
export interface ListChange {
  readonly at: number;
  readonly facts: readonly RunFacts[];
  readonly rows: readonly RunRow[];
  /** Numbers of recordings that were let go of. */
  readonly gone: readonly number[];
}

/** What is told to those who watch, over topics of a hub: looked at a few times a second, and only while they do. */
export interface Live {
  /** Where to go on after what `recordings` say now. */
  listPlace(): Promise<string>;
  readonly list: ReadTopic;
  /** One run as it is now, and where to go on. */
  watch(recording: Recording): Promise<{ readonly place: string; readonly report: RunReport }>;
  /** The topic of a run that is watched; undefined when nobody has asked for it of late. */
  run(id: string): ReadTopic | undefined;
  totals(sample: TotalsSample): void;
  /** To be called every TICK_MS. */
  tick(): void;
  close(): Promise<void>;
}

export const TICK_MS = 250;
// A page that lost its connection is back by then. Later it begins anew: nobody has looked meanwhile.
const FORGET_MS = 30_000;
const REFRESH_MS = 5_000;
const ROWS_PER_TICK = 2_000;
const ROWS_PER_EVENT = 500;
const MOST_WATCHED = 50;
// Of what callers choose each text has 120 characters.
const MAX_EVENT_BYTES = 4_194_304;
const NEVER = Number.NEGATIVE_INFINITY;

interface Topic extends ReadTopic {
  watchers: number;
  usedAt: number;
}

interface Changed {
  readonly facts: RunFacts;
  readonly row: RunRow;
  /** Nobody was told that it exists. */
  readonly isNew: boolean;
}

interface Watched {
  readonly topic: Topic;
  readonly recording: Recording;
  told: ReportPlace;
  row: string;
}

export function createLive(recorder: Recorder, now: () => number, log: Logger): Live {
  const hub = createHub({ store: createMemoryTopics({ history: 40 }), maxEventBytes: MAX_EVENT_BYTES, log });
  const watched = new Map<string, Watched>();
  let refreshedAt = NEVER;
  let generation = 0;
  let list = topicOf("list");
  let gone: number[] = [];
  /** Rows up to this number were told in this round. */
  let cursor = 0;
  recorder.onForgotten = (n) => {
    if (isWatched(list)) gone.push(n);
  };

  /** A new one has another name: who comes back to the old one is told of the gap. */
  function topicOf(name: string): Topic {
    const topic: Topic = { hub: counted(), key: `${name} ${(generation += 1)}`, watchers: 0, usedAt: NEVER };
    function counted(): Pick<Hub, "locate" | "open"> {
      return {
        locate: hub.locate,
        open(key, options) {
          const subscription = hub.open(key, options);
          topic.watchers += 1;
          let open = true;
          return {
            take: subscription.take,
            get place() {
              return subscription.place;
            },
            close() {
              subscription.close();
              if (!open) return;
              open = false;
              topic.watchers -= 1;
              topic.usedAt = now();
            },
          };
        },
      };
    }
    return topic;
  }

  const isWatched = (topic: Topic): boolean => topic.watchers > 0 || now() - topic.usedAt < FORGET_MS;

  function tell(topic: Topic, event: string, data: unknown): void {
    hub.broadcast(topic.key, event, data).catch(() => {}); // the hub has logged it
  }

  /** Those whose row is another than was told, from where the last round ended. */
  function changedRows(): readonly Changed[] {
    const all = [...recorder.recordings];
    const start = all.findIndex(({ facts }) => facts.n > cursor);
    const inTurn = start > 0 ? [...all.slice(start), ...all.slice(0, start)] : all;
    const changed: Changed[] = [];
    for (const recording of inTurn) {
      const { told } = recording;
      if (told && isAtRest(recording, told)) continue;
      const row = recording.row();
      if (told && isSame(told, row)) continue;
      recording.told = row;
      changed.push({ facts: recording.facts, row, isNew: told === undefined });
      if (changed.length === ROWS_PER_TICK) break;
    }
    cursor = changed.length === ROWS_PER_TICK ? (changed.at(-1)?.facts.n ?? 0) : 0;
    return changed;
  }

  function tellList(): void {
    const changed = changedRows();
    for (let from = 0; from < changed.length || gone.length > 0; from += ROWS_PER_EVENT) {
      const part = changed.slice(from, from + ROWS_PER_EVENT);
      const facts = part.filter(({ isNew }) => isNew).map((one) => one.facts);
      const change: ListChange = { at: now(), facts, rows: part.map(({ row }) => row), gone };
      gone = [];
      tell(list, "change", change);
    }
  }

  function tellRun(run: Watched): void {
    const report = run.recording.report(run.told);
    const row = JSON.stringify(report.row);
    const { place } = run.recording;
    const same = row === run.row && isSamePlace(place, run.told) && report.readers.lines.length === 0;
    run.row = row;
    run.told = place;
    if (!same) tell(run.topic, "change", { at: now(), ...report });
  }

  return {
    get list() {
      return list;
    },
    async listPlace() {
      // What there is now is in the list that is about to be read.
      if (!isWatched(list)) for (const recording of recorder.recordings) recording.told = recording.row();
      list.usedAt = now();
      return hub.locate(list.key);
    },
    async watch(recording) {
      const { id } = recording.facts;
      let run = watched.get(id);
      if (!run) {
        while (watched.size >= MOST_WATCHED) watched.delete(leastUsed(watched));
        run = { topic: topicOf("run"), recording, told: recording.place, row: "" };
        watched.set(id, run);
      }
      run.topic.usedAt = now();
      // First the place: what comes between the two is told twice, and says the same.
      const place = await hub.locate(run.topic.key);
      return { place, report: recording.report(FROM_THE_START) };
    },
    run: (id) => watched.get(id)?.topic,
    totals(sample) {
      if (isWatched(list)) tell(list, "totals", sample);
    },
    tick() {
      if (isWatched(list)) {
        if (now() - refreshedAt >= REFRESH_MS) {
          refreshedAt = now();
          recorder.refresh();
        }
        tellList();
      }
      if (!isWatched(list) && list.usedAt !== NEVER) {
        for (const recording of recorder.recordings) recording.told = undefined;
        gone = [];
        list = topicOf("list");
      }
      for (const [id, run] of watched) {
        if (isWatched(run.topic)) tellRun(run);
        else watched.delete(id);
      }
    },
    close: () => hub[Symbol.asyncDispose](),
  };
}

/** It has ended, and those who read it afterwards have left: nothing about it changes. */
function isAtRest({ over, status, readers }: Recording, told: RunRow): boolean {
  return over && readers.open.size === 0 && told[1] === status && told[7] === 0;
}

function isSame(before: RunRow, after: RunRow): boolean {
  return before.every((value, index) => value === after[index]);
}

function isSamePlace(before: ReportPlace, after: ReportPlace): boolean {
  return (
    before.steps === after.steps &&
    before.stepMs === after.stepMs &&
    before.marks === after.marks &&
    before.renewals === after.renewals
  );
}

function leastUsed(watched: ReadonlyMap<string, Watched>): string {
  const ordered = [...watched].sort(
    ([, first], [, second]) => first.topic.watchers - second.topic.watchers || first.topic.usedAt - second.topic.usedAt,
  );
  return ordered[0]?.[0] ?? "";
}
