import type { Theme } from "../state/settings.ts";

/** As `public/theme.js` does it before the first paint. */
export function applyTheme(document: Document, theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
