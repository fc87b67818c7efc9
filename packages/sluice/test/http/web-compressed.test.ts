import { once } from "node:events";
import { createServer, request, type IncomingMessage } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { connect, type AddressInfo } from "node:net";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { noMeter } from "../../src/base/meter.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { createStreamDecoder } from "./compress/support.ts";
import { SITES, createValve, say, startNodeSite, until, type NodeSite, type Site } from "./support.ts";

/** What a client says, and what it is sent for that. */
const ASKED: readonly (readonly [header: string | undefined, encoding: "gzip" | "br" | undefined])[] = [
  ["gzip, deflate, br, zstd", "gzip"],
  ["br", "br"],
  ["gzip;q=0, br", "br"],
  ["x-gzip", "gzip"],
  ["identity;q=0", undefined],
  ["identity, gzip;q=0.5", undefined],
  ["zstd", undefined],
  ["", undefined],
  [undefined, undefined],
];
const QUESTION = "Hello, wörld 漢字 😀 ".repeat(40);

let site: Site;
afterEach(() => site.close());

/** A run that is over, to be read by anybody. */
async function finishedRun({ sluice }: Site): Promise<string> {
  const run = await sluice.startRun({ owner: "alice" }, async function* () {
    yield* QUESTION.split(/(?<= )/);
  });
  await sluice.runs.ended(run.id);
  return `/runs/${run.id}/events`;
}

function decoded(encoding: string | undefined, bytes: Uint8Array): string {
  if (encoding === undefined) return Buffer.from(bytes).toString();
  return (encoding === "gzip" ? gunzipSync(bytes) : brotliDecompressSync(bytes)).toString();
}

/** As it stands on the wire: `node:http` decodes nothing, and says nothing of what it takes. */
async function open(
  { port }: NodeSite,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<IncomingMessage> {
  const call = request({ port, path, method, headers, agent: false }).end();
  const [message] = (await once(call, "response")) as [IncomingMessage];
  return message;
}

async function bytesOf(message: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of message) parts.push(part);
  return Buffer.concat(parts);
}

function asking(header: string | undefined): Record<string, string> {
  return header === undefined ? {} : { "accept-encoding": header };
}

