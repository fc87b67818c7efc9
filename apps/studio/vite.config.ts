import react from "@vitejs/plugin-react";
import { defaultClientConditions, defineConfig } from "vite";

const gateway = process.env["SLUICE_URL"] ?? "http://127.0.0.1:3000";

// The page is served under `default-src 'self'`: nothing may end up inline, as a script or as a data: URL.
export default defineConfig({
  plugins: [react()],
  resolve: { conditions: ["@sluice/source", ...defaultClientConditions] },
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: {
    proxy: Object.fromEntries(["/stream", "/runs", "/cancel", "/session", "/registry"].map((path) => [path, gateway])),
  },
});
