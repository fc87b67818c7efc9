import { checkWhole, wrongOption } from "../base/options.ts";

/** @throws SluiceError `option/invalid`. Without a limit: Infinity */
export function checkLimit(name: string, value: number | undefined): number {
  return value === undefined ? Number.POSITIVE_INFINITY : checkWhole(name, value);
}

/** @throws SluiceError `option/invalid` */
export function checkPath(basePath: string): string {
  if (basePath === "" || /^(?:\/[\w.~-]+)+$/.test(basePath)) return basePath;
  throw wrongOption("basePath", "basePath is empty, or a path like /api/chat.");
}
