import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createSluice, type Sluice, type SluiceOptions } from "../../src/http/index.ts";
import { createMemoryLog, type LogStore } from "../../src/log/index.ts";
import { createManualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import { ask, createValve, hold, turn, until, type LogLine, type Valve } from "./support.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Place {
  readonly sluice: Sluice;
  readonly lines: LogLine[];
  readonly port: number;
  readonly url: string;
}

/** @param before who has the response first, as a middleware has; true when the request is none of ours */
async function place(
  options: Partial<SluiceOptions>,
  before: (req: IncomingMessage, res: ServerResponse) => unknown,
): Promise<Place> {
  const lines: LogLine[] = [];
  const sluice = createSluice({
    authorize: () => "alice",
    load: () => 0,
    log: (level, message, fields) => lines.push({ level, message, fields }),
    ...options,
  });
  const server = createServer((req, res) => {
    if (before(req, res) !== true) void sluice.handleNode(req, res);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => (server.closeAllConnections(), server.close()));
  const { port } = server.address() as AddressInfo;
  return { sluice, lines, port, url: `http://127.0.0.1:${port}` };
}

const turns = async (count: number): Promise<void> => {
  for (let left = count; left > 0; left -= 1) await turn();
};

/** As memory, but as if others were there. */
function cluster(): LogStore {
  return new Proxy(createMemoryLog(), {
    get(target, name) {
      const value: unknown = name === "reach" ? "cluster" : Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("a response that somebody else has ended", () => {
  // The end of a run was written to the socket behind the end of the response, and the socket stayed corked.
  // The next answer of a client that is slow and takes gzip began with ten bytes that were not its own.
  // In a drain such a connection was broken off, with the next answer on it.
  const happens: Readonly<
    Record<string, (site: { sluice: Sluice; valve: Valve; clock: ManualClock }) => Promise<unknown> | void>
  > = {
    "the run ends": ({ valve }) => valve.end(),
    "its reader is sent elsewhere": ({ sluice, valve }) => {
      const drained = sluice.drain(new AbortController().signal);
      valve.end();
      return drained;
    },
    "a heartbeat is due": ({ clock }) => clock.advance(15_000),
  };
  for (const [what, happen] of Object.entries(happens)) {
    it.each(["gzip", "identity"])(`is let be when ${what} before it is all sent, %s`, async (encoding) => {
      const valve = createValve();
      const clock = createManualClock();
      const released: string[] = [];
      let response: ServerResponse | undefined;
      const admit = () => () => void released.push("released");
      const { sluice, lines, port } = await place(
        { answer: valve.answer, compression: true, admit, clock, store: cluster() },
        (req, res) => {
          if (req.url === "/next") return (res.write("mo"), res.end("re"), true);
          response = res;
        },
      );
      const socket = connect(port, "127.0.0.1");
      closing.push(() => socket.destroy());
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
      const body = JSON.stringify({ message: { content: "x" } });
      const head = `Host: x\r\nAccept-Encoding: ${encoding}\r\nContent-Type: application/json`;
      socket.write(`POST /stream HTTP/1.1\r\n${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      await until(() => text.includes("\r\n\r\n"));
      await turns(20);
      const letGo = hold(response!.socket!);
      response!.end();
      await happen({ sluice, valve, clock });
      await until(() => released.length > 0);
      await turns(20);
      letGo();
      socket.write("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
      await until(() => text.endsWith("2\r\nmo\r\n2\r\nre\r\n0\r\n\r\n"));
      expect(text.split("\r\n0\r\n\r\n").map((answer) => answer.startsWith("HTTP/1.1 200"))).toEqual([
        true,
        true,
        false,
      ]);
      expect(released).toEqual(["released"]);
      expect(lines.map(({ fields }) => fields["code"])).toEqual(["reader-left"]);
      valve.end();
    });
  }
});

describe("a connection that is full with a heartbeat", () => {
  // Only what came of the run was looked at: nobody counted the time of a reader whom a comment had filled up.
  // One who took nothing any more kept its place for ever, and was sent nothing when there was more.
  it("is broken off after stallMs, like any other", async () => {
    const clock = createManualClock();
    const valve = createValve();
    const { lines, url } = await place({ answer: valve.answer, clock, stallMs: 5_000, maxReaders: 1 }, (_req, res) => {
      const write = res.write.bind(res);
      res.write = (chunk: Uint8Array) => write(chunk) && Buffer.from(chunk).toString() !== ":\n\n";
    });
    const response = await fetch(`${url}/stream`, ask("x"));
    await clock.advance(15_000);
    expect(lines).toEqual([]);
    await clock.advance(5_000);
    await expect(response.text()).rejects.toThrow("terminated");
    expect(lines.map(({ fields }) => fields["code"])).toEqual(["reader/stalled"]);
    expect((await fetch(`${url}/stream`, ask("y"))).status).toBe(200);
    valve.end();
  });
});

describe("a response whose write throws in a drain", () => {
  // What it threw came out of `drain`, and all readers after it were left out.
  // A deploy ended with a rejection, and their clients were not sent to another node.
  it("is broken off, and the others are sent elsewhere", async () => {
    const valve = createValve();
    const store = cluster();
    let broken = false;
    const { sluice, url } = await place({ answer: valve.answer, store }, (req, res) => {
      if (req.headers["x-wrapped"] === undefined) return;
      const write = res.write.bind(res);
      res.write = (chunk: Uint8Array) => {
        if (broken) throw new Error("no write");
        return write(chunk);
      };
    });
    const question = ask("x", { requestId: "r" });
    const wrapped = await fetch(`${url}/stream`, { ...question, headers: { ...question.headers, "x-wrapped": "1" } });
    const plain = await fetch(`${url}/stream`, question);
    const pieces = plain.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("event: typing")) text += (await pieces.read()).value;
    broken = true;
    const drained = sluice.drain(new AbortController().signal);
    await expect(wrapped.text()).rejects.toThrow("terminated");
    while (!text.endsWith("retry: 250\n\n")) text += (await pieces.read()).value;
    valve.end();
    await expect(drained).resolves.toBeUndefined();
  });
});

describe("cookies", () => {
  // Those that `authorize` gives were set in the place of what a middleware had set before.
  // People lost the cookie of their session, or what guards their forms, when they asked their first question.
  it("of a middleware stay beside those of the owner", async () => {
    const { url } = await place(
      { authorize: () => ({ owner: "alice", headers: { "set-cookie": "owner=1" } }) },
      (_req, res) => void res.setHeader("Set-Cookie", ["a=1", "b=2"]),
    );
    for (const path of ["/runs", "/runs/none"]) {
      const response = await fetch(url + path);
      const cookies = path === "/runs" ? ["a=1", "b=2", "owner=1"] : ["a=1", "b=2"];
      expect(response.headers.getSetCookie()).toEqual(cookies);
    }
  });
});
