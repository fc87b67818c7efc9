import { createServer, type Server } from "node:http";
import { createSluice, requestOf } from "sluice/http";
import { userOf } from "./auth.ts";

const sluice = createSluice({ authorize: userOf });

export const server: Server = createServer(async (req, res) => {
  if (req.url !== "/ask") return sluice.handleNode(req, res);
  const run = await sluice.startRun({ owner: userOf(requestOf(req)) }, async function* ({ signal }) {
    yield { type: "data-progress", data: { step: "thinking" } };
    yield { type: "text-start", id: "t" };
    for (let left = 3; left > 0 && !signal.aborted; left -= 1) yield { type: "text-delta", id: "t", delta: `${left} ` };
    yield { type: "text-end", id: "t" };
  });
  return run.pipeToNode(req, res);
});
