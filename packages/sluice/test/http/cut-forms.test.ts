import { brotliDecompressSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock, type Clock } from "../../src/base/clock.ts";
import { parsePosition, type Position } from "../../src/base/offset.ts";
import { parseUuid } from "../../src/base/uuid.ts";
import { createFold, fold, type Message, type RunEvent } from "../../src/chat/index.ts";
import { openEventStream } from "../../src/client/index.ts";
import { builtInDialects, fromFrames, textDialect, type Frame } from "../../src/dialects/index.ts";
import { parseEvents, type ParsedEvent } from "../../src/sse/index.ts";
import { startFaultProxy, type Cut, type FaultProxy } from "../../src/testing/fault-proxy.ts";
import { legalRun } from "../chat/legal-runs.ts";
import { wordingOf } from "../dialects/support.ts";
import { eventsOf, startNodeSite, turn, type NodeSite } from "./support.ts";

// The client's waits are not what is tested: short ones are over at once, long ones (heartbeats) do not come.
const impatient: Clock = {
  now: systemClock.now,
  timer: (ms, run) => (ms > 20_000 ? () => {} : systemClock.timer(0, run)),
};

const unpack: Readonly<Record<string, (data: string) => string>> = {
  json: (data) => data,
  base64: (data) => Buffer.from(data, "base64").toString(),
  "br+base64": (data) => brotliDecompressSync(Buffer.from(data, "base64")).toString(),
};

interface Form {
  readonly dialect: string;
  readonly encoding: string;
  readonly query: string;
}

const UPDATES: readonly Form[] = ["offset", "uuid"].flatMap((ids) =>
  Object.keys(unpack).map((encoding) => {
    const query = new URLSearchParams({ dialect: "update", ids, encoding });
    return { dialect: "update", encoding, query: query.toString() };
  }),
);

const FORMS: readonly Form[] = [
  ...builtInDialects.map(({ name }) => ({ dialect: name, encoding: "json", query: `dialect=${name}` })),
  ...UPDATES.slice(1), // the first is how it is put by itself
];

/** What tells of the run whole. Others are compared with what they tell an uninterrupted reader. */
const EXACT: ReadonlySet<string> = new Set(["ai-sdk", "envelope", "update"]);

