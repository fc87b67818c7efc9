// network.test.ts
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openEventStream, readMessage } from "sluice/client";
import { scriptedModel, startFaultProxy, tokenStream } from "sluice/testing";
import { expect, it } from "vitest";
import { createApp } from "./app.ts";

it("gives the whole answer over a network that breaks all the time", async () => {
  const said: string[] = [];
  const model = scriptedModel(async function* () {
    for await (const { text } of tokenStream({ count: 500, delayMs: 0, seed: 1 })) {
      said.push(text);
      yield text;
    }
  });
  const app = createApp(model);
  const server = createServer((req, res) => void app.handleNode(req, res));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const proxy = await startFaultProxy({
    target: { port: (server.address() as AddressInfo).port },
    plan: (connection) => (connection < 5 ? { cut: { afterBytes: 900 + 700 * connection, by: "reset" } } : undefined),
  });

  const stream = openEventStream(`${proxy.url}/stream?dialect=ai-sdk`, {
    headers: { "x-user": "alice" },
    body: { message: { content: "Go on" } },
    random: (bytes) => bytes.fill(0), // no waiting between attempts
  });
  let message;
  for await (message of readMessage(stream));

  expect(message).toMatchObject({ status: "finished", parts: [{ type: "text", text: said.join("") }] });
  expect(model.calls).toHaveLength(1);
  expect(proxy.connections).toBeGreaterThanOrEqual(5);
  await proxy.close();
  server.close();
  server.closeAllConnections();
});
