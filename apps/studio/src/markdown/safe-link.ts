/**
 * Where a link of an answer may lead. Relative targets are refused: they would lead into this application.
 * The URL is written out by the browser's own parser, so what is checked is what is opened.
 */
export function safeLink(target: string | null): string | undefined {
  const url = target === null ? null : URL.parse(target);
  return url !== null && ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : undefined;
}