interface Scenario {
  readonly events: readonly RunEvent[];
  /** One for each connection, from the first on; later connections are not cut. */
  readonly cuts: readonly Cut[];
  /** Turns of the event loop before each event: cuts fall into runs that are over, and into those that are not. */
  readonly slow: boolean;
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  events: legalRun(),
  cuts: fc.array(
    fc.record({
      afterBytes: fc.oneof(fc.nat(1_500), fc.nat(8_000)),
      by: fc.constantFrom<Cut["by"]>("reset", "fin"),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  slow: fc.boolean(),
});

describe.each([
  ["plain", false],
  ["compressed", true],
])("an answer that is cut at random bytes, %s", (_, compression) => {
  let site: NodeSite;
  let proxy: FaultProxy;
  const scenarios = new Map<string, Scenario>();
  let count = 0;

  beforeAll(async () => {
    site = await startNodeSite({
      retryMs: 0,
      mergeBehind: 3, // the runs are short, and deltas are to be joined
      compression,
      answer:
        ({ requestId = "" }) =>
        () =>
          produce(scenarios.get(requestId)),
    });
    proxy = await startFaultProxy({ target: { port: site.port } });
  });
  afterAll(async () => {
    await proxy.close();
    await site.close();
  });

  async function* produce(given: Scenario | undefined): AsyncGenerator<RunEvent> {
    for (const event of given?.events ?? []) {
      if (given?.slow === true) await turn();
      yield event;
    }
  }

  function prepare(given: Scenario): string {
    const requestId = `case ${(count += 1)}`;
    scenarios.set(requestId, given);
    cutFromNowOn(given);
    return requestId;
  }

  function cutFromNowOn({ cuts }: Scenario): void {
    const first = proxy.connections;
    proxy.setPlan((connection) => {
      const cut = cuts[connection - first];
      return cut === undefined ? {} : { cut };
    });
  }

  async function idOf(requestId: string): Promise<string> {
    return (await site.sluice.runs.find("alice", requestId))?.id ?? "";
  }

  async function logOf(requestId: string): Promise<readonly RunEvent[]> {
    const { entries } = await site.sluice.runs.store.read(await idOf(requestId), { after: 0, maxLength: Infinity });
    return entries.map((entry) => JSON.parse(entry) as RunEvent);
  }

  it.each(FORMS)("folds to the same with $query, live and for one who comes late, by our client", async (form) => {
    await fc.assert(
      fc.asyncProperty(scenario, async (given) => {
        const requestId = prepare(given);
        const body = { requestId, message: { content: "Hello" } };
        const live = await read(`${proxy.url}/stream?${form.query}`, { body });
        const path = `/runs/${await idOf(requestId)}/events?${form.query}`;
        cutFromNowOn(given);
        const late = await read(proxy.url + path);
        const whole = await folded(await eventsOf(await site.fetch(path)), form);
        expect(await folded(live, form)).toBe(whole);
        expect(await folded(late, form)).toBe(whole);
        const log = await logOf(requestId);
        if (EXACT.has(form.dialect)) expect(whole).toBe(JSON.stringify(fold(log)));
      }),
      { numRuns: 12 },
    );
  });

  it("has each frame once and in order for a bare EventSource, also where the form changes with the connection", async () => {
    const forms = fc.array(fc.constantFrom(...UPDATES), { minLength: 6, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(scenario, forms, async (given, chosen) => {
        const requestId = prepare(given);
        const payload = JSON.stringify({ requestId, message: { content: "Hello" } });
        const frames: ParsedEvent[] = [];
        let over = false;
        for (let connection = 0; !over && connection < 20; connection += 1) {
          const form = chosen[connection % chosen.length]!;
          const query = `${form.query}&payload=${encodeURIComponent(payload)}`;
          const id = frames.at(-1)?.id;
          const headers: HeadersInit = id === undefined ? {} : { "last-event-id": id };
          try {
            const response = await fetch(`${proxy.url}/stream?${query}`, { headers });
            expect([200, 204]).toContain(response.status);
            over = response.status === 204;
            for await (const event of parseEvents(response.body ?? new Blob().stream())) {
              frames.push({ ...event, data: unpack[form.encoding]!(event.data) });
            }
          } catch (error) {
            if (!(error instanceof TypeError)) throw error; // what `fetch` says of a cut
          }
        }
        expect(over).toBe(true);
        const places = frames.map(({ id = "" }) => placeOf(id));
        for (const [index, place] of places.slice(1).entries()) expect(isAfter(place, places[index]!)).toBe(true);
        const message = JSON.stringify(fold(await logOf(requestId)));
        expect(await folded(frames, UPDATES[0]!)).toBe(message);
      }),
      { numRuns: 40 },
    );
  });

  it("is a beginning of the text where it is bare, and ends cleanly only where it is whole", async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (given) => {
        const requestId = prepare(given);
        const { text, complete } = await readBare(requestId);
        const log = await logOf(requestId);
        const frames = wordingOf({ ...textDialect, ...textDialect.bare }, log.slice(0, -1)).flat();
        const whole = Buffer.from(frames.map(({ data }) => data).join(""));
        if (complete) expect(text).toEqual(whole);
        else expect(text).toEqual(whole.subarray(0, text.byteLength));
        const end = log.at(-1);
        if (end && "type" in end && end.type === "error") expect(complete).toBe(false);
      }),
      { numRuns: 40 },
    );
  });

  async function readBare(requestId: string): Promise<{ readonly text: Buffer; readonly complete: boolean }> {
    const chunks: Uint8Array[] = [];
    const body = JSON.stringify({ requestId, message: { content: "Hello" } });
    let complete = false;
    try {
      const response = await fetch(`${proxy.url}/stream`, { method: "POST", headers: { accept: "text/plain" }, body });
      for await (const chunk of response.body!) chunks.push(chunk as Uint8Array);
      complete = true;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    // Cut before anything was started, and nobody comes back.
    if ((await idOf(requestId)) === "") await site.fetch("/stream", { method: "POST", body }).then((one) => one.text());
    await site.sluice.runs.ended(await idOf(requestId));
    return { text: Buffer.concat(chunks), complete };
  }
});

async function read(url: string, options: { readonly body?: unknown } = {}): Promise<readonly ParsedEvent[]> {
  const frames: ParsedEvent[] = [];
  for await (const event of openEventStream(url, { ...options, clock: impatient })) frames.push(event);
  return frames;
}

async function folded(frames: readonly ParsedEvent[], { dialect, encoding }: Form): Promise<string> {
  async function* all(): AsyncGenerator<Frame> {
    yield* frames;
  }
  const folding = createFold();
  for await (const event of fromFrames(all(), { dialect, decodeData: unpack[encoding]! })) folding.add(event);
  const message: Message = folding.message;
  return JSON.stringify(message);
}

function placeOf(id: string): Position {
  const place = id.slice(id.indexOf("~") + 1);
  return parseUuid(place)?.position ?? parsePosition(place);
}

function isAfter(a: Position, b: Position): boolean {
  return a.sequence > b.sequence || (a.sequence === b.sequence && a.skip > b.skip);
}
