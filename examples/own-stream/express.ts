import express, { type Express } from "express";
import OpenAI from "openai";
import { createSluice, requestOf } from "sluice/http";
import { userOf } from "./auth.ts";

const openai = new OpenAI();
const sluice = createSluice({ basePath: "/api/chat", authorize: userOf });

export const app: Express = express();
app.use(express.json());

app.post("/api/chat", async (req, res) => {
  const { requestId, messages } = req.body;
  const run = await sluice.startRun({ owner: userOf(requestOf(req)), requestId, request: messages }, ({ signal }) =>
    openai.chat.completions.create({ model: "gpt-4o-mini", messages, stream: true }, { signal }),
  );
  await run.pipeToNode(req, res);
});

// GET /api/chat/runs/<id>/events resumes, POST /api/chat/runs/<id>/stop stops.
app.use("/api/chat", (req, res) => sluice.handleNode(req, res));
