// Passes connections on to another port of this machine. It is a process of its own so that it can be killed: what
// stands behind it then sees what the death of the server itself would look like.
// Called with the port to listen on (0: any) and the port to connect to; sends the port when it listens.
import { connect, createServer } from "node:net";

const [port, target] = process.argv.slice(2).map(Number);

const server = createServer({ allowHalfOpen: true }, (client) => {
  const upstream = connect({ port: target ?? 0, host: "127.0.0.1", allowHalfOpen: true });
  client.pipe(upstream).pipe(client);
  for (const socket of [client, upstream]) {
    socket.setNoDelay(true);
    socket.on("error", () => {
      client.destroy();
      upstream.destroy();
    });
  }
});
server.listen(port, "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : undefined);
});
process.once("disconnect", () => process.exit());
