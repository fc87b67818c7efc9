export interface StickToEnd {
  /** Brings the end into view, and keeps it there. */
  goToEnd(behavior?: ScrollBehavior): void;
  /** Leaves the box alone from now on. */
  release(): void;
}

/** Rounding and the bounce of touch screens make "at the end" a few pixels wide. */
const NEAR_PX = 40;
const KEYS_UP: readonly string[] = ["ArrowUp", "PageUp", "Home"];
const KEYS_DOWN: readonly string[] = ["ArrowDown", "PageDown", "End", " "];

/**
 * Keeps the end of growing content in view for a reader who is there, and leaves alone one who has scrolled up.
 * @param onChange whether the end is kept in view: at first, and when that has changed
 */
export function stickToEnd(box: HTMLElement, onChange: (sticks: boolean) => void): StickToEnd {
  let sticks = true;
  let told: boolean | undefined;
  let top = 0;
  let height = 0;
  let touchedAt: number | undefined;

  function set(next: boolean): void {
    sticks = next;
    if (next === told) return;
    told = next;
    onChange(next);
  }
  function measure(): void {
    top = box.scrollTop;
    height = box.scrollHeight;
  }
  function toEnd(): number {
    return box.scrollHeight - box.clientHeight - box.scrollTop;
  }
  function goToEnd(behavior: ScrollBehavior = "auto"): void {
    set(true);
    box.scrollTo({ top: box.scrollHeight, behavior });
    measure();
  }
  function follow(): void {
    if (sticks || box.scrollHeight <= box.clientHeight) goToEnd();
    else measure();
  }
  /**
   * Content that grows takes nobody away from the end, and content that shrinks moves everybody up: only one who goes
   * up in what stays as high has gone himself, and only one who goes down comes back. What a touch screen pulls beyond
   * the end comes back up to it by itself.
   */
  function onScroll(): void {
    if (box.scrollTop > top && toEnd() <= NEAR_PX) set(true);
    else if (box.scrollTop < top - 1 && box.scrollHeight >= height && toEnd() >= 1) set(false);
    measure();
  }
  /**
   * Counts before the first pixel has moved: each growth would bring back one who starts slowly. From beyond the end
   * the way up leads back to it.
   */
  function wants(direction: "up" | "down", { target }: Event): void {
    if (direction === "down") {
      if (toEnd() <= NEAR_PX) set(true);
    } else if (box.scrollTop > 0 && toEnd() > -1 && !goesUpInside(target, box)) set(false);
  }
  function onWheel(event: WheelEvent): void {
    if (!event.ctrlKey && event.deltaY !== 0) wants(event.deltaY < 0 ? "up" : "down", event);
  }
  function onKey(event: KeyboardEvent): void {
    if (isEditable(event.target)) return;
    if (KEYS_UP.includes(event.key) || (event.key === " " && event.shiftKey)) wants("up", event);
    else if (KEYS_DOWN.includes(event.key)) wants("down", event);
  }
  function onTouch(event: TouchEvent): void {
    const y = event.touches[0]?.clientY;
    // What is under a finger goes with it.
    if (y !== undefined && touchedAt !== undefined && y !== touchedAt) wants(y > touchedAt ? "up" : "down", event);
    touchedAt = y;
  }

  const sizes = new ResizeObserver(follow);
  function observe(): void {
    sizes.observe(box);
    for (const child of box.children) sizes.observe(child);
  }
  const contents = new MutationObserver((changes) => {
    if (changes.some(({ type, target }) => type === "childList" && target === box)) {
      sizes.disconnect();
      observe();
    }
    follow();
  });

  const released = new AbortController();
  const listening = { passive: true, signal: released.signal };
  // The box of a whole page tells its scrolling to the document.
  const heard: GlobalEventHandlers = box.ownerDocument.scrollingElement === box ? box.ownerDocument : box;
  heard.addEventListener("scroll", onScroll, listening);
  heard.addEventListener("wheel", onWheel, listening);
  heard.addEventListener("keydown", onKey, listening);
  heard.addEventListener("touchstart", onTouch, listening);
  heard.addEventListener("touchmove", onTouch, listening);
  heard.addEventListener("touchend", onTouch, listening);
  contents.observe(box, { childList: true, characterData: true, subtree: true });
  observe();
  goToEnd();

  return {
    goToEnd,
    release() {
      released.abort();
      sizes.disconnect();
      contents.disconnect();
    },
  };
}

/** Something between the two, a long block of code say, takes the movement for itself. */
function goesUpInside(from: EventTarget | null, box: HTMLElement): boolean {
  for (let node = from; node instanceof Element && node !== box; node = node.parentElement) {
    if (node.scrollTop > 0) return true;
  }
  return false;
}

function isEditable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}
