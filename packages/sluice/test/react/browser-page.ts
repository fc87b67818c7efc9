import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build, type BuildOptions } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));

export const REACTS: Readonly<Record<string, string>> = {
  "React 18": fileURLToPath(new URL("../../../../test/react-18/node_modules", import.meta.url)),
  "React 19": fileURLToPath(new URL("../../../../node_modules", import.meta.url)),
};

/** A script of `pages/` in one piece, with a React that is fast and yet tells its commits. */
export function bundlePage(page: string, react: string): Promise<string> {
  return bundle({ entryPoints: [`${HERE}pages/${page}.ts`] }, react);
}

/** The text of a module, which finds the hooks where its author had them. */
export function bundleSnippet(contents: string, react: string): Promise<string> {
  const stdin = { contents, loader: "tsx", resolveDir: HERE } as const;
  return bundle({ stdin }, react, { "@/hooks/use-event-source": "sluice/react" });
}

async function bundle(
  source: Pick<BuildOptions, "entryPoints" | "stdin">,
  react: string,
  alias: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { outputFiles } = await build({
    ...source,
    bundle: true,
    format: "iife",
    platform: "browser",
    conditions: ["@sluice/source"],
    jsx: "automatic",
    alias: {
      ...alias,
      react: `${react}/react`,
      "react-dom": `${react}/react-dom`,
      "react-dom/client": `${react}/react-dom/profiling`,
    },
    define: { "process.env.NODE_ENV": '"production"' },
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

export interface PageServer {
  readonly url: string;
  close(): Promise<void>;
}

/** `/page` is a page with the script; all else goes to the handler. */
export async function servePage(
  script: string,
  handle: (req: IncomingMessage, res: ServerResponse) => void = notFound,
): Promise<PageServer> {
  const html = `<!doctype html><link rel="icon" href="data:,"><title>Test</title><div id="root"></div>
<script src="/page.js"></script>`;
  const server = createServer((req, res) => {
    if (req.url === "/page") res.setHeader("content-type", "text/html; charset=utf-8").end(html);
    else if (req.url === "/page.js") res.setHeader("content-type", "text/javascript; charset=utf-8").end(script);
    else handle(req, res);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function notFound(_req: IncomingMessage, res: ServerResponse): void {
  res.writeHead(404).end();
}
