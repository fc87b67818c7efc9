import type { IncomingMessage, ServerResponse } from "node:http";
import sirv from "sirv";

/** The built web app. Says false when it has no such file. */
export type Pages = (req: IncomingMessage, res: ServerResponse) => Promise<boolean>;

const HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "X-Frame-Options": "DENY",
};

/** @param welcome the cookie for somebody who opens the page, or undefined */
export function createPages(directory: string, welcome: (req: IncomingMessage) => Promise<string | undefined>): Pages {
  const serve = sirv(directory, {
    etag: true,
    setHeaders(res, pathname) {
      for (const [name, value] of Object.entries(HEADERS)) res.setHeader(name, value);
      // Vite puts a hash of the content into the names below assets/.
      res.setHeader("Cache-Control", pathname.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache");
    },
  });
  return async (req, res) => {
    if (req.method !== "GET" && req.method !== "HEAD") return false;
    if (req.url === "/" || req.url?.startsWith("/?") === true) {
      const cookie = await welcome(req);
      if (cookie !== undefined) res.setHeader("Set-Cookie", cookie);
    }
    return new Promise((resolve) => {
      res.once("finish", () => resolve(true));
      res.once("close", () => resolve(true));
      serve(req, res, () => resolve(false));
    });
  };
}
