import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { extname, join, sep } from "node:path";
import { requestOf, type NodeRequest, type NodeResponse } from "sluice/http";

export interface PagesOptions {
  /** The cookie for somebody who opens the page, or undefined. */
  welcome(request: ReturnType<typeof requestOf>): Promise<string | undefined>;
}

/** Says false when there is no such page. */
export type Pages = (req: NodeRequest, res: NodeResponse) => Promise<boolean>;

/**
 * The built web app, read into memory once: a request reaches no file, and a build while the server runs neither
 * breaks it nor mixes two versions.
 */
export function createPages(directory: string, { welcome }: PagesOptions): Pages {
  const pages = readPages(directory);
  return async (req, res) => {
    if (req.method !== "GET" && req.method !== "HEAD") return false;
    const request = requestOf(req);
    const path = request.location.pathname;
    const page = pages.get(path);
    if (!page) return false;
    const cookie = path === "/" ? await welcome(request) : undefined;
    if (cookie !== undefined) res.setHeader("Set-Cookie", cookie);
    for (const [name, value] of Object.entries(page.headers)) res.setHeader(name, value);
    if (req.headers["if-none-match"]?.includes(page.etag) === true) {
      res.statusCode = 304;
      res.end();
    } else {
      res.statusCode = page.status;
      res.setHeader("Content-Length", page.body.byteLength);
      // Node drops what is given to the answer of a HEAD, but on HTTP/2 fails over it.
      if (req.method === "HEAD") res.end();
      else res.end(page.body);
    }
    return true;
  };
}

interface Page {
  readonly status: number;
  readonly body: Buffer;
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
}

const SECURITY: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Frame-Options": "DENY",
};

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};

const NOT_BUILT = `The web app is not built. "npm run build" at the root of the project builds it; then start again.
The API works without it:
  curl -N -H "Content-Type: application/json" -d '{"message": {"content": "Hello"}}' <this address>/stream
`;

function readPages(directory: string): ReadonlyMap<string, Page> {
  const pages = new Map<string, Page>();
  for (const file of existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: "utf8" }) : []) {
    const path = `/${file.split(sep).join("/")}`;
    if (path.includes("/.") || !statSync(join(directory, file)).isFile()) continue;
    pages.set(path, pageOf(path, readFileSync(join(directory, file))));
  }
  pages.set("/", pages.get("/index.html") ?? { ...pageOf("/index.txt", Buffer.from(NOT_BUILT)), status: 404 });
  const inspector = pages.get("/inspector.html");
  if (inspector) pages.set("/inspector", inspector);
  return pages;
}

function pageOf(path: string, body: Buffer): Page {
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  return {
    status: 200,
    body,
    etag,
    headers: {
      ...SECURITY,
      ETag: etag,
      "Content-Type": TYPES[extname(path)] ?? "application/octet-stream",
      // Vite puts a hash of the content into the names below assets/. The page may come with somebody's cookie.
      "Cache-Control": path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "private, no-cache",
    },
  };
}
