import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";

/** Rounding and the bounce of touch screens make "at the end" a few pixels wide. */
const NEAR_PX = 40;

export interface StickToEnd {
  readonly atEnd: boolean;
  readonly goToEnd: () => void;
}

/**
 * Keeps the end of growing content in view for a reader who is there, and leaves alone one who has scrolled up.
 * @param key brings the end into view whenever it changes
 */
export function useStickToEnd(
  scroller: RefObject<HTMLElement | null>,
  content: RefObject<HTMLElement | null>,
  key: string | undefined,
): StickToEnd {
  const [atEnd, setAtEnd] = useState(true);
  const sticks = useRef(true);

  const goToEnd = useCallback(() => {
    sticks.current = true;
    setAtEnd(true);
    const box = scroller.current;
    if (box) box.scrollTop = box.scrollHeight;
  }, [scroller]);

  useLayoutEffect(goToEnd, [goToEnd, key]);

  useEffect(() => {
    const box = scroller.current;
    if (box === null || content.current === null) return undefined;
    let lastTop = box.scrollTop;
    const onScroll = (): void => {
      const near = box.scrollHeight - box.scrollTop - box.clientHeight <= NEAR_PX;
      // Content that grows between two frames takes nobody away from the end: only going up does.
      if (near) sticks.current = true;
      else if (box.scrollTop < lastTop) sticks.current = false;
      lastTop = box.scrollTop;
      setAtEnd(sticks.current);
    };
    const onResize = (): void => {
      if (sticks.current) box.scrollTop = box.scrollHeight;
      else onScroll();
    };
    const observer = new ResizeObserver(onResize);
    observer.observe(content.current);
    observer.observe(box);
    box.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      box.removeEventListener("scroll", onScroll);
    };
  }, [scroller, content]);

  return { atEnd, goToEnd };
}
