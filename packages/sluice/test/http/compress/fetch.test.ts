import { createServer, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createBrotliContext, createGzipContext, type Context } from "../../../src/http/compress/context.ts";
import {
  DICTIONARY_BYTES,
  EMPTY_SUM,
  addToSum,
  deflateBlock,
  gzipHeader,
  gzipTrailer,
} from "../../../src/http/compress/gzip.ts";
import { frames } from "./support.ts";

/** Sends the next frame only when the client has the one before: what is not decoded at once never arrives. */
const senders: Readonly<Record<string, readonly [encoding: string, create: () => Pick<Context, "push" | "end">]>> = {
  "stateless gzip": ["gzip", createStateless],
  "a kept gzip context": ["gzip", createGzipContext],
  "a kept brotli context": ["br", createBrotliContext],
};

let responses: ServerResponse[] = [];
let encoding = "";
const server = createServer((_, response) => {
  response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": encoding });
  response.flushHeaders();
  responses.push(response);
});

beforeEach(async () => {
  responses = [];
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

describe("an answer on a socket", () => {
  it.each(Object.keys(senders))("is read by fetch frame by frame: %s", async (name) => {
    const sender = open(name);
    const response = await fetch(url());
    const reader = response.body!.getReader();
    let got = Buffer.alloc(0);
    let sent = 0;
    for (const frame of frames(60)) {
      responses[0]!.write(sender.push(frame));
      sent += frame.byteLength;
      while (got.byteLength < sent) {
        const { value } = await reader.read();
        got = Buffer.concat([got, value!]);
      }
    }
    responses[0]!.end(sender.end());
    expect(await reader.read()).toEqual({ done: true, value: undefined });
    expect(got.equals(Buffer.concat(frames(60)))).toBe(true);
  });

  it("that is broken off fails a client that checks the trailer", async () => {
    const sender = open("stateless gzip");
    const incoming = request(url()).end();
    const [message] = (await once(incoming, "response")) as [NodeJS.ReadableStream];
    responses[0]!.end(Buffer.concat(frames(5).map((frame) => sender.push(frame))));
    const { createGunzip } = await import("node:zlib");
    const gunzip = message.pipe(createGunzip());
    await expect(
      (async () => {
        for await (const _ of gunzip);
      })(),
    ).rejects.toThrow("unexpected end of file");
  });
});

function url(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function open(name: string): Pick<Context, "push" | "end"> {
  const [coding, create] = senders[name]!;
  encoding = coding;
  return create();
}

/** As a server uses it, except that a server has the bytes in its log. */
function createStateless(): Pick<Context, "push" | "end"> {
  let sum = EMPTY_SUM;
  let sent = Buffer.alloc(0);
  return {
    push(bytes) {
      const block = deflateBlock(bytes, sent.subarray(-DICTIONARY_BYTES));
      const out = sum.length === 0 ? Buffer.concat([gzipHeader(), block]) : block;
      sum = addToSum(sum, bytes);
      sent = Buffer.concat([sent, bytes]);
      return out;
    },
    end: () => gzipTrailer(sum),
  };
}
