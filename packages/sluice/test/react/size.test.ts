import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, it } from "vitest";

/** Bytes of what a page loads for these modules, without React. */
async function sizeOf(...modules: readonly string[]): Promise<number> {
  const { outputFiles } = await build({
    stdin: {
      contents: modules.map((name) => `export * from ${JSON.stringify(name)};`).join("\n"),
      resolveDir: fileURLToPath(new URL(".", import.meta.url)),
    },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    conditions: ["@sluice/source"],
    external: ["react"],
    write: false,
  });
  return gzipSync(outputFiles[0]?.contents ?? "").length;
}

it("all hooks together are 5 KB more than the client that they stand on", async () => {
  const added = (await sizeOf("sluice/client", "sluice/react")) - (await sizeOf("sluice/client"));
  expect(added).toBeGreaterThan(500);
  expect(added).toBeLessThanOrEqual(5_000);
});
