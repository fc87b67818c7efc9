import { answerText, type Turn } from "./chat.ts";

/** What `POST /stream` is sent for a question. The history travels along: it beats the one that the server keeps. */
export function turnBody(threadId: string, history: readonly Turn[], turn: Pick<Turn, "requestId" | "question">): string {
  const messages = history.flatMap(({ question, answer }) => {
    const text = answerText(answer);
    return [{ role: "user", content: question }, ...(text === "" ? [] : [{ role: "assistant", content: text }])];
  });
  messages.push({ role: "user", content: turn.question });
  return JSON.stringify({ requestId: turn.requestId, threadId, messages });
}
