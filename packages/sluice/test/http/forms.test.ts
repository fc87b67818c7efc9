import { brotliDecompressSync } from "node:zlib";
import { EventSource } from "eventsource";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { createFold, textOf, type Message, type RunEvent } from "../../src/chat/index.ts";
import { openEventStream } from "../../src/client/index.ts";
import { fromFrames, type Frame } from "../../src/dialects/index.ts";
import { compressChunk, type Answer } from "../../src/http/index.ts";
import { parseEvents, type ParsedEvent } from "../../src/sse/index.ts";
import { startFaultProxy } from "../../src/testing/fault-proxy.ts";
import { legalRun } from "../chat/legal-runs.ts";
import { SITES, ask, createValve, eventsOf, startNodeSite, turn, type Site } from "./support.ts";

let close: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of close.splice(0).reverse()) await end();
  close = [];
});

async function open<S extends Site>(start: Promise<S>): Promise<S> {
  const site = await start;
  close.push(() => site.close());
  return site;
}

const unpack: Readonly<Record<string, (data: string) => string>> = {
  json: (data) => data,
  base64: (data) => Buffer.from(data, "base64").toString(),
  "br+base64": (data) => brotliDecompressSync(Buffer.from(data, "base64")).toString(),
};

interface Form {
  readonly query: string;
  readonly dialect: string;
  readonly encoding: string;
}

const FORMS: readonly Form[] = [
  { query: "dialect=envelope", dialect: "envelope", encoding: "json" },
  { query: "dialect=text", dialect: "text", encoding: "json" },
  ...["offset", "uuid"].flatMap((ids) =>
    ["json", "base64", "br+base64"].map((encoding) => ({
      query: `dialect=update&ids=${ids}&encoding=${encodeURIComponent(encoding)}`,
      dialect: "update",
      encoding,
    })),
  ),
];

/** Runs by their key. */
function scripted(): { readonly runs: Map<string, readonly RunEvent[]>; readonly answer: Answer } {
  const runs = new Map<string, readonly RunEvent[]>();
  return {
    runs,
    answer: ({ requestId = "" }) =>
      async function* () {
        yield* runs.get(requestId) ?? [];
      },
  };
}

async function folded(frames: readonly ParsedEvent[], { dialect, encoding }: Form): Promise<Message> {
  async function* all(): AsyncGenerator<Frame> {
    yield* frames;
  }
  const fold = createFold();
  for await (const event of fromFrames(all(), { dialect, decodeData: unpack[encoding]! })) fold.add(event);
  return fold.message;
}

describe.each(FORMS)("a stream with $query", (form) => {
  it.each(Object.keys(SITES))(
    "that is cut anywhere goes on with the rest, and folds to the same over %s",
    async (name) => {
      const { runs, answer } = scripted();
      const site = await open(SITES[name]!({ answer, mergeBehind: Infinity }));
      let count = 0;
      await fc.assert(
        fc.asyncProperty(legalRun(), fc.nat(), async (events, cut) => {
          const requestId = `run ${(count += 1)}`;
          runs.set(requestId, events);
          const first = await site.fetch(`/stream?${form.query}`, ask("x", { requestId }));
          const whole = await eventsOf(first);
          const location = first.headers.get("location") ?? "";
          const kept = whole.slice(0, 1 + (cut % whole.length));
          const rest = await site.fetch(location, { headers: { "last-event-id": kept.at(-1)?.id ?? "" } });
          expect(rest.status).toBe(kept.length === whole.length ? 204 : 200);
          expect([...kept, ...(await eventsOf(rest))]).toEqual(whole);
          if (form.dialect === "text") return; // as far as it tells: test/dialects/from-frames.test.ts
          const run = await site.sluice.runs.find("alice", requestId);
          const state = (await (await site.fetch(`/runs/${run?.id}`)).json()) as { readonly message: Message };
          expect(JSON.stringify(await folded(whole, form))).toBe(JSON.stringify(state.message));
        }),
        { numRuns: 25 },
      );
    },
  );

  it("is asked for by its Location again", async () => {
    const site = await open(SITES["Web Request and Response"]!({}));
    const { headers } = await site.fetch(`/stream?${form.query}`, ask("x"));
    const wanted = new URLSearchParams(form.query);
    const given = new URL(headers.get("location") ?? "", "http://site.test").searchParams;
    for (const [key, value] of wanted) if (value !== "offset" && value !== "json") expect(given.get(key)).toBe(value);
    expect(headers.get("x-synapse-toon-format")).toBe(form.dialect === "update" ? "streaming" : null);
  });

  it("is read to its end by our client, over a Location of its own", async () => {
    const site = await open(startNodeSite({}));
    const reader = openEventStream(`${site.url}/stream?${form.query}`, {
      body: { message: { content: "a b c" } },
    });
    const frames: ParsedEvent[] = [];
    for await (const event of reader) frames.push(event);
    expect(reader.state.status).toBe("done");
    expect(textOf(await folded(frames, form))).toBe("a b c");
  });
});

