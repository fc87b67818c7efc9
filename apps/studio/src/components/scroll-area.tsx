import { useEffect, useRef, useState, type ReactNode, type RefObject } from "react";

interface ScrollAreaProps {
  readonly className: string;
  /** Heard by who comes there with a keyboard. */
  readonly label: string;
  readonly children: ReactNode;
}

/**
 * A box that scrolls sideways in itself, so that the page does not. The keyboard stops there only while there is
 * something to scroll.
 */
export function ScrollArea({ className, label, children }: ScrollAreaProps): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const scrolls = useOverflow(box);
  return (
    <div
      className={`scroll-area ${className}`}
      ref={box}
      {...(scrolls && { role: "region", "aria-label": label, tabIndex: 0 })}
    >
      {children}
    </div>
  );
}

/** Whether the box's content is wider than the box, as both grow and shrink. */
export function useOverflow(box: RefObject<HTMLElement | null>): boolean {
  const [overflows, setOverflows] = useState(false);
  useEffect(() => {
    const element = box.current;
    const content = element?.firstElementChild;
    if (element === null || !content) return undefined;
    const observer = new ResizeObserver(() => setOverflows(element.scrollWidth > element.clientWidth + 1));
    observer.observe(element);
    observer.observe(content);
    return () => observer.disconnect();
  }, [box]);
  return overflows;
}
