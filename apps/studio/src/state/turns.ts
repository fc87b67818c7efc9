import type { ChatAnswer, ChatMessage, ChatQuestion } from "sluice/client";

/** A question and what came back. */
export interface Turn {
  readonly key: string;
  readonly question?: ChatQuestion;
  readonly answers: readonly ChatAnswer[];
}

/** An answer belongs to the question before it. The key is the same for as long as the question is. */
export function turnsOf(messages: readonly ChatMessage[]): readonly Turn[] {
  const turns: { key: string; question?: ChatQuestion; answers: ChatAnswer[] }[] = [];
  for (const message of messages) {
    if (message.role !== "assistant") turns.push({ key: message.id, question: message, answers: [] });
    else if (turns.length === 0) turns.push({ key: message.id, answers: [message] });
    else turns.at(-1)?.answers.push(message);
  }
  return turns;
}

/** What a chat is called before the server has named it. */
export function titleFrom(text: string): string {
  const characters = Array.from(text.trim().split(/\s+/u).join(" "));
  if (characters.length === 0) return "New chat";
  return characters.length > 80 ? `${characters.slice(0, 79).join("")}…` : characters.join("");
}