describe("the coding of an answer", () => {
  for (const [header, encoding] of ASKED) {
    const to = header === undefined ? "nothing said" : `Accept-Encoding: ${header}`;
    const is = encoding ?? "none";

    it(`is ${is} for ${to}, over node:http`, async () => {
      site = await startNodeSite({ compression: true });
      const path = await finishedRun(site);
      const plain = await bytesOf(await open(site as NodeSite, path));
      const message = await open(site as NodeSite, path, asking(header));
      expect(message.headers["content-encoding"]).toBe(encoding);
      expect(message.headers["vary"]).toBe("Accept-Encoding");
      expect(message.headers["content-type"]).toBe("text/event-stream");
      const bytes = await bytesOf(message);
      expect(decoded(encoding, bytes)).toBe(plain.toString());
      if (encoding) expect(bytes.byteLength).toBeLessThan(plain.byteLength / 2);
    });

    it(`is ${is} for ${to}, over a Web Response`, async () => {
      site = await SITES["Web Request and Response"]!({ compression: true });
      const path = await finishedRun(site);
      const plain = await (await site.fetch(path)).text();
      const response = await site.fetch(path, { headers: asking(header) });
      expect(response.headers.get("content-encoding") ?? undefined).toBe(encoding);
      expect(response.headers.get("vary")).toBe("Accept-Encoding");
      expect(decoded(encoding, Buffer.from(await response.arrayBuffer()))).toBe(plain);
    });
  }

  it("is none unless compression is asked for", async () => {
    site = await startNodeSite();
    const message = await open(site as NodeSite, await finishedRun(site), { "accept-encoding": "gzip, br" });
    expect(message.headers["content-encoding"]).toBeUndefined();
    expect(message.headers["vary"]).toBe("Accept-Encoding");
    expect((await bytesOf(message)).toString()).toContain("event: done");
  });

  it("is that of HTTP/1.1 over HTTP/1.0 too, where the answer ends with its connection", async () => {
    site = await startNodeSite({ compression: true });
    const socket = connect((site as NodeSite).port, "127.0.0.1");
    socket.end(`GET ${await finishedRun(site)} HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n`);
    const bytes = await bytesOf(socket);
    const head = bytes.indexOf("\r\n\r\n");
    expect(bytes.subarray(0, head).toString().toLowerCase()).toContain("content-encoding: gzip");
    expect(gunzipSync(bytes.subarray(head + 4)).toString()).toContain("event: done");
  });

  it("is that of HTTP/1.1 over HTTP/2, for each stream of a session its own", async () => {
    site = await startNodeSite({ compression: true });
    const path = await finishedRun(site);
    const plain = (await bytesOf(await open(site as NodeSite, path))).toString();
    const server = createHttp2Server((req, res) => void site.sluice.handleNode(req, res)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const answers = ASKED.map(async ([header, encoding]) => {
      const stream = session.request({ ":path": path, ...asking(header) });
      const [headers] = (await once(stream, "response")) as [Record<string, string>];
      expect([headers["content-encoding"], headers["vary"]]).toEqual([encoding, "Accept-Encoding"]);
      expect(decoded(encoding, await bytesOf(stream))).toBe(plain);
      expect(stream.rstCode).toBe(0);
    });
    await Promise.all(answers);
    session.close();
    server.close();
  });
});

describe.each(["gzip", "br"] as const)("a live answer in %s", (encoding) => {
  const kinds: Readonly<Record<string, (at: Site, path: string) => Promise<AsyncIterable<Uint8Array>>>> = {
    "node:http": (at, path) => open(at as NodeSite, path, { "accept-encoding": encoding }),
    "Web Request and Response": async (at, path) =>
      (await at.fetch(path, { headers: { "accept-encoding": encoding } })).body!,
  };

  it.each(Object.keys(kinds))("has each event while the model is at work on the next, over %s", async (kind) => {
    const valve = createValve();
    site = await SITES[kind]!({ answer: valve.answer, compression: true });
    const run = await site.sluice.startRun({ owner: "alice" }, valve.answer({ messages: [] }, { owner: "alice" }));
    const parts = (await kinds[kind]!(site, `/runs/${run.id}/events`))[Symbol.asyncIterator]();
    const decoder = createStreamDecoder(encoding);
    let text = "";
    const untilText = async (wanted: string): Promise<void> => {
      while (!text.includes(wanted)) {
        const step = await parts.next();
        if (step.done) throw new Error(`It ended before ${wanted}.`);
        text += Buffer.from(await decoder.push(step.value)).toString();
      }
    };
    await untilText("event: typing");
    valve.push({ type: "text-start", id: "t" });
    // So many that the answer changes to a context of its own.
    for (let count = 0; count < 50; count += 1) {
      valve.push({ type: "text-delta", id: "t", delta: `word ${count} ` });
      await untilText(`{"content":"word ${count} "}\n\n`);
    }
    valve.end();
    for (let step = await parts.next(); !step.done; step = await parts.next()) {
      text += Buffer.from(await decoder.push(step.value)).toString();
    }
    await decoder.end();
    expect(text).toContain("event: done");
  });

  it.each(Object.keys(kinds))("goes on after heartbeats, over %s", async (kind) => {
    const valve = createValve();
    const clock = createManualClock();
    site = await SITES[kind]!({ answer: valve.answer, compression: true, clock });
    const run = await site.sluice.startRun({ owner: "alice" }, valve.answer({ messages: [] }, { owner: "alice" }));
    const parts = (await kinds[kind]!(site, `/runs/${run.id}/events`))[Symbol.asyncIterator]();
    const decoder = createStreamDecoder(encoding);
    let text = "";
    const untilText = async (wanted: string): Promise<void> => {
      text = "";
      while (!text.endsWith(wanted)) {
        text += Buffer.from(await decoder.push((await parts.next()).value as Uint8Array)).toString();
      }
    };
    await untilText('\ndata: {"isTyping":true}\n\n');
    valve.push({ type: "text-start", id: "t" });
    for (let count = 0; count < 40; count += 1) {
      valve.push({ type: "text-delta", id: "t", delta: `${count} ` });
      await untilText(`{"content":"${count} "}\n\n`);
      if (count % 39 > 0) continue;
      const beat = untilText(":\n\n");
      await clock.advance(15_000);
      await beat;
      expect(text).toBe(":\n\n");
    }
    valve.end();
    const end: Buffer[] = [];
    for (let step = await parts.next(); !step.done; step = await parts.next()) {
      end.push(Buffer.from(await decoder.push(step.value)));
    }
    await decoder.end();
    expect(Buffer.concat(end).toString()).toContain("event: done");
  });

  it("that is broken off has all that was sent, and neither a last chunk nor a trailer", async () => {
    const valve = createValve();
    site = await startNodeSite({ answer: valve.answer, compression: true });
    const run = await site.sluice.startRun({ owner: "alice" }, valve.answer({ messages: [] }, { owner: "alice" }));
    const message = await open(site as NodeSite, `/runs/${run.id}/events`, { "accept-encoding": encoding });
    const parts = message[Symbol.asyncIterator]();
    const bytes: Uint8Array[] = [];
    const decoder = createStreamDecoder(encoding);
    let text = "";
    const more = async (): Promise<void> => {
      const step = (await parts.next()) as IteratorResult<Uint8Array, undefined>;
      if (step.done) throw new Error("A clean end.");
      bytes.push(step.value);
      text += Buffer.from(await decoder.push(step.value)).toString();
    };
    valve.push(...say("abc"));
    while (!text.includes('{"content":"c"}\n\n')) await more();
    const before = text;
    // The store is let go of: every reader that is open is broken off.
    await site.sluice.runs.store[Symbol.asyncDispose]();
    await expect(more()).rejects.toThrow("aborted");
    expect(text).toBe(before);
    expect(() => decoded(encoding, Buffer.concat(bytes))).toThrow("unexpected end of file");
    expect(site.lines.filter((line) => line.message === "reader interrupted")).toHaveLength(1);
  });
});

describe("Vary", () => {
  it("is one header with both values where a middleware has set one, over HTTP/1.1 and HTTP/2", async () => {
    site = await startNodeSite({ compression: true });
    const path = await finishedRun(site);
    const server = createServer((req, res) => {
      res.setHeader("Vary", "Origin");
      void site.sluice.handleNode(req, res);
    }).listen(0, "127.0.0.1");
    const server2 = createHttp2Server((req, res) => {
      res.setHeader("Vary", "Origin");
      void site.sluice.handleNode(req, res);
    }).listen(0, "127.0.0.1");
    await Promise.all([once(server, "listening"), once(server2, "listening")]);

    const { port } = server.address() as AddressInfo;
    const message = await open({ port } as NodeSite, path, { "accept-encoding": "gzip" });
    const varies = message.rawHeaders.filter((_, index) => message.rawHeaders[index - 1]?.toLowerCase() === "vary");
    expect(varies).toEqual(["Origin, Accept-Encoding"]);
    await bytesOf(message);

    const session = connectHttp2(`http://127.0.0.1:${(server2.address() as AddressInfo).port}`);
    const stream = session.request({ ":path": path, "accept-encoding": "gzip" });
    const [headers] = (await once(stream, "response")) as [Record<string, string>];
    expect(headers["vary"]).toBe("Origin, Accept-Encoding");
    await bytesOf(stream);
    session.close();
    server.close();
    server2.close();
  });
});

describe("contexts", () => {
  // More than a node keeps: had each of them taken one for good, none would be left.
  const MANY = 150;
  const BR = { "accept-encoding": "br" };

  async function expectRoom(path: string): Promise<void> {
    const response = await site.fetch(path, { headers: BR });
    expect(response.headers.get("content-encoding")).toBe("br");
    await response.body?.cancel();
  }

  it("are given back by answers that end", async () => {
    site = await startNodeSite({ compression: true });
    const path = await finishedRun(site);
    for (let count = 0; count < MANY; count += 1) await bytesOf(await open(site as NodeSite, path, BR));
    await expectRoom(path);
  });

  it("are given back by readers that leave, and a reader for whom there is none is sent it plain", async () => {
    const valve = createValve();
    site = await startNodeSite({ answer: valve.answer, compression: true });
    const run = await site.sluice.startRun({ owner: "alice" }, valve.answer({ messages: [] }, { owner: "alice" }));
    const path = `/runs/${run.id}/events`;
    const readers: IncomingMessage[] = [];
    for (let count = 0; count < 128; count += 1) readers.push(await open(site as NodeSite, path, BR));
    expect(new Set(readers.map(({ headers }) => headers["content-encoding"]))).toEqual(new Set(["br"]));
    const surplus = await open(site as NodeSite, path, BR);
    expect(surplus.headers["content-encoding"]).toBeUndefined();
    const other = await open(site as NodeSite, path, { "accept-encoding": "gzip" });
    expect(other.headers["content-encoding"]).toBe("gzip");
    for (const reader of [...readers, surplus, other]) reader.destroy();
    await until(() => site.lines.length === 130);
    await expectRoom(path);
    valve.end();
  });

  it("are not taken by HEAD, which has the headers of GET and leaves nothing behind", async () => {
    const clock = createManualClock();
    site = await startNodeSite({ compression: true, clock, maxReaders: 1 });
    const path = await finishedRun(site);
    const runId = path.split("/")[2] ?? "";
    // In a handler of one's own: the routes of the contract take no HEAD for a stream.
    const server = createServer((req, res) => void site.sluice.resumeToNode(req, res, runId)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    for (let count = 0; count < MANY; count += 1) {
      const message = await open({ port } as NodeSite, "/", BR, "HEAD");
      expect([message.statusCode, message.headers["content-encoding"]]).toEqual([200, "br"]);
      expect((await bytesOf(message)).byteLength).toBe(0);
      const response = await site.sluice.resume(new Request("http://x.test/", { method: "HEAD", headers: BR }), runId);
      expect([response.headers.get("content-encoding"), response.body]).toEqual(["br", null]);
    }
    server.close();
    await clock.advance(2_000); // the node looks once more whether it has leases to renew
    expect(clock.timers).toBe(0);
    expect(site.lines).toEqual([]);
    await expectRoom(path);
  });

  it.each(["dropped", "cancelled"] as const)("are not taken by Web Responses that are %s unread", async (how) => {
    site = await SITES["Web Request and Response"]!({ compression: true });
    const path = await finishedRun(site);
    for (let count = 0; count < MANY; count += 1) {
      const response = await site.fetch(path, { headers: BR });
      expect(response.headers.get("content-encoding")).toBe("br");
      if (how === "cancelled") await response.body?.cancel();
    }
    await expectRoom(path);
  });

  it("are given back by Web Responses that are cancelled half-way", async () => {
    site = await SITES["Web Request and Response"]!({ compression: true });
    const path = await finishedRun(site);
    for (let count = 0; count < MANY; count += 1) {
      const reader = (await site.fetch(path, { headers: BR })).body!.getReader();
      await reader.read();
      await reader.cancel();
    }
    await expectRoom(path);
  });
});

describe("what is counted of an answer", () => {
  it.each(["gzip", "br", "identity"])(
    "is every byte on the wire and every byte of frames, over %s",
    async (encoding) => {
      let [frames, wire] = [0, 0];
      const sent = (given: number, taken: number): void => {
        frames += given;
        wire += taken;
      };
      const at = await startNodeSite({ compression: true, meter: { ...noMeter, sent } });
      site = at;
      const path = await finishedRun(at);
      const answer = await open(at, path, { "accept-encoding": encoding });
      const bytes = await bytesOf(answer);
      expect(wire).toBe(bytes.byteLength);
      expect(frames).toBe(Buffer.byteLength(decoded(answer.headers["content-encoding"], bytes)));
      [frames, wire] = [0, 0];
      const web = await at.sluice.handle(
        new Request(`http://site.test${path}`, { headers: { "accept-encoding": encoding } }),
      );
      const body = Buffer.from(await web.arrayBuffer());
      expect(wire).toBe(body.byteLength);
      expect(frames).toBe(Buffer.byteLength(decoded(web.headers.get("content-encoding") ?? undefined, body)));
    },
  );
});
