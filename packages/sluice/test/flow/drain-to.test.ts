import { describe, expect, it } from "vitest";
import { drain, drainTo, httpStreamResponse, Pump, type Sink } from "../../src/flow/index.ts";
import { forbidStrayRejections, probe, turns } from "./support.ts";

forbidStrayRejections();

function listSink<T>(): Sink<T, T[]> & { readonly calls: unknown[] } {
  const calls: unknown[] = [];
  const response: T[] = [];
  return {
    calls,
    response,
    async transform(item) {
      await Promise.resolve();
      calls.push(item);
      response.push(item);
    },
    close: () => void calls.push("close"),
  };
}

describe("drain", () => {
  it("pulls everything, and rejects with the failure of the flow", async () => {
    const source = probe([1, 2, 3]);
    await drain(source);
    expect(source.pulls).toBe(4);
    await expect(Pump.from(probe([1], { error: new Error("broke") })).drain()).rejects.toThrow("broke");
  });
});

describe("drainTo", () => {
  it("gives a sink every item, closes it, and resolves with its response", async () => {
    const sink = listSink<unknown>();
    expect(await drainTo([0, "", null], sink)).toEqual([0, "", null]);
    expect(sink.calls).toEqual([0, "", null, "close"]);
  });

  it("waits for the sink before it pulls the next", async () => {
    const source = probe([1, 2, 3]);
    let go = (): void => {};
    const sink: Sink<number, string> = {
      transform: () => new Promise<void>((resolve) => (go = resolve)),
      close: () => {},
      response: "done",
    };
    const drained = Pump.from(source).drainTo(sink);
    for (const pulls of [1, 2, 3]) {
      await turns();
      expect(source.pulls).toBe(pulls);
      go();
    }
    expect(await drained).toBe("done");
  });

  it("rejects when the sink throws, and leaves the source", async () => {
    const source = probe([1, 2]);
    const sink = { ...listSink<number>(), transform: () => Promise.reject(new Error("disk full")) };
    await expect(Pump.from(source).drainTo(sink)).rejects.toThrow("disk full");
    expect(source.returns).toBe(1);
  });
});

