// The server of @durable-streams with its file store, in a process of its own: `node durable-streams-child.mjs <directory>`.
import { answerCalls } from "./lib/child.mjs";
import { peer } from "./lib/peer.mjs";

const { DurableStreamTestServer } = await peer("@durable-streams/server");
const server = new DurableStreamTestServer({ port: 0, dataDir: process.argv[2], compression: false });
const url = await server.start();

answerCalls({ where: () => ({ url, pid: process.pid }) });
