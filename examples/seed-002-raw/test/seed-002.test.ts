import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stopRun } from "sluice/client";
import { fetchStream, fetchText } from "../fetch-stream.ts";
import { POST } from "../app/api/stream/route.ts";
import { server } from "../server.ts";

const TEXT = "This is a streamed response from the server. ";

let url: string;
beforeAll(async () => (url = await listen(server)));
afterAll(() => close(server));

async function listen(one: Server): Promise<string> {
  await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(one.address() as AddressInfo).port}`;
}

function close(one: Server): void {
  one.close();
  one.closeAllConnections();
}

async function collect(read: typeof fetchText, path: string, headers = {}): Promise<string[]> {
  const pieces: string[] = [];
  await read(url + path, (text) => pieces.push(text), { headers });
  return pieces;
}

describe("the raw route", () => {
  // Words went out without `data:` and without blank lines.
  // No client of event streams dispatched any of them.
  it("sends each word as an event, its blank kept", async () => {
    const response = await fetch(`${url}/api/stream`, { method: "POST" });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    const events = await response.text();
    expect(events).toMatch(/^data: This \n\ndata: is \n\ndata: a \n\n/);
    expect(events).toMatch(/data: server\. \n\nevent: done\ndata: \{\}\n\n$/);
    expect((await collect(fetchStream, "/api/stream")).join("")).toBe(TEXT);
  });

  // The document's stream had no `cancel`: after a reader had left, the next `enqueue` threw.
  // The process saw an unhandled rejection for each reader that closed its tab.
  it("ends quietly when its reader leaves", async () => {
    const failures: unknown[] = [];
    const note = (reason: unknown): unknown => failures.push(reason);
    process.on("unhandledRejection", note);
    const response = await POST(new Request("http://site.test/api/stream", { method: "POST" }));
    const reader = response.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("data: This \n\n");
    await reader?.cancel();
    // The other stream takes longer than what is left of the first.
    await collect(fetchStream, "/api/stream");
    process.off("unhandledRejection", note);
    expect(failures).toEqual([]);
  });

  it("is stopped by an AbortController", async () => {
    const controller = new AbortController();
    const pieces: string[] = [];
    const reading = fetchStream(
      `${url}/api/stream`,
      (text) => {
        pieces.push(text);
        if (pieces.length === 2) controller.abort();
      },
      { signal: controller.signal },
    );
    await expect(reading).rejects.toThrow("abort");
    expect(pieces).toEqual(["This ", "is "]);
  });
});

describe("the same stream on Sluice", () => {
  const path = "/api/answers";

  it("is the same words, as events and as bare text", async () => {
    expect((await collect(fetchStream, path)).join("")).toBe(TEXT);
    expect((await collect(fetchText, path)).join("")).toBe(TEXT);
    const bare = await fetch(url + path, { method: "POST", headers: { accept: "text/plain" } });
    expect(bare.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await bare.text()).toBe(TEXT);
  });

  it("frames each word with an id, from which it resumes", async () => {
    const response = await fetch(url + path, { method: "POST" });
    const whole = await response.text();
    expect(whole).toMatch(/id: \d+\ndata: This \n\nid: \d+\ndata: is \n\n/);
    const id = /id: (\d+)\ndata: a \n/.exec(whole)?.[1] ?? "";
    const rest = await fetch(url + response.headers.get("location"), { headers: { "last-event-id": id } });
    expect(whole.endsWith((await rest.text()).replace(/^.*?\n\n.*?\n\n/s, ""))).toBe(true);
  });

  it("goes on when its reader leaves, and is whole for the one who comes back", async () => {
    const headers = { "idempotency-key": "one" };
    const controller = new AbortController();
    const reading = fetchStream(url + path, () => controller.abort(), { headers, signal: controller.signal });
    await expect(reading).rejects.toThrow("abort");
    expect((await collect(fetchStream, path, headers)).join("")).toBe(TEXT);
  });

  it("stops when it is told to, and keeps what there was", async () => {
    const headers = { "idempotency-key": "two" };
    const response = await fetch(url + path, { method: "POST", headers });
    const run = `${url}${path}/runs/${response.headers.get("sluice-run-id")}`;
    const words: string[] = [];
    let stopped: Promise<unknown> | undefined;
    await fetchStream(
      url + path,
      (word) => {
        words.push(word);
        stopped ??= stopRun(run);
      },
      { headers },
    );
    await stopped;
    expect(words.length).toBeLessThan(TEXT.trim().split(" ").length);
    expect(TEXT.startsWith(words.join(""))).toBe(true);
    const whole = await response.text();
    expect(whole).toMatch(/data: This \n.*event: done\nid: \d+\ndata: \{"finishReason":"abort"/s);
    expect(await (await fetch(url + path, { method: "POST", headers })).text()).toBe(whole);
  });
});

describe("the readers", () => {
  let origin: Server;
  let broken: string;
  beforeAll(async () => {
    origin = createServer(async (req, res) => {
      const bytes = Buffer.from(req.url === "/text" ? "Grüße 漢字 🚢" : "data: Grüße 漢字 🚢\n\n");
      res.writeHead(200);
      // One byte at a time, each in a write of its own, and then the connection breaks.
      for (const byte of bytes) await new Promise<void>((resolve) => res.write(Buffer.of(byte), () => resolve()));
      if (req.headers["x-break"] === undefined) res.end();
      else res.destroy();
    });
    broken = await listen(origin);
  });
  afterAll(() => close(origin));

  // `decode(value)` without `{stream: true}` made two U+FFFD of each character that two chunks shared.
  // Everybody who does not write English saw them.
  it("put characters together that the network has cut", async () => {
    let text = "";
    await fetchText(`${broken}/text`, (piece) => (text += piece));
    expect(text).toBe("Grüße 漢字 🚢");
  });

  // The document's reader looked at no status: what a server says of an error was shown as the answer.
  // Users read "Unauthorized", or a stack, in the chat.
  it("never take what a server says of an error for the answer", async () => {
    for (const read of [fetchText, fetchStream]) {
      await expect(collect(read, "/api/answers/runs/none/nothing")).rejects.toThrow("The server answered 404.");
    }
  });

  it("never take a broken answer for a whole one", async () => {
    let text = "";
    const note = (piece: string): unknown => (text += piece);
    await expect(fetchText(`${broken}/text`, note, { headers: { "x-break": "1" } })).rejects.toThrow("terminated");
    await expect(fetchStream(`${broken}/events`, note)).rejects.toThrow("not complete");
    expect(text).toContain("Grüße 漢字 🚢");
  });
});
