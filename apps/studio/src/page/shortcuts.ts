export type Command = "new-chat" | "focus-composer" | "stop" | "previous-thread" | "next-thread" | "wire" | "shortcuts";

/** What is used of a KeyboardEvent. */
export interface Press {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

export interface Shortcut {
  readonly command: Command;
  /** As on the caps; `Mod` is Ctrl, or Command on a Mac. */
  readonly keys: readonly string[];
  readonly does: string;
  /** As events name the last of the keys. A place on the keyboard counts too: some layouts have other letters there. */
  readonly press: readonly [key: string, code?: string];
}

export const SHORTCUTS: readonly Shortcut[] = [
  { command: "new-chat", keys: ["Mod", "Shift", "O"], does: "New chat", press: ["o", "KeyO"] },
  { command: "focus-composer", keys: ["Shift", "Esc"], does: "Write a message", press: ["escape"] },
  { command: "stop", keys: ["Esc"], does: "Stop the answer", press: ["escape"] },
  { command: "previous-thread", keys: ["Alt", "↑"], does: "Newer chat", press: ["arrowup"] },
  { command: "next-thread", keys: ["Alt", "↓"], does: "Older chat", press: ["arrowdown"] },
  { command: "wire", keys: ["Mod", "Shift", "E"], does: "Show the raw events", press: ["e", "KeyE"] },
  { command: "shortcuts", keys: ["Mod", "/"], does: "These shortcuts", press: ["/", "Slash"] },
];

export function commandFor(press: Press): Command | undefined {
  return SHORTCUTS.find((shortcut) => isPressed(shortcut, press))?.command;
}

function isPressed({ keys, press: [name, place] }: Shortcut, press: Press): boolean {
  const { key, code, ctrlKey, metaKey, altKey, shiftKey } = press;
  if (keys.includes("Mod") !== (ctrlKey || metaKey) || keys.includes("Alt") !== altKey) return false;
  const named = key.toLowerCase() === name;
  // On some keyboards a sign is written with Shift: then it is part of the sign.
  const shifted = keys.includes("Shift") === shiftKey || (named && name === "/");
  return shifted && (named || (place !== undefined && code === place));
}
