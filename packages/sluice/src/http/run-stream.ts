import { isSluiceError, publicError } from "../base/errors.ts";
import type { Meter } from "../base/meter.ts";
import type { Wire } from "./compress/wire.ts";
import type { Deadlines } from "./delivery/deadlines.ts";
import { openReader, type ReaderOptions } from "./delivery/open.ts";
import type { PieceSource } from "./delivery/source.ts";
import type { Seat } from "./limits.ts";
import { readerLeft } from "./reply.ts";
import type { Reader } from "./readers.ts";
import type { Service } from "./service.ts";
import type { EventStream, ReaderOutcome, StreamReader } from "./types.ts";

/** The stream of a run to one reader. A class, and small: there is one for each connection. */
export class RunStream implements EventStream, Reader {
  seat: Seat | undefined;
  readonly wire: Wire | undefined;
  readonly resumes: boolean;
  readonly #service: Service;
  readonly #runId: string;
  readonly #startedAt: number;
  /** Until it is opened. */
  #options: ReaderOptions | undefined;
  #reader: StreamReader | undefined;

  constructor(service: Service, options: ReaderOptions, wire: Wire | undefined) {
    this.#service = service;
    this.#runId = options.run.id;
    this.#startedAt = service.clock.now();
    this.#options = options;
    this.resumes = options.dialect.resumes;
    this.wire = wire;
  }

  get retryMs(): number {
    return this.#service.retryMs;
  }

  get heartbeats(): Deadlines {
    return this.#service.heartbeats;
  }

  get stalls(): Deadlines {
    return this.#service.stalls;
  }

  get meter(): Meter {
    return this.#service.meter;
  }

  open(reader: StreamReader): PieceSource {
    const options = this.#options;
    if (!options) throw new Error("This stream is open already.");
    this.#options = undefined;
    this.#reader = reader;
    this.seat?.arrive();
    this.#service.readers.add(this);
    this.meter.readerJoined(options.after.sequence > 0);
    try {
      return openReader(this.#service, options, reader);
    } catch (error) {
      this.closed({ error, left: false, writes: 0, bytes: 0 });
      throw error;
    }
  }

  breakOff(reason: unknown, lastFrame?: string): void {
    this.#reader?.fail(reason, lastFrame);
  }

  closed({ error, left, writes, bytes }: ReaderOutcome): void {
    const { clock, log, meter, readers } = this.#service;
    const ms = clock.now() - this.#startedAt;
    const fields = { run: this.#runId, chunks: writes, bytes, ms };
    if (this.#reader) {
      this.#reader = undefined;
      readers.remove(this);
      const ended = error === undefined ? "end" : publicError(error).code;
      meter.readerLeft(left ? "reader-left" : ended, ms);
    }
    this.wire?.close();
    this.seat?.leave();
    if (left) readerLeft(log, fields);
    else if (error !== undefined) {
      const level = isSluiceError(error, "run/draining") ? "info" : "error";
      log(level, "reader interrupted", { code: publicError(error).code, ...fields, error });
    }
  }
}
