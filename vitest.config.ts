import { defineConfig } from "vitest/config";
import { ClosingLine } from "./scripts/closing-line.ts";

// `@sluice/source`: tests run on the TypeScript sources of the workspace, not on what was built last.
export default defineConfig({
  resolve: { conditions: ["@sluice/source"] },
  ssr: { resolve: { conditions: ["@sluice/source", "node", "import", "module", "default"] } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.{ts,tsx}", "test/**/*.test.ts"],
    testTimeout: 20_000,
    reporters: ["default", new ClosingLine()],
  },
});
