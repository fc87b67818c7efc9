// use-support.ts
import { useChat, type UseChatOptions } from "sluice/react";

export function useSupport(options?: UseChatOptions) {
  const { messages, send, status } = useChat({ body: { metadata: { team: "support" } }, ...options });
  return { ask: send, status, answer: messages.findLast(({ role }) => role === "assistant")?.content ?? "" };
}
