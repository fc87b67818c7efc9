import OpenAI from "openai";
import { createSluice } from "sluice/http";
import { auth } from "../../../../../../lib/auth.ts";
import { conversations } from "../../../../../../lib/conversations.ts";
import { limited } from "../../../../../../lib/limits.ts";

const openai = new OpenAI();
const sluice = createSluice({ authorize: auth });

/**
 * The document's chat stream (line 207) as a run: its ids resume, an EventSource that comes back never asks the model
 * again, and the tabs of one user follow the same answer.
 */
export async function GET(
  request: Request,
  { params }: { readonly params: Promise<{ readonly id: string }> },
): Promise<Response> {
  const owner = auth(request);
  if (owner === undefined) return new Response("Unauthorized", { status: 401 });
  const tooMany = await limited(owner, "call");
  if (tooMany) return tooMany;
  const { id } = await params;
  const conversation = conversations.get(id);
  if (conversation?.owner !== owner) return new Response("Not found", { status: 404 });

  const [runId, offset] = request.headers.get("last-event-id")?.split("~") ?? [];
  if (runId && offset) return sluice.resume(request, runId);

  // Whoever comes back has gone on above: that is no chat more.
  const tooManyChats = await limited(owner, "chat");
  if (tooManyChats) return tooManyChats;

  // Messages for context; what comes while the answer is made belongs to the next one.
  const messages = conversation.messages.map(({ role, content }) => ({ role, content }));
  const run = await sluice.startRun({ owner, requestId: `${id}:${messages.length}`, request: messages }, ({ signal }) =>
    openai.chat.completions.create({ model: "gpt-4", messages, stream: true }, { signal }),
  );
  return run.toResponse(request, { qualifiedIds: true });
}
