"use client";

import { useCallback, useRef, useState, type RefCallback } from "react";
import { stickToEnd, type StickToEnd } from "./stick-to-end.ts";

export interface AutoScroll {
  /** For the element that scrolls. */
  readonly ref: RefCallback<HTMLElement>;
  /** The end is kept in view. False once the reader has scrolled up, until he is at the end again. */
  readonly isAtBottom: boolean;
  /** Back to the end, and stays there. */
  readonly scrollToBottom: (options?: { readonly behavior?: ScrollBehavior }) => void;
}

/** Keeps the end of what grows in view, as long as the reader is there. */
export function useAutoScroll(): AutoScroll {
  const stuck = useRef<StickToEnd | undefined>(undefined);
  const [isAtBottom, setIsAtBottom] = useState(true);
  const ref = useCallback((box: HTMLElement | null): void => {
    stuck.current?.release();
    stuck.current = box === null ? undefined : stickToEnd(box, setIsAtBottom);
  }, []);
  const scrollToBottom = useCallback((options: { readonly behavior?: ScrollBehavior } = {}): void => {
    stuck.current?.goToEnd(options.behavior);
  }, []);
  return { ref, isAtBottom, scrollToBottom };
}
