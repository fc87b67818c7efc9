import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defaultClientConditions, defineConfig } from "vite";

const gateway = process.env["SLUICE_URL"] ?? "http://127.0.0.1:3000";
const proxied = ["/stream", "/runs", "/cancel", "/session", "/registry", "/threads", "/inspector/"];

const pages = ["index.html", "inspector.html"].map((page) => fileURLToPath(new URL(page, import.meta.url)));

// The pages are served under `default-src 'self'`: nothing may end up inline, as a script or as a data: URL.
export default defineConfig({
  plugins: [react()],
  resolve: { conditions: ["@sluice/source", ...defaultClientConditions] },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: pages.filter((page) => existsSync(page)) },
  },
  server: { proxy: Object.fromEntries(proxied.map((path) => [path, gateway])) },
});
