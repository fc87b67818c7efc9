"use client";

import { useCallback, useEffect, useSyncExternalStore } from "react";
import { coalesce, nextFrame } from "../client/chat/frames.ts";
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
  const conversation = useKeyed(JSON.stringify(options.socketConfig), (): SocketConversation => {
    const { scope: _scope, upstreamMode: _mode, ...lasting } = options; // those are told with each talk
    return createSocketConversation({ ...lasting, onControl: (control) => latest.current.onControl?.(control) });
  });
  const { getSnapshot, stopRecording, cancel } = conversation;
  const subscribe = useCallback((tell: () => void) => subscribeByFrame(conversation, tell), [conversation]);
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

/** Words may come as fast as a model makes them: they are told of with the next frame, and all else at once. */
function subscribeByFrame({ subscribe, getSnapshot }: SocketConversation, tell: () => void): () => void {
  let { transcripts } = getSnapshot();
  let open = true;
  const showing = coalesce(nextFrame, () => open && tell());
  const unsubscribe = subscribe(() => {
    const before = transcripts;
    ({ transcripts } = getSnapshot());
    // They change alone, but where a talk begins: then there are none.
    if (transcripts !== before && transcripts.length > 0) showing.request();
    else showing.flush();
  });
  return () => {
    open = false;
    unsubscribe();
  };
}
