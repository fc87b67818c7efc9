import type { Clock } from "../base/clock.ts";
import { SluiceError } from "../base/errors.ts";
import { createDeadlines, type Deadline, type DeadlineLink, type Deadlines } from "./delivery/deadlines.ts";
import type { Reply } from "./types.ts";
import type { Unwatched } from "./unwatched.ts";

export interface ReaderLimits {
  /** Readers on this node at a time, those that wait for `/generate` included. Beyond, 503 `run/too-many-readers`. Default: no limit. */
  readonly maxReaders?: number | undefined;
  /** The same for one run. */
  readonly maxReadersPerRun?: number | undefined;
  /**
   * Asked by every route that streams, after authorisation and before any work: `start` when a run is to be started,
   * `read` when one is there already. To refuse, throw a SluiceError: `request/rate-limited` or
   * `request/too-many-streams` (429), with `details.retryAfterMs` for `Retry-After`. What it returns is called once,
   * when the stream is over, and must not throw. Streams of `startRun`, `resume` and the like ask `read`; `startRun`
   * itself does not ask.
   */
  readonly admit?: Admit;
}

export type Admit = (owner: string, action: "start" | "read") => Release | Promise<Release>;

/** Takes back what was granted; undefined when there is nothing to take back. */
export type Release = (() => void) | undefined;

export interface SeatsOptions {
  readonly clock: Clock;
  readonly maxReaders: number;
  readonly maxReadersPerRun: number;
  readonly admit: Admit | undefined;
  readonly unwatched: Unwatched;
}

/** The places of readers on this node. */
export interface Seats {
  /** True when it makes a difference to somebody whether a run is started. */
  readonly asks: boolean;
  /** @throws SluiceError `run/too-many-readers`; what `admit` throws */
  take(owner: string, action: "start" | "read"): Promise<Seat>;
}

export interface Seat {
  /** Says which run is read. @throws SluiceError `run/too-many-readers` */
  at(runId: string): void;
  /** The stream is about to be sent: should nobody come for it, the seat is left after a while. */
  expect(): void;
  /** The stream has begun: somebody is there who will leave. */
  arrive(): void;
  leave(): void;
}

/**
 * Answers on a seat, which is taken before any work is done. It is left when the stream is over, or at once when the
 * reply is none.
 */
export async function seated(
  { seats }: { readonly seats: Seats },
  asked: { readonly owner: string; readonly action: "start" | "read"; readonly method: string },
  answer: (seat: Seat) => Promise<Reply>,
): Promise<Reply> {
  const seat = await seats.take(asked.owner, asked.action);
  try {
    const reply = await answer(seat);
    if (reply.kind !== "events" || asked.method === "HEAD") seat.leave();
    else {
      seat.expect();
      reply.events.seat = seat;
    }
    return reply;
  } catch (error) {
    seat.leave();
    throw error;
  }
}

// A reply that nobody has begun to send for so long is not going to be: a Web Response may be dropped unread.
const ARRIVAL_MS = 60_000;
const RETRY_AFTER_MS = 2_000;

export function createSeats({ clock, maxReaders, maxReadersPerRun, admit, unwatched }: SeatsOptions): Seats {
  const runs = new Map<string, number>();
  let taken = 0;

  function enter(runId: string): void {
    const readers = runs.get(runId) ?? 0;
    if (readers >= maxReadersPerRun) throw tooManyReaders("maxReadersPerRun", "This answer");
    runs.set(runId, readers + 1);
    unwatched.watched(runId);
  }

  function exit(runId: string): void {
    const readers = (runs.get(runId) ?? 1) - 1;
    if (readers > 0) {
      runs.set(runId, readers);
      return;
    }
    runs.delete(runId);
    unwatched.left(runId);
  }

  const room: Room = { enter, exit, arriving: createDeadlines(clock, ARRIVAL_MS), freed: () => void (taken -= 1) };

  async function take(owner: string, action: "start" | "read"): Promise<Seat> {
    if (taken >= maxReaders) throw tooManyReaders("maxReaders", "This server");
    taken += 1;
    let release: Release;
    try {
      release = await admit?.(owner, action);
    } catch (error) {
      taken -= 1;
      throw error;
    }
    return new OneSeat(room, release);
  }

  return { asks: admit !== undefined, take };
}

/** What all seats of a node share. */
interface Room {
  readonly enter: (runId: string) => void;
  readonly exit: (runId: string) => void;
  /** Those whose stream has not begun. */
  readonly arriving: Deadlines;
  readonly freed: () => void;
}

class OneSeat implements Seat, Deadline {
  link: DeadlineLink | undefined;
  readonly #room: Room;
  readonly #release: Release;
  #runId: string | undefined;
  #left = false;

  constructor(room: Room, release: Release) {
    this.#room = room;
    this.#release = release;
  }

  at(runId: string): void {
    this.#room.enter(runId);
    this.#runId = runId;
  }

  expect(): void {
    this.#room.arriving.touch(this);
  }

  arrive(): void {
    this.#room.arriving.stop(this);
  }

  onSilence(): void {
    this.leave();
  }

  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#room.freed();
    this.#room.arriving.stop(this);
    if (this.#runId !== undefined) this.#room.exit(this.#runId);
    this.#release?.();
  }
}

function tooManyReaders(field: "maxReaders" | "maxReadersPerRun", what: string): SluiceError {
  return new SluiceError("run/too-many-readers", `${what} has as many readers as it can have here. Try again soon.`, {
    details: { field, retryAfterMs: RETRY_AFTER_MS },
  });
}
