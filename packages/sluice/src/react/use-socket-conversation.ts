"use client";

import { useCallback, useEffect, useSyncExternalStore } from "react";
import {
  createSocketConversation,
  type SocketConversation,
  type SocketConversationClientOptions,
  type SocketConversationState,
  type TalkOptions,
} from "../client/index.ts";
import { useKeyed } from "./use-keyed.ts";
import { useLatest } from "./use-latest.ts";

export interface UseSocketConversationResult extends SocketConversationState {
  /** To be called in a handler of a click or a key: browsers make no sound otherwise. */
  readonly startRecording: (options?: TalkOptions) => Promise<void>;
  readonly stopRecording: () => Promise<void>;
  /** Gives up what is recorded, answered or heard. */
  readonly cancel: () => void;
}

/**
 * A conversation by voice as long as the component is there: connected from its mount on, and with its unmount
 * microphone, sound and socket are off. Another `socketConfig` is another conversation; `scope` and `upstreamMode` are
 * those of the next talk.
 */
export function useSocketConversation(options: SocketConversationClientOptions = {}): UseSocketConversationResult {
  const latest = useLatest(options);
  const conversation = useKeyed(JSON.stringify(options.socketConfig), (): SocketConversation =>
    createSocketConversation({ ...options, onControl: (control) => latest.current.onControl?.(control) }),
  );
  const { subscribe, getSnapshot, stopRecording, cancel } = conversation;
  const state = useSyncExternalStore(subscribe, getSnapshot, getSnapshot);

  useEffect(() => {
    conversation.open();
    return () => conversation.close();
  }, [conversation]);

  const startRecording = useCallback(
    (talk?: TalkOptions) => {
      const { scope, upstreamMode } = latest.current;
      const usual = {
        ...(scope === undefined ? {} : { scope }),
        ...(upstreamMode === undefined ? {} : { upstreamMode }),
      };
      return conversation.startRecording({ ...usual, ...talk });
    },
    [conversation, latest],
  );

  return { ...state, startRecording, stopRecording, cancel };
}
