import { createSluice, type Sluice, type SluiceOptions } from "../../src/http/index.ts";
import { createGraphs, type GraphsOptions, type Graphs } from "../../src/graphs/index.ts";
import { parseEvents } from "../../src/sse/index.ts";

export interface Site {
  readonly sluice: Sluice;
  readonly graphs: Graphs;
  readonly lines: string[];
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

/** Whoever names itself in `X-Owner` is that owner; `nobody` has no credentials. */
export function siteOf(options: GraphsOptions, more: Partial<SluiceOptions> = {}): Site {
  const graphs = createGraphs(options);
  const lines: string[] = [];
  const sluice = createSluice({
    authorize: (request) => {
      const owner = request.headers.get("x-owner") ?? "alice";
      return owner === "nobody" ? undefined : owner;
    },
    log: (_level, message, fields) => lines.push(`${message} ${JSON.stringify(fields["code"] ?? "")}`),
    ...graphs,
    ...more,
  });
  const call = (
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<Response> =>
    sluice.handle(new Request(`http://site.test${path}`, { method, headers, ...(body === undefined ? {} : { body }) }));
  return {
    sluice,
    graphs,
    lines,
    post: (path, body, headers = {}) =>
      call("POST", path, { "content-type": "application/json", ...headers }, JSON.stringify(body)),
    get: (path, headers = {}) => call("GET", path, headers),
  };
}

export interface Told {
  readonly event: string;
  readonly id?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Every event of an answer, its data parsed. */
export async function told(response: Response): Promise<readonly Told[]> {
  const events: Told[] = [];
  if (response.body === null) return events;
  for await (const { event, data, id } of parseEvents(response.body)) {
    events.push({ event, data: JSON.parse(data) as Told["data"], ...(id === undefined ? {} : { id }) });
  }
  return events;
}

/** The pieces of text that the document's client appends. */
export function chunksOf(events: readonly Told[]): readonly unknown[] {
  return events.flatMap(({ event, data }) =>
    event === "stream_event" && data["type"] === "chunk" ? [data["content"]] : [],
  );
}

export function finalIn(events: readonly Told[]): Readonly<Record<string, unknown>> | undefined {
  return events.find(({ event }) => event === "final")?.data;
}

/** As seed 004 writes it. */
export function question(content: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { graphType: "streaming-chat", message: { content }, ...more };
}

/** The deltas of the nested form, by their channel. */
export function deltasOf(events: readonly Told[]): readonly (readonly [channel: unknown, delta: unknown])[] {
  return events.flatMap(({ event, data }) =>
    event === "stream_event" ? [[data["channel"], data["delta"]] as const] : [],
  );
}

export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise<void>((resolve) => setImmediate(resolve));
}
