import { SluiceError } from "../../base/errors.ts";
import type { Place } from "../place.ts";

export interface OutboxOptions {
  /** Stores events that follow each other. */
  readonly publish: (texts: readonly string[]) => Promise<readonly Place[]>;
  /** Nothing waits any more. */
  readonly onEmpty: () => void;
}

type Job = Event | { readonly kind: "task"; readonly run: () => Promise<void> };

interface Event {
  readonly kind: "event";
  readonly text: string;
  resolve(place: Place): void;
  reject(error: unknown): void;
}

// Of what waits. A call carries less: those who read are to keep up.
const MAX_LENGTH = 1_048_576;
const CALL_LENGTH = 65_536;
const CALL_EVENTS = 256;
const JOB_COST = 128;

/**
 * What this node tells one topic: one call after the other, so that what is sent again stays in its place, and events that
 * wait together go in one.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  #jobs: Job[] = [];
  #length = 0;
  #busy = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** @throws (rejects) SluiceError `hub/queue-full`, or what `publish` throws */
  publish(text: string): Promise<Place> {
    if (this.#length >= MAX_LENGTH) {
      return Promise.reject(
        new SluiceError("hub/queue-full", "Events are told to this topic faster than they can be stored."),
      );
    }
    return new Promise((resolve, reject) => {
      this.#length += text.length + JOB_COST;
      this.#add({ kind: "event", text, resolve, reject });
    });
  }

  run(task: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#add({ kind: "task", run: () => task().then(resolve, reject) });
    });
  }

  #add(job: Job): void {
    this.#jobs.push(job);
    if (!this.#busy) void this.#work();
  }

  // The first goes at once: what comes in the same turn waits for it, and goes together.
  async #work(): Promise<void> {
    this.#busy = true;
    for (let job = this.#jobs[0]; job; job = this.#jobs[0]) {
      if (job.kind === "event") await this.#send(this.#takeEvents());
      else {
        this.#jobs.shift();
        await job.run();
      }
    }
    this.#busy = false;
    this.#options.onEmpty();
  }

  #takeEvents(): readonly Event[] {
    const events: Event[] = [];
    let length = 0;
    for (const job of this.#jobs) {
      if (job.kind !== "event" || events.length === CALL_EVENTS) break;
      if (events.length > 0 && length + job.text.length > CALL_LENGTH) break;
      length += job.text.length;
      events.push(job);
    }
    this.#jobs.splice(0, events.length);
    return events;
  }

  async #send(events: readonly Event[]): Promise<void> {
    try {
      const places = await this.#options.publish(events.map(({ text }) => text));
      for (const [index, { resolve, reject }] of events.entries()) {
        const place = places[index];
        if (place) resolve(place);
        else reject(new SluiceError("log/unavailable", "The store of this server gave no place for an event."));
      }
    } catch (error) {
      for (const { reject } of events) reject(error);
    } finally {
      for (const { text } of events) this.#length -= text.length + JOB_COST;
    }
  }
}
