import { Hono } from "hono";
import { createSluice } from "sluice/http";
import { userOf } from "./auth.ts";

const sluice = createSluice({ basePath: "/api/chat", authorize: userOf });

export const app = new Hono();

app.post("/api/chat", async (c) => {
  const { requestId, prompt } = await c.req.json();
  const run = await sluice.startRun({ owner: userOf(c.req.raw), requestId, request: prompt }, () => think(prompt));
  return run.toResponse(c.req.raw);
});

app.get("/api/chat/:id", (c) => sluice.resume(c.req.raw, c.req.param("id")));
app.post("/api/chat/:id/stop", (c) => sluice.stop(c.req.raw, c.req.param("id")));

/** Anything that yields text is a source. */
async function* think(prompt: string): AsyncGenerator<string> {
  for (const word of `You said: ${prompt}`.split(/(?<= )/)) yield word;
}
