import type { ReactNode } from "react";
import { useStore } from "../page/use-store.ts";
import { THEMES, type SettingsStore } from "../state/settings.ts";
import { Icon } from "./icon.tsx";
import { Popover } from "./popover.tsx";

interface SettingsMenuProps {
  readonly settings: SettingsStore;
  readonly onShortcuts: () => void;
}

export function SettingsMenu({ settings, onShortcuts }: SettingsMenuProps): ReactNode {
  const { theme, wirePanel } = useStore(settings);
  return (
    <Popover label="Settings" button={<Icon name="settings" />} role="dialog">
      <fieldset className="segments">
        <legend>Appearance</legend>
        {THEMES.map((name) => (
          <label key={name}>
            <input
              type="radio"
              name="theme"
              checked={theme === name}
              onChange={() => settings.change({ theme: name })}
            />
            <span>{NAMES[name]}</span>
          </label>
        ))}
      </fieldset>
      <hr />
      <button type="button" aria-pressed={wirePanel} onClick={() => settings.change({ wirePanel: !wirePanel })}>
        <Icon name="wave" />
        {wirePanel ? "Hide the raw events" : "Show the raw events"}
      </button>
      <button type="button" onClick={onShortcuts}>
        <Icon name="keyboard" />
        Keyboard shortcuts
      </button>
      <a className="popover-link" href="/inspector">
        <Icon name="search" />
        Inspector of all runs
      </a>
    </Popover>
  );
}

const NAMES = { system: "System", light: "Light", dark: "Dark" } as const;
