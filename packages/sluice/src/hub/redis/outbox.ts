import { SluiceError, isSluiceError } from "../../base/errors.ts";
import type { Place } from "../place.ts";

export interface OutboxOptions {
  /** Stores events that follow each other. */
  readonly publish: (texts: readonly string[]) => Promise<readonly Place[]>;
  /** Nothing waits any more. */
  readonly onEmpty: () => void;
}

interface Event {
  readonly kind: "event";
  readonly cost: number;
  readonly text: string;
  resolve(place: Place): void;
  reject(error: unknown): void;
}

interface Task {
  readonly kind: "task";
  readonly cost: number;
  run(): Promise<void>;
  reject(error: unknown): void;
}

// Of what waits. A call carries less: those who read are to keep up.
const MAX_LENGTH = 1_048_576;
const CALL_LENGTH = 65_536;
const CALL_EVENTS = 256;
const JOB_COST = 128;

/**
 * What this node asks of one topic: one call after the other, so that what is sent again stays in its place, and events that
 * wait together go in one. Where the store is away, what waits fails with the first: nobody waits for one patience after
 * the other.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  #jobs: (Event | Task)[] = [];
  #length = 0;
  #busy = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** @throws (rejects) SluiceError `hub/queue-full`, or what `publish` throws */
  publish(text: string): Promise<Place> {
    return new Promise((resolve, reject) => {
      this.#add({ kind: "event", cost: text.length + JOB_COST, text, resolve, reject });
    });
  }

  /** @throws (rejects) as `publish`, or what the task throws; it may not have been begun then */
  run<T>(task: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#add({ kind: "task", cost: JOB_COST, run: async () => resolve(await task()), reject });
    });
  }

  #add(job: Event | Task): void {
    if (this.#length >= MAX_LENGTH) {
      job.reject(new SluiceError("hub/queue-full", "Events are told to this topic faster than they can be stored."));
      return;
    }
    this.#length += job.cost;
    this.#jobs.push(job);
    if (!this.#busy) void this.#work();
  }

  // The first goes at once: what comes in the same turn waits for it, and goes together.
  async #work(): Promise<void> {
    this.#busy = true;
    for (let job = this.#jobs[0]; job; job = this.#jobs[0]) {
      const taken = job.kind === "event" ? this.#takeEvents() : this.#jobs.splice(0, 1);
      try {
        if (job.kind === "task") await job.run();
        else await this.#send(taken.filter((one) => one.kind === "event"));
        this.#forget(taken);
      } catch (error) {
        const waits = isSluiceError(error, "log/unavailable") ? this.#jobs.splice(0) : [];
        const failed = [...taken, ...waits];
        this.#forget(failed);
        for (const { reject } of failed) reject(error);
      }
    }
    this.#busy = false;
    this.#options.onEmpty();
  }

  #takeEvents(): (Event | Task)[] {
    let count = 0;
    let length = 0;
    for (const job of this.#jobs) {
      if (job.kind !== "event" || count === CALL_EVENTS) break;
      if (count > 0 && length + job.text.length > CALL_LENGTH) break;
      length += job.text.length;
      count += 1;
    }
    return this.#jobs.splice(0, count);
  }

  async #send(events: readonly Event[]): Promise<void> {
    const places = await this.#options.publish(events.map(({ text }) => text));
    for (const [index, { resolve, reject }] of events.entries()) {
      const place = places[index];
      if (place) resolve(place);
      else reject(new SluiceError("log/unavailable", "The store of this server gave no place for an event."));
    }
  }

  #forget(jobs: readonly (Event | Task)[]): void {
    for (const { cost } of jobs) this.#length -= cost;
  }
}
