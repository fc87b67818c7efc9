import type { Wire } from "./compress/wire.ts";
import { openReader, type ReaderOptions } from "./delivery/open.ts";
import type { PieceSource } from "./delivery/source.ts";
import { ReaderStream } from "./reader-stream.ts";
import type { Service } from "./service.ts";
import type { StreamReader } from "./types.ts";

/** The stream of a run to one reader. */
export class RunStream extends ReaderStream {
  readonly resumes: boolean;
  readonly bare: boolean;
  readonly endless = false;
  readonly #runId: string;
  /** Until it is opened. */
  #options: ReaderOptions | undefined;

  constructor(service: Service, options: ReaderOptions, wire: Wire | undefined) {
    super(service, wire);
    this.#runId = options.run.id;
    this.#options = options;
    this.resumes = options.dialect.resumes;
    this.bare = options.bare;
  }

  protected override get resumed(): boolean {
    return (this.#options?.after.sequence ?? 0) > 0;
  }

  protected override get subject(): Readonly<Record<string, string>> {
    return { run: this.#runId };
  }

  protected override begin(reader: StreamReader): PieceSource {
    const options = this.#options;
    if (!options) throw new Error("This stream is open already.");
    this.#options = undefined;
    return openReader(this.service, options, reader);
  }
}
