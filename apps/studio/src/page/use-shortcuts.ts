import { useEffect } from "react";
import { commandFor, type Command } from "./shortcuts.ts";

/** @param run says false when there is nothing to do: then the key keeps its usual meaning */
export function useShortcuts(run: (command: Command) => boolean): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing || event.repeat) return;
      // What is open above the page has the keys for itself, and so have fields that need Escape and arrows.
      if (document.querySelector("dialog[open], :popover-open") !== null) return;
      if (event.target instanceof Element && event.target.matches("input, select")) return;
      const command = commandFor(event);
      if (command !== undefined && run(command)) event.preventDefault();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [run]);
}
