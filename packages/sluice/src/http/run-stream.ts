import type { ReaderObserver, SeenReader } from "../base/observer.ts";
import type { Wire } from "./compress/wire.ts";
import { openReader, type ReaderOptions } from "./delivery/open.ts";
import type { PieceSource } from "./delivery/source.ts";
import { ReaderStream } from "./reader-stream.ts";
import type { Service } from "./service.ts";
import type { StreamReader } from "./types.ts";

/** The stream of a run to one reader. */
export class RunStream extends ReaderStream implements SeenReader {
  readonly resumes: boolean;
  readonly bare: boolean;
  readonly endless = false;
  readonly after: number;
  readonly dialect: string;
  readonly #runId: string;
  /** Until it is opened. */
  #options: ReaderOptions | undefined;
  /** Only where somebody watches. */
  #source: PieceSource | undefined;
  #watch: ReaderObserver | undefined;

  constructor(service: Service, options: ReaderOptions, wire: Wire | undefined) {
    super(service, wire);
    this.#runId = options.run.id;
    this.#options = options;
    this.after = options.after.sequence;
    this.dialect = options.dialect.name;
    this.resumes = options.dialect.resumes;
    this.bare = options.bare;
  }

  get compressed(): boolean {
    return this.wire !== undefined;
  }

  get at(): number | undefined {
    return this.#source?.at;
  }

  protected override get resumed(): boolean {
    return this.after > 0;
  }

  protected override get subject(): Readonly<Record<string, string>> {
    return { run: this.#runId };
  }

  protected override begin(reader: StreamReader): PieceSource {
    const options = this.#options;
    if (!options) throw new Error("This stream is open already.");
    this.#options = undefined;
    const watch = this.service.observer?.joined(options.run, this);
    const source = openReader(this.service, options, reader, watch);
    if (!watch) return source;
    this.#watch = watch;
    this.#source = source;
    return source;
  }

  protected override onLeft(code: string): void {
    this.#watch?.left(code);
  }
}
