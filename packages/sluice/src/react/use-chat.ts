"use client";

import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import type { AskOptions, Chat, ChatFile, ChatInput, ChatOptions, ChatSnapshot } from "../client/chat/types.ts";
import { createChat } from "../client/index.ts";
import { useKeyed } from "./use-keyed.ts";
import { useLatest } from "./use-latest.ts";

/**
 * `url`, `threadId` and `dialect` say which chat it is: others of them are another chat. `headers`, `body` and the
 * callbacks are those of the last render; the rest is taken when the chat is made.
 */
export interface UseChatOptions extends ChatOptions {
  /** One that is there already: several components show it. Whoever made it closes it, and the other options are his. */
  readonly chat?: Chat;
}

export interface SubmitOptions extends AskOptions {
  readonly files?: readonly ChatFile[];
}

export interface UseChatResult extends Omit<ChatSnapshot, "error">, Pick<Chat, "stop" | "retry" | "setMessages"> {
  readonly error: ChatSnapshot["error"];
  /** The chat itself, for `useChat({ chat })` elsewhere. */
  readonly chat: Chat;
  /** Shows the question at once and asks it. False, and nothing happens, for an empty one and while an answer runs. */
  readonly send: (input: string | ChatInput, options?: AskOptions) => boolean;
  /** The AI SDK's name of `send`. */
  readonly sendMessage: (input: string | ChatInput, options?: AskOptions) => boolean;
  /** Asks the last question once more. */
  readonly regenerate: (options?: AskOptions) => void;
  /** An answer is on its way. */
  readonly isLoading: boolean;
  /** What stands in the field for the next question. */
  readonly input: string;
  readonly setInput: (input: string) => void;
  readonly handleInputChange: (event: { readonly target: { readonly value: string } }) => void;
  /** Sends the input, and empties it if that was taken. */
  readonly handleSubmit: (event?: { preventDefault?(): void }, options?: SubmitOptions) => void;
}

/**
 * A chat for a component. It is told of changes once a frame at most, whatever the rate of tokens. When the component
 * goes, its run goes on; the next page with the same thread shows it.
 */
export function useChat(options: UseChatOptions = {}): UseChatResult {
  const latest = useLatest(options);
  const { chat: given, url = "", threadId = "", dialect = "" } = options;
  const key = given ?? JSON.stringify([url, threadId, dialect]);
  const held = useKeyed(key, () => ({ chat: given ?? createChat(withLatest(options, latest)), users: 0 }));
  const { chat } = held;
  const snapshot = useSyncExternalStore(chat.subscribe, chat.getSnapshot, chat.getServerSnapshot);
  const [input, setInput] = useState("");

  useEffect(() => {
    if (held.chat === latest.current.chat) return;
    held.users += 1;
    return () => {
      held.users -= 1;
      // In StrictMode it is back at once, and would only have closed what it opens again.
      queueMicrotask(() => {
        if (held.users === 0) held.chat.close();
      });
    };
  }, [held, latest]);

  const send = useCallback(
    (question: string | ChatInput, ask?: AskOptions) => chat.send(question, withBody(ask, latest.current)),
    [chat, latest],
  );
  const regenerate = useCallback((ask?: AskOptions) => chat.regenerate(withBody(ask, latest.current)), [chat, latest]);
  const handleInputChange = useCallback<UseChatResult["handleInputChange"]>(({ target }) => setInput(target.value), []);
  const handleSubmit: UseChatResult["handleSubmit"] = (event, { files = [], ...ask } = {}) => {
    event?.preventDefault?.();
    if (send({ text: input, files }, ask)) setInput("");
  };

  return {
    ...snapshot,
    error: snapshot.error,
    isLoading: snapshot.status === "submitted" || snapshot.status === "streaming",
    chat,
    send,
    sendMessage: send,
    regenerate,
    stop: chat.stop,
    retry: chat.retry,
    setMessages: chat.setMessages,
    input,
    setInput,
    handleInputChange,
    handleSubmit,
  };
}

/** What may change from render to render is looked up when it is needed; the body goes with each question. */
function withLatest(options: UseChatOptions, latest: { readonly current: UseChatOptions }): ChatOptions {
  return {
    ...options,
    body: {},
    headers() {
      const { headers = {} } = latest.current;
      return typeof headers === "function" ? headers() : headers;
    },
    onEvent: (event) => latest.current.onEvent?.(event),
    onFinish: (message) => latest.current.onFinish?.(message),
    onError: (error) => latest.current.onError?.(error),
  };
}

/** Nothing else of what a caller hands on: a button gives its event. */
function withBody({ model, metadata, body: more }: AskOptions = {}, { chat, body: all }: UseChatOptions): AskOptions {
  const body = chat === undefined && all !== undefined ? { ...all, ...more } : more;
  return {
    ...(model === undefined ? {} : { model }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(body === undefined ? {} : { body }),
  };
}