describe("readers of one run who ask for it in different forms", () => {
  it("are each sent their own, live and late", async () => {
    const valve = createValve();
    const site = await open(startNodeSite({ answer: valve.answer }));
    const queries = [...FORMS.map(({ query }) => query), "dialect=simple", "dialect=graph", "dialect=ai-sdk"];
    const responses = await Promise.all(
      queries.map((query) => site.fetch(`/stream?${query}`, ask("x", { requestId: "one" }))),
    );
    const live = responses.map((response) => eventsOf(response));
    valve.push({ type: "text-start", id: "t" });
    for (const delta of ["Hel", "lo ", "wörld"]) {
      await turn();
      valve.push({ type: "text-delta", id: "t", delta });
    }
    valve.end();
    const run = await Promise.all(live);
    for (const [index, query] of queries.entries()) {
      const { id } = (await site.sluice.runs.find("alice", "one"))!;
      expect(await eventsOf(await site.fetch(`/runs/${id}/events?${query}`))).toEqual(run[index]);
    }
    for (const [index, form] of FORMS.entries()) expect(textOf(await folded(run[index]!, form))).toBe("Hello wörld");
    expect(valve.calls).toBe(1);
  });

  it.each(Object.keys(SITES))("are each sent their own of an entry that is large over %s", async (name) => {
    const valve = createValve();
    const site = await open(SITES[name]!({ answer: valve.answer }));
    const start = (query: string, headers: HeadersInit = {}): Promise<Response> =>
      site.fetch(`/stream?${query}`, ask("x", { requestId: "one" }, headers));
    const asked = [...FORMS, ...FORMS];
    const live = (await Promise.all(asked.map(({ query }) => start(query)))).map((response) => eventsOf(response));
    const bare = (await start("", { accept: "text/plain" })).text();
    const large = "wörd 👋\n".repeat(20_000);
    for (const delta of ["a", large, "z"]) {
      if (delta === "a") valve.push({ type: "text-start", id: "t" });
      valve.push({ type: "text-delta", id: "t", delta });
      await turn();
    }
    valve.end();
    const { id } = (await site.sluice.runs.find("alice", "one"))!;
    for (const [index, form] of asked.entries()) {
      expect(textOf(await folded(await live[index]!, form)) === `a${large}z`).toBe(true);
      const late = await eventsOf(await site.fetch(`/runs/${id}/events?${form.query}`));
      expect(textOf(await folded(late, form)) === `a${large}z`).toBe(true);
    }
    expect((await bare) === `a${large}z`).toBe(true);
  });
});

