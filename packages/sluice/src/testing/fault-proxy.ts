import { createServer, connect, type AddressInfo, type Socket } from "node:net";
import { sleep, systemClock, type Clock } from "../base/clock.ts";
import { heldBack, type Buffering } from "./held-back.ts";

/** What goes wrong on one connection. All of it concerns the response; requests always arrive. */
export interface Fault {
  readonly cut?: Cut;
  /** Sizes of the pieces that are written one by one; called for each. The receiver may still see them joined. */
  readonly pieceSize?: () => number;
  /** Before each piece. */
  readonly delayMs?: number;
  /** Once so many bytes have gone through nothing more does, for so long. */
  readonly stall?: { readonly afterBytes: number; readonly ms: number };
  /** As a proxy does that was not told to stream: what it holds back comes late, and in large pieces. */
  readonly buffer?: Buffering;
}

/**
 * Once so many bytes of the response have gone through: an RST; a FIN, as a server sends that is done; or nothing
 * more at all on a connection that stays open. Bytes are counted from the status line on; with 0 it happens when the
 * server has begun to answer.
 */
export interface Cut {
  readonly afterBytes: number;
  readonly by: "reset" | "fin" | "silence";
}

/** Asked once for each connection; they are counted from 0. */
export type FaultPlan = (connection: number) => Fault | undefined;

export interface FaultProxyOptions {
  readonly target: { readonly port: number; readonly host?: string };
  readonly plan?: FaultPlan;
  readonly clock?: Clock;
}

export interface FaultProxy {
  readonly port: number;
  readonly url: string;
  /** All that came since the start. */
  readonly connections: number;
  readonly open: number;
  /** Of requests and of responses, as passed on. */
  readonly bytes: Readonly<Bytes>;
  /** For the connections from now on. */
  setPlan(plan: FaultPlan): void;
  /**
   * Every connection that is open, now. By default with an RST, as a crash does; `silence` lets nothing through any more
   * in either direction, as a network does that has forgotten them, or a laptop that slept.
   */
  cutAll(by?: Cut["by"]): void;
  close(): Promise<void>;
}

interface Bytes {
  up: number;
  down: number;
}

/** A TCP proxy on a free port of 127.0.0.1, whose connections break as planned. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { target, clock = systemClock } = options;
  let { plan = () => undefined } = options;
  let connections = 0;
  const bytes: Bytes = { up: 0, down: 0 };
  const pairs = new Set<Pair>();

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const fault = plan(connections) ?? {};
    connections += 1;
    const upstream = connect({ port: target.port, host: target.host ?? "127.0.0.1", allowHalfOpen: true });
    const pair = join(client, upstream);
    pairs.add(pair);
    void pair.closed.then(() => pairs.delete(pair));
    void passUp(pair, bytes);
    void passDown(pair, fault, clock, bytes);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  // A TCP server that listens has such an address.
  const { port } = server.address() as AddressInfo;

  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get connections() {
      return connections;
    },
    get open() {
      return pairs.size;
    },
    bytes,
    setPlan(next) {
      plan = next;
    },
    cutAll(by = "reset") {
      for (const pair of pairs) {
        pair.broken = true;
        void breakDown(pair, { by });
      }
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const pair of pairs) pair.reset();
      await Promise.all([closed, ...[...pairs].map((pair) => pair.closed)]);
    },
  };
}

/** The two sides of a connection. They end together. */
interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  /** Fires when the client is gone. */
  readonly left: AbortSignal;
  readonly closed: Promise<unknown>;
  /** Nothing passes any more. */
  broken: boolean;
  reset(): void;
}

function join(client: Socket, upstream: Socket): Pair {
  const left = new AbortController();
  for (const socket of [client, upstream]) {
    socket.setNoDelay(true);
    socket.on("error", () => {}); // the loops that read and write see it too
  }
  const closed = Promise.all([client, upstream].map((socket) => new Promise((done) => socket.once("close", done))));
  client.once("close", () => {
    left.abort();
    upstream.destroy();
  });
  const reset = (): void => {
    // Node cannot reset what is half closed, and then never says "close".
    if (client.readyState === "open") client.resetAndDestroy();
    else client.destroy();
  };
  return { client, upstream, left: left.signal, closed, broken: false, reset };
}

async function passUp(pair: Pair, bytes: Bytes): Promise<void> {
  const { client, upstream } = pair;
  try {
    for await (const data of read(client)) {
      if (pair.broken) continue;
      await write(upstream, data);
      bytes.up += data.byteLength;
    }
    upstream.end();
  } catch {
    upstream.destroy();
  }
}

async function passDown(pair: Pair, fault: Fault, clock: Clock, bytes: Bytes): Promise<void> {
  const { client, upstream, left } = pair;
  const { cut, stall, delayMs, buffer } = fault;
  const chunks = buffer ? heldBack(read(upstream), buffer, clock) : read(upstream);
  let passed = 0;
  let stalled = false;
  const stallOnce = async (): Promise<void> => {
    if (stall === undefined || stalled || passed < stall.afterBytes) return;
    stalled = true;
    await sleep(clock, stall.ms, left);
  };
  try {
    for await (const piece of pieces(chunks, fault)) {
      if (pair.broken) continue;
      if (cut?.afterBytes === 0) return await breakDown(pair, cut);
      await stallOnce();
      if (delayMs !== undefined) await sleep(clock, delayMs, left);
      if (pair.broken) continue; // while it waited
      await write(client, piece);
      passed += piece.byteLength;
      bytes.down += piece.byteLength;
      if (cut !== undefined && passed >= cut.afterBytes) return await breakDown(pair, cut);
      await stallOnce();
    }
    if (!pair.broken) client.end();
  } catch {
    if (!pair.broken) pair.reset();
  }
}

/** Of the planned sizes, and with a border wherever something is to happen. */
async function* pieces(chunks: AsyncIterable<Buffer>, { pieceSize, cut, stall }: Fault): AsyncGenerator<Buffer> {
  let passed = 0;
  for await (const chunk of chunks) {
    for (let rest = chunk; rest.byteLength > 0;) {
      const size = Math.min(pieceSize?.() ?? Infinity, bytesUntil(cut, passed), bytesUntil(stall, passed));
      const piece = rest.subarray(0, Math.max(1, size));
      rest = rest.subarray(piece.byteLength);
      passed += piece.byteLength;
      yield piece;
    }
  }
}

function bytesUntil(stop: { readonly afterBytes: number } | undefined, passed: number): number {
  return stop !== undefined && stop.afterBytes > passed ? stop.afterBytes - passed : Infinity;
}

async function breakDown({ client, upstream, reset }: Pair, { by }: Pick<Cut, "by">): Promise<void> {
  switch (by) {
    case "reset":
      // Node reports an RST as a clean end when it finds one together with the bytes before it (libuv, uv__stream_io).
      // In two turns of the event loop a client in this process has read them.
      await turn();
      await turn();
      reset();
      return;
    case "fin":
      client.end();
      upstream.destroy();
      return;
    case "silence":
      // A client that is done is let go of.
      if (client.readableEnded) client.destroy();
      else client.once("end", () => client.destroy());
  }
}

// The loop's end is the end of one direction only, so it must not destroy the socket.
function read(socket: Socket): AsyncIterable<Buffer> {
  return socket.iterator({ destroyOnReturn: false });
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Resolves when the system has taken the bytes. */
function write(socket: Socket, data: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(data, (error) => (error ? reject(error) : resolve()));
  });
}
