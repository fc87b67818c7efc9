import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { ClosingLine } from "./scripts/closing-line.ts";

// Tests of whole programs: browsers, servers, proxies, processes that are killed. They measure nothing, but they
// wait for other programs, so they run one file at a time after the others and have more patience.
const programs = [
  "apps/*/test/**/*.test.{ts,tsx}",
  "test/{setup,closing-line}.test.ts",
  "test/integration/**/*.test.ts",
  "**/*.process.test.{ts,tsx}",
];
const units = ["packages/*/test/**/*.test.{ts,tsx}", "test/**/*.test.ts", "examples/**/*.test.{ts,tsx}"];
const always = ["**/node_modules/**", "**/dist/**"];

// Property tests try the same cases in every run, unless SLUICE_TEST_SEED says otherwise.
const alias = { "fast-check": fileURLToPath(new URL("./test/property-seed.ts", import.meta.url)) };

// The hooks run on both versions of React: their tests once more, with the older one in its place.
const react18 = fileURLToPath(new URL("./test/react-18/node_modules", import.meta.url));

// `@sluice/source`: tests run on the TypeScript sources of the workspace, not on what was built last.
export default defineConfig({
  resolve: { conditions: ["@sluice/source"], alias },
  ssr: { resolve: { conditions: ["@sluice/source", "node"] } },
  test: {
    reporters: ["default", new ClosingLine()],
    // A busy machine may need more than the usual second; who is in time waits no longer for it.
    expect: { poll: { timeout: 15_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: "units",
          include: units,
          exclude: [...always, ...programs],
          maxWorkers: Math.min(availableParallelism(), 4),
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        resolve: { alias: { react: `${react18}/react`, "react-dom": `${react18}/react-dom` } },
        test: {
          name: "react-18",
          include: ["packages/sluice/test/react/**/*.test.ts"],
          exclude: [...always, ...programs],
          env: { SLUICE_TEST_REACT: "18" },
          maxWorkers: 1,
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: "programs",
          include: programs,
          exclude: always,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
