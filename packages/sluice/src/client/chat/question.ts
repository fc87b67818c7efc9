import type { AskOptions, ChatFile, ChatInput, ChatMessage, ChatQuestion } from "./types.ts";

/** What a person said, as a message; undefined for nothing. */
export function createQuestion(input: string | ChatInput, requestId: string): ChatQuestion | undefined {
  const { text, files = [] } = typeof input === "string" ? { text: input } : input;
  const content = text.trim();
  if (content === "" && files.length === 0) return undefined;
  const said = content === "" ? [] : [{ type: "text" as const, text: content, state: "done" as const }];
  const attached = files.map((file) => ({ type: "file" as const, ...file }));
  return { id: requestId, role: "user", parts: [...said, ...attached], content, requestId, status: "pending" };
}

export interface Posted {
  readonly requestId: string;
  readonly threadId: string;
  /** Fields of every request of this chat. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly ask: AskOptions;
  /** It takes the place of an earlier asking. */
  readonly again: boolean;
}

/**
 * The body of the POST. What was said before travels along: it beats the history that the server keeps, and tells a
 * question that is asked again from a new one. A page that knows of nothing leaves the history to the server.
 */
export function bodyOf(history: readonly ChatMessage[], question: ChatQuestion, posted: Posted): object {
  const { requestId, threadId, body, ask, again } = posted;
  const { model, metadata, body: more } = ask;
  return {
    ...body,
    ...more,
    ...(model === undefined ? {} : { model }),
    ...(metadata === undefined ? {} : { metadata }),
    requestId,
    threadId,
    ...said(history, question, again),
  };
}

function said(history: readonly ChatMessage[], question: ChatQuestion, again: boolean): object {
  const last = wordsOf(question);
  const { role: _user, ...message } = last;
  if (history.length === 0 && !again) return { message };
  return { messages: [...history.map(wordsOf).filter((words) => "parts" in words || words.content !== ""), last] };
}

type Words =
  | { readonly role: ChatMessage["role"]; readonly content: string }
  | { readonly role: ChatMessage["role"]; readonly parts: readonly object[] };

/** Without reasoning and tools. Files are sent as parts, which only questions have. */
function wordsOf({ role, parts, content }: ChatMessage): Words {
  const files = role === "assistant" ? [] : parts.filter((part) => part.type === "file");
  if (files.length === 0) return { role, content };
  return { role, parts: [...(content === "" ? [] : [{ type: "text", text: content }]), ...files.map(fileOf)] };
}

function fileOf(file: ChatFile): object {
  const { url, mediaType, filename } = file;
  return { type: "file", url, mediaType, ...(filename === undefined ? {} : { filename }) };
}
