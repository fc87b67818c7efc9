import { useEffect, useId, useRef, type ReactNode } from "react";

interface PopoverProps {
  /** The name of the button. */
  readonly label: string;
  readonly button: ReactNode;
  readonly className?: string;
  /** A menu is walked through with the arrow keys. */
  readonly role: "menu" | "dialog";
  /** A button or a link in it closes it. */
  readonly children: ReactNode;
}

/** A button and what it shows, above all else, until it is left. The browser's own popover does most of it. */
export function Popover({ label, button, className = "icon-button", role, children }: PopoverProps): ReactNode {
  const id = useId();
  const trigger = useRef<HTMLButtonElement>(null);
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (trigger.current === null || box.current === null) return undefined;
    return manage(trigger.current, box.current, role === "menu");
  }, [role]);

  return (
    <>
      <button
        type="button"
        className={className}
        ref={trigger}
        aria-label={label}
        aria-haspopup={role}
        aria-expanded={false}
        aria-controls={id}
        title={label}
        popoverTarget={id}
      >
        {button}
      </button>
      <div id={id} className="popover" popover="auto" ref={box} role={role} aria-label={label}>
        {children}
      </div>
    </>
  );
}

const GAP_PX = 6;

function manage(trigger: HTMLElement, box: HTMLElement, isMenu: boolean): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  box.addEventListener(
    "beforetoggle",
    ({ newState }) => {
      trigger.setAttribute("aria-expanded", String(newState === "open"));
      if (newState === "open") place(box, trigger.getBoundingClientRect());
    },
    { signal },
  );
  box.addEventListener(
    "toggle",
    ({ newState }) => {
      if (newState === "open") itemsOf(box)[0]?.focus();
    },
    { signal },
  );
  // Before what the button itself does: the focus goes back first, and then perhaps elsewhere.
  box.addEventListener(
    "click",
    ({ target }) => {
      if (target instanceof Element && target.closest("button, a") !== null) box.hidePopover();
    },
    { signal },
  );
  box.addEventListener(
    "keydown",
    (event) => {
      const items = itemsOf(box);
      const at = items.findIndex((item) => item === document.activeElement);
      const next = new Map([
        ["ArrowDown", at + 1],
        ["ArrowUp", at - 1],
        ["Home", 0],
        ["End", -1],
      ]).get(event.key);
      if (!isMenu || next === undefined) return;
      event.preventDefault();
      items.at(next % items.length)?.focus();
    },
    { signal },
  );
  return () => ended.abort();
}

/** Below the button where there is room, and along the side that is nearer to the edge. */
function place({ style }: HTMLElement, { top, bottom, left, right }: DOMRect): void {
  const { clientWidth, clientHeight } = document.documentElement;
  const above = bottom > clientHeight * 0.6;
  style.top = above ? "auto" : `${bottom + GAP_PX}px`;
  style.bottom = above ? `${clientHeight - top + GAP_PX}px` : "auto";
  const toTheRight = left < clientWidth / 2;
  style.left = toTheRight ? `${left}px` : "auto";
  style.right = toTheRight ? "auto" : `${clientWidth - right}px`;
}

function itemsOf(box: Element): readonly HTMLElement[] {
  return [...box.querySelectorAll<HTMLElement>("button, a, input, select")];
}
