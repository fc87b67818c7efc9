// app/api/chat/[[...path]]/route.ts
import OpenAI from "openai";
import { createSluice } from "sluice/http";
import { userOf } from "./auth.ts";

const openai = new OpenAI();
const sluice = createSluice({ basePath: "/api/chat", authorize: userOf });

export async function POST(request: Request): Promise<Response> {
  if (request.url.includes("/runs/")) return sluice.handle(request); // POST /api/chat/runs/<id>/stop
  const { requestId, messages } = await request.json();
  const run = await sluice.startRun({ owner: userOf(request), requestId, request: messages }, ({ signal }) =>
    openai.chat.completions.create({ model: "gpt-4o-mini", messages, stream: true }, { signal }),
  );
  return run.toResponse(request, { dialect: "ai-sdk" });
}

export const GET = sluice.handle; // GET /api/chat/runs/<id>/events resumes