describe("httpStreamResponse", () => {
  it("is a response whose body is the text of the flow, at once", async () => {
    const response = await Pump.from(["Hello", " ", "", "wörld"]).drainTo(httpStreamResponse());
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toEqual({
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
    expect(await response.text()).toBe("Hello wörld");
  });

  it("sends bytes as they are, other values as JSON, and falsy ones too", async () => {
    const values = [new Uint8Array([104, 105]), 0, null, false, undefined, { a: 1 }];
    const response = await Pump.from(values).drainTo(httpStreamResponse());
    expect(await response.text()).toBe('hi0nullfalse{"a":1}');
  });

  // A model's stream may cut a text between the two halves of an emoji, and each half became U+FFFD.
  // Readers of plain text saw two question marks in its place.
  it("puts characters together that two texts share, by hand too", async () => {
    const text = "a😀b漢😀";
    const halves = [...Array(text.length).keys()].map((index) => text.charAt(index));
    const pulled = await Pump.from(halves).drainTo(httpStreamResponse());
    expect(await pulled.text()).toBe(text);
    const { transform, close, response } = httpStreamResponse<string>();
    for (const half of [...halves, "\ud83d"]) transform(half);
    close();
    expect(await response.text()).toBe(`${text}\ufffd`);
    const torn = await Pump.from(["a\ud83d", new Uint8Array([98]), "\ud83d"]).drainTo(httpStreamResponse());
    expect(await torn.text()).toBe("a\ufffdb\ufffd");
  });

  it("sends every kind of bytes as bytes", async () => {
    const bytes = new Uint8Array([0, 104, 105, 0]);
    const values = [bytes.buffer.slice(1, 3), new DataView(bytes.buffer, 1, 2)];
    expect(await (await Pump.from(values).drainTo(httpStreamResponse<unknown>())).text()).toBe("hihi");
  });

  it("takes an encoder, a status and headers, which win over its own", async () => {
    const sink = httpStreamResponse<number>({
      init: { status: 201, headers: { "content-type": "audio/mpeg", "x-voice": "a" } },
      encoder: (n) => new Uint8Array([n]),
    });
    const response = await Pump.from([1, 255]).drainTo(sink);
    expect([response.status, response.headers.get("content-type"), response.headers.get("x-voice")]).toEqual([
      201,
      "audio/mpeg",
      "a",
    ]);
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([1, 255]);
  });

  it("works when its parts are handed over one by one", async () => {
    const { transform, close, response } = httpStreamResponse<string>();
    const source = probe(["a", "b"], { hangs: true });
    const given = await Pump.from(source).drainTo({ transform, close, response });
    const reader = reading(given);
    expect([await reader.read(), await reader.read()]).toEqual(["a", "b"]);
    await reader.cancel();
  });

  it("pulls nothing before the body is read, and then one item at a time", async () => {
    const source = probe(["a", "b", "c"]);
    const reader = reading(await Pump.from(source).drainTo(httpStreamResponse()));
    await turns();
    expect(source.pulls).toBe(0);
    for (const pulls of [1, 2]) {
      await reader.read();
      await turns();
      expect(source.pulls).toBe(pulls);
    }
    await reader.cancel();
  });

  it("leaves the source when the client goes, also while the source hangs", async () => {
    for (const hangs of [true, false]) {
      const source = probe(["a", "b"], { hangs });
      const reader = reading(await Pump.from(source).drainTo(httpStreamResponse()));
      await reader.read();
      const waiting = hangs ? [reader.read(), reader.read()] : [];
      await turns();
      await reader.cancel();
      await Promise.all(waiting);
      expect(source.returns).toBe(1);
    }
  });

  it("leaves the source when the client has gone before it was given one", async () => {
    const sink = httpStreamResponse<string>();
    await sink.response.body?.cancel();
    const source = probe(["a"], { onReturn: () => Promise.reject(new Error("not closed")) });
    await Pump.from(source).drainTo(sink);
    await turns();
    expect([source.pulls, source.returns]).toEqual([0, 1]);
  });

  it("breaks the body when the flow fails or the encoder throws", async () => {
    const failing = await Pump.from(probe(["a"], { error: new Error("broke") })).drainTo(httpStreamResponse());
    await expect(failing.text()).rejects.toThrow("broke");
    const source = probe([1n]);
    const unencodable = await Pump.from(source).drainTo(httpStreamResponse());
    await expect(unencodable.text()).rejects.toThrow(TypeError);
    expect(source.returns).toBe(1);
  });

  it("takes items by hand, with `transform` and `close`", async () => {
    const { transform, close, response } = httpStreamResponse<string>();
    await Pump.from(["a", "b"]).map(transform).drain();
    close();
    close();
    expect(await response.text()).toBe("ab");
    expect(transform("late")).toBe("late");
  });

  it("fails by hand, in the body too, when the reader is more than 1 MiB behind", async () => {
    const { transform, response } = httpStreamResponse<Uint8Array>();
    for (let kib = 0; kib < 1_024; kib += 1) transform(new Uint8Array(1_024));
    expect(() => transform(new Uint8Array(1))).toThrow(expect.objectContaining({ code: "flow/queue-full" }));
    await expect(response.arrayBuffer()).rejects.toMatchObject({ code: "flow/queue-full" });
  });
});

/** Reads a body piece by piece, as text; undefined at its end. */
function reading(response: Response): { read(): Promise<string | undefined>; cancel(): Promise<void> } {
  const reader = response.body?.getReader();
  return {
    async read() {
      const step = await reader?.read();
      return step?.value && new TextDecoder().decode(step.value);
    },
    cancel: async () => reader?.cancel(),
  };
}
