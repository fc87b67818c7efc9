/**
 * Where a link of an answer may lead. Relative targets are refused: they would lead into this application.
 * The URL is written out by the browser's own parser, so what is checked is what is opened.
 */
export function safeLink(target: string | null | undefined): string | undefined {
  const url = parseUrl(target);
  return url !== undefined && ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : undefined;
}

/**
 * The address of an image that is shown by itself: one that travelled with the answer. Loading any other would tell a
 * stranger's server who reads this; the page's content security policy refuses it too.
 */
export function safeImage(target: string | null | undefined): string | undefined {
  return target !== null && target !== undefined && IMAGE_DATA.test(target) ? target : undefined;
}

// Shown as an image, SVG runs no script and loads nothing.
const IMAGE_DATA = /^data:image\/(?:png|jpeg|gif|webp|avif|svg\+xml)[;,]/i;

/** As `URL.parse`, which Safari has since version 18: older Macs stay with 17. */
export function parseUrl(target: string | null | undefined): URL | undefined {
  try {
    return target === null || target === undefined ? undefined : new URL(target);
  } catch {
    return undefined;
  }
}
