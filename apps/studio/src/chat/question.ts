import type { Message } from "sluice/chat";

/** The body of `POST /stream`. */
export interface Question {
  readonly requestId: string;
  readonly threadId: string;
  readonly messages: readonly { readonly role: "user" | "assistant"; readonly content: string }[];
}

/** What was said before travels along: it beats the history that the server keeps. */
export interface Exchange {
  readonly question: string;
  readonly answer?: Message;
}

export function createQuestion(
  key: { readonly requestId: string; readonly threadId: string },
  history: readonly Exchange[],
  question: string,
): Question {
  const messages = history.flatMap((exchange) => [
    { role: "user" as const, content: exchange.question },
    { role: "assistant" as const, content: answerText(exchange.answer) },
  ]);
  return { ...key, messages: [...messages, { role: "user" as const, content: question }].filter(hasContent) };
}

/** What was said, without reasoning and tools. */
export function answerText(answer: Message | undefined): string {
  const texts = (answer?.parts ?? []).map((part) => (part.type === "text" ? part.text : ""));
  return texts.filter((text) => text !== "").join("\n\n");
}

function hasContent({ content }: { readonly content: string }): boolean {
  return content !== "";
}
