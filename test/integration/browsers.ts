import type { Browser } from "playwright-core";
import { launchChromium } from "./chromium.ts";
import { launchFirefox } from "./firefox.ts";

/** What is tested in all browsers is tested in these. */
export const BROWSERS: Readonly<Record<string, () => Promise<Browser>>> = {
  Chromium: launchChromium,
  Firefox: launchFirefox,
};