// Seed 001's ids were random: a page that came back with one could not be told where it had been, and began anew.
describe("ids that are UUIDs", () => {
  it("are UUIDs, each once, that end in the number of the entry", async () => {
    const site = await open(SITES["Web Request and Response"]!({}));
    const events = await eventsOf(await site.fetch("/stream?dialect=update&ids=uuid", ask("a b")));
    const ids = events.map(({ id = "" }) => id);
    for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-8\d{3}-8[\da-f]{3}-\d{12}$/);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(ids.map((id) => id.slice(0, 13) + id.slice(19, 23))).size).toBe(1);
    expect(Number(ids[0]?.slice(-12))).toBe(1);
    const other = await eventsOf(await site.fetch("/stream?dialect=update&ids=uuid", ask("a b")));
    expect(other[0]?.id).not.toBe(ids[0]);
  });

  it("of another run, or of nobody's making, are refused", async () => {
    const site = await open(SITES["Web Request and Response"]!({}));
    const [one, two] = await Promise.all(
      ["a", "b"].map(async (word) => {
        const response = await site.fetch("/stream?dialect=update&ids=uuid", ask(word));
        return { location: response.headers.get("location") ?? "", events: await eventsOf(response) };
      }),
    );
    for (const id of [two?.events[0]?.id ?? "", "550e8400-e29b-41d4-a716-446655440000"]) {
      const response = await site.fetch(one?.location ?? "", { headers: { "last-event-id": id } });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: "offset/malformed" } });
    }
  });

  it("take a bare EventSource through a cut, and the model is called once", async () => {
    const valve = createValve();
    const site = await open(startNodeSite({ answer: valve.answer, retryMs: 0 }));
    const proxy = await startFaultProxy({ target: { port: site.port } });
    close.push(() => proxy.close());
    const first = proxy.connections;
    proxy.setPlan((connection) => (connection === first ? { cut: { afterBytes: 1_100, by: "reset" } } : {}));
    const payload = encodeURIComponent(JSON.stringify({ requestId: "one", message: { content: "x" } }));
    const source = new EventSource(`${proxy.url}/stream?dialect=update&ids=uuid&payload=${payload}`);
    let text = "";
    const ids: string[] = [];
    const done = new Promise<void>((resolve) => {
      source.addEventListener("update", ({ data, lastEventId }: MessageEvent<string>) => {
        text += (JSON.parse(data) as { readonly delta: string }).delta;
        ids.push(lastEventId);
      });
      source.addEventListener("done", () => (source.close(), resolve()));
    });
    valve.push({ type: "text-start", id: "t" });
    const words = Array.from({ length: 40 }, (_, index) => ` ${index}`);
    for (const delta of words) {
      await turn();
      valve.push({ type: "text-delta", id: "t", delta });
    }
    valve.end();
    await done;
    expect(text).toBe(words.join(""));
    expect(new Set(ids).size).toBe(ids.length);
    expect(proxy.connections - first).toBeGreaterThan(1);
    expect(valve.calls).toBe(1);
  });
});

// Seed 001's server compressed with brotli whatever the client had offered: one that knew no brotli got noise.
it("data is plain JSON, whatever the client offers, unless `?encoding=` asks for something else", async () => {
  const site = await open(startNodeSite({}));
  const response = await site.fetch("/stream?dialect=update", ask("a", {}, { "accept-encoding": "br, gzip" }));
  expect(response.headers.get("content-encoding")).toBeNull();
  for (const { data } of await eventsOf(response)) expect(() => JSON.parse(data)).not.toThrow();
});

it("a plus sign in `?encoding=br+base64` need not be escaped", async () => {
  const site = await open(startNodeSite({}));
  const [first] = await eventsOf(await site.fetch("/stream?dialect=update&encoding=br+base64", ask("a")));
  expect(JSON.parse(unpack["br+base64"]!(first?.data ?? ""))).toMatchObject({ delta: "", finish_reason: null });
});

// Seed 002's page decoded each chunk by itself, so that a character whose bytes came in two chunks was lost.
it("the text dialect is read by hand as seed 002 does it", async () => {
  const site = await open(startNodeSite({}));
  const response = await site.fetch("/stream?dialect=text", ask(" Hällo  wörld\n\n👋"));
  async function* bytes(): AsyncGenerator<Uint8Array> {
    const reader = response.body!.getReader();
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      for (const byte of step.value) yield Uint8Array.of(byte);
    }
  }
  let text = "";
  for await (const { event, data } of parseEvents(bytes())) if (event === "message") text += data;
  expect(text).toBe(" Hällo  wörld\n\n👋");
});

describe("compressChunk", () => {
  it("says what the body is: as it was where brotli makes it no smaller", () => {
    const small = '{"delta":" world"}';
    expect(compressChunk(small, "br")).toEqual({ body: new TextEncoder().encode(small), encoding: "identity" });
    const large = JSON.stringify({ delta: "Grüße aus der Wörterwelt. ".repeat(50) });
    const { body, encoding } = compressChunk(large, "br");
    expect(encoding).toBe("br");
    expect(body.byteLength).toBeLessThan(Buffer.byteLength(large) / 3);
    expect(brotliDecompressSync(body).toString()).toBe(large);
  });
});
