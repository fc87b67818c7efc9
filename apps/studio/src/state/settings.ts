import { isObject } from "../server/call.ts";
import { createStore, type Store } from "./store.ts";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export const DEFAULT_DIALECT = "ai-sdk";

/** What a person has chosen on this device. */
export interface Settings {
  readonly theme: Theme;
  /** The server's first one when nothing was chosen. */
  readonly model?: string;
  /** How answers are worded on the wire. */
  readonly dialect: string;
  readonly wirePanel: boolean;
  /** Whether the list of chats is shown where there is room beside the chat. */
  readonly sidebar: boolean;
}

export interface SettingsStore extends Store<Settings> {
  change(some: Partial<Settings>): void;
}

/** Also in `public/theme.js`. */
export const SETTINGS_KEY = "sluice.settings.v1";

const DEFAULTS: Settings = { theme: "system", dialect: DEFAULT_DIALECT, wirePanel: false, sidebar: true };

/** Where the browser keeps nothing, choices last as long as the page. */
export function createSettings(storage: Pick<Storage, "getItem" | "setItem"> | undefined): SettingsStore {
  const store = createStore(load(storage));
  return {
    ...store,
    change(some) {
      const next = { ...store.getSnapshot(), ...some };
      store.set(next);
      try {
        storage?.setItem(SETTINGS_KEY, JSON.stringify(next));
      } catch {
        // No room, or forbidden.
      }
    },
  };
}

function load(storage: Pick<Storage, "getItem"> | undefined): Settings {
  try {
    const kept: unknown = JSON.parse(storage?.getItem(SETTINGS_KEY) ?? "null");
    return isObject(kept) ? parse(kept) : DEFAULTS;
  } catch {
    return DEFAULTS;
  }
}

function parse({ theme, model, dialect, wirePanel, sidebar }: Readonly<Record<string, unknown>>): Settings {
  return {
    theme: THEMES.find((known) => known === theme) ?? DEFAULTS.theme,
    ...(typeof model === "string" ? { model } : {}),
    dialect: typeof dialect === "string" ? dialect : DEFAULTS.dialect,
    wirePanel: wirePanel === true,
    sidebar: sidebar !== false,
  };
}
