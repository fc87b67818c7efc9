import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** What stands before several gateways: a TCP balancer that takes them in turns and leaves out those that are dead. */
export interface Balancer {
  readonly port: number;
  readonly url: string;
  /** Connections since the targets were set. */
  readonly connections: number;
  /** In turns, from the first on; a connection that is refused goes to the next. */
  setTargets(ports: readonly number[]): void;
  close(): Promise<void>;
}

export async function startBalancer(ports: readonly number[] = []): Promise<Balancer> {
  let targets = ports;
  let turn = 0;
  const sockets = new Set<Socket>();

  const server = createServer({ allowHalfOpen: true }, (client) => {
    keep(client);
    const first = turn;
    turn += 1;
    const order = targets.map((_, index) => targets[(first + index) % targets.length] ?? 0);
    void pass(client, order);
  });

  function keep(socket: Socket): void {
    sockets.add(socket);
    socket.on("error", () => {}); // both ends are told by `close`
    socket.once("close", () => sockets.delete(socket));
  }

  async function pass(client: Socket, order: readonly number[]): Promise<void> {
    for (const port of order) {
      const upstream = await reach(port);
      if (!upstream) continue;
      keep(upstream);
      // Whatever ends one side that way ends the other: a reset stays a reset.
      client.once("close", () => upstream.destroy());
      upstream.once("close", () => client.destroy());
      upstream.once("error", () => client.resetAndDestroy());
      if (client.destroyed) upstream.destroy();
      client.pipe(upstream).pipe(client);
      return;
    }
    client.resetAndDestroy();
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get connections() {
      return turn;
    },
    setTargets(next) {
      targets = next;
      turn = 0;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function reach(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(undefined));
  });
}
