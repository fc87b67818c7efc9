export interface StickToEnd {
  /** Brings the end into view, and keeps it there. */
  goToEnd(): void;
  end(): void;
}

/** Rounding and the bounce of touch screens make "at the end" a few pixels wide. */
const NEAR_PX = 40;

/**
 * Keeps the end of growing content in view for a reader who is there, and leaves alone one who has scrolled up.
 * @param onChange whether the end is in view, each time that may have changed
 */
export function stickToEnd(box: HTMLElement, content: Element, onChange: (atEnd: boolean) => void): StickToEnd {
  let sticks = true;
  let lastTop = box.scrollTop;

  const goToEnd = (): void => {
    sticks = true;
    box.scrollTop = box.scrollHeight;
    onChange(true);
  };
  const onScroll = (): void => {
    const near = box.scrollHeight - box.scrollTop - box.clientHeight <= NEAR_PX;
    // Content that grows between two frames takes nobody away from the end: only going up does.
    if (near) sticks = true;
    else if (box.scrollTop < lastTop) sticks = false;
    lastTop = box.scrollTop;
    onChange(sticks);
  };
  const observer = new ResizeObserver(() => (sticks ? goToEnd() : onScroll()));
  observer.observe(content);
  observer.observe(box);
  box.addEventListener("scroll", onScroll, { passive: true });
  return {
    goToEnd,
    end() {
      observer.disconnect();
      box.removeEventListener("scroll", onScroll);
    },
  };
}
