import type { ChatAnswer, ChatSnapshot } from "sluice/client";

/** In a word, for the status line that screen readers follow. */
export function statusWords({ status, messages }: Pick<ChatSnapshot, "status" | "messages">): string {
  const last = messages.at(-1);
  if (last === undefined) return "";
  switch (status) {
    case "submitted":
    case "streaming":
      return "Answering";
    case "ready":
      if (last.role !== "assistant") return "";
      return last.status === "aborted" ? "Answer ended early" : "Answer complete";
    case "error":
      return "The answer failed";
  }
}

const READ_OUT = 600;

// A sign for times stands between spaces, and a name may have a dash below the line in it: those are words.
const MARKS = /[`|]+|(?<![\s*])\*+|(?<!\*)\*+(?![\s*])|(?<![\p{L}\p{N}_])_+|(?<!_)_+(?![\p{L}\p{N}_])/gu;

/** The answer as it is read out when it is whole: all of a short one, the beginning of a long one. */
export function spokenAnswer({ content }: Pick<ChatAnswer, "content">): string {
  const text = content
    .replaceAll(/```[^\n]*\n[\s\S]*?(?:```|$)/gu, " (code) ")
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/gu, "$1")
    .replaceAll(/^\s*(?:#{1,6}|>|[-*+]|\d+\.)\s+/gmu, "")
    .replaceAll(/^[ \t]*(?:(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$/gmu, "")
    .replaceAll(MARKS, "")
    .replaceAll(/\s+/gu, " ")
    .trim();
  if (text.length <= READ_OUT) return text;
  const cut = text.slice(0, READ_OUT);
  const end = Math.max(cut.lastIndexOf(". "), cut.lastIndexOf("? "), cut.lastIndexOf("! "));
  const said = end > READ_OUT / 2 ? cut.slice(0, end + 1) : `${cut.slice(0, Math.max(cut.lastIndexOf(" "), 1))}…`;
  const words = text.slice(said.length).split(" ").filter(Boolean).length;
  return `${said} And ${words} more words.`;
}
