import { convertToModelMessages, streamText, type LanguageModel, type UIMessage } from "ai";
import { createSluice } from "sluice/http";
import { userOf } from "./auth.ts";

const sluice = createSluice({ basePath: "/api/chat", authorize: userOf });

interface Body {
  /** One per answer asked for, from `prepareSendMessagesRequest`. The id of the chat is not one. */
  readonly requestId?: string;
  readonly messages: UIMessage[];
}

/** What the AI SDK streams is a source too: its message survives the reload. */
export function createRoute(model: LanguageModel): (request: Request) => Promise<Response> {
  return async (request) => {
    const { requestId, messages } = (await request.json()) as Body;
    const run = await sluice.startRun({ owner: userOf(request), requestId, request: messages }, async ({ signal }) =>
      streamText({ model, messages: await convertToModelMessages(messages), abortSignal: signal }).toUIMessageStream(),
    );
    return run.toResponse(request, { dialect: "ai-sdk" });
  };
}
