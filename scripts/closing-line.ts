import type { Reporter, SerializedError, TestModule } from "vitest/node";

const UNFINISHED: ReadonlySet<string> = new Set(["queued", "pending"]);

/**
 * Ends a test run with `42 passed, 0 failed` alone on the last line, for whoever reads the output by machine.
 * A file that did not load and an error outside of every test count as failed, so the line never looks better than
 * the exit code. Of a process that died, Vitest does not say which file it was at: that is said here.
 */
export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    let passed = 0;
    let failed = unhandled.length;
    let skipped = 0;
    for (const module of modules) {
      if (UNFINISHED.has(module.state())) process.stdout.write(`\nNot finished: ${module.relativeModuleId}\n`);
      failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed += 1;
        else if (state === "failed") failed += 1;
        else skipped += 1;
      }
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
    }
    process.stdout.write(`\n${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}\n`);
  }
}
