import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { root } from "./tree.ts";

// A copy of the script in a clone of its own; npm and apt-get are replaced by scripts that write down what they do.
let clone: string;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "sluice-setup-"));
  cpSync(join(root, "scripts/setup.mjs"), join(clone, "scripts/setup.mjs"));
  write("package-lock.json", '{ "packages": { "": {}, "node_modules/a": { "version": "1.0.0" } } }');
  write("tsconfig.base.json", "{}");
  write("packages/sluice/package.json", '{ "scripts": { "build": "-" } }');
  write("packages/sluice/src/index.ts", "");
  write("apps/gateway/package.json", '{ "scripts": { "build": "-" } }');
  write("apps/gateway/src/cli.ts", "");
  write("apps/studio/package.json", "{}");
  writeProgram(
    "npm",
    'if [ -f broken ]; then echo "no compiler"; exit 7; fi\necho chatter\necho "npm $*" >> calls',
    'for last; do :; done\nif [ "$1" = run ]; then mkdir -p "$last/dist"; else mkdir -p node_modules; fi',
  );
  writeProgram("apt-get", 'echo "apt-get $*" >> calls');
});

afterEach(() => rmSync(clone, { recursive: true, force: true }));

describe("setup", () => {
  it("installs and then builds in the order of the dependencies", () => {
    expect(setup().status).toBe(0);
    expect(calls()).toEqual(["npm ci --include=dev", buildOf("packages/sluice"), buildOf("apps/gateway")]);
  });

  it("does nothing and says nothing the second time", () => {
    setup();
    const second = setup();
    expect(second).toMatchObject({ status: 0, output: "" });
    expect(calls()).toEqual([]);
  });

  it("shows nothing of what npm wrote when all went well", () => {
    expect(setup().output).not.toContain("chatter");
  });

  it("shows what npm wrote, and fails like it, when it fails", () => {
    write("broken", "");
    const failed = setup();
    expect(failed.status).toBe(7);
    expect(failed.output).toContain("no compiler");
  });

  it("tries again after a failure", () => {
    setup();
    write("packages/sluice/src/index.ts", "changed");
    write("broken", "");
    setup();
    rmSync(join(clone, "broken"));
    write("packages/sluice/src/index.ts", "");
    expect(setup().status).toBe(0);
    expect(calls()).toContain(buildOf("packages/sluice"));
  });

  it("builds only what a change reaches", () => {
    setup();
    write("apps/gateway/src/cli.ts", "changed");
    setup();
    expect(calls()).toEqual([buildOf("apps/gateway")]);
    write("packages/sluice/src/index.ts", "changed");
    setup();
    expect(calls()).toEqual([buildOf("packages/sluice"), buildOf("apps/gateway")]);
    write("apps/gateway/test/cli.test.ts", "changed");
    setup();
    expect(calls()).toEqual([]);
  });

  it("installs again when the lock file changed", () => {
    setup();
    write("package-lock.json", '{ "packages": { "": {}, "node_modules/a": { "version": "1.0.1" } } }');
    setup();
    expect(calls()).toContain("npm ci --include=dev");
  });

  it("keeps what somebody installed by hand", () => {
    write("node_modules/.package-lock.json", '{ "packages": { "node_modules/a": { "version": "1.0.0" } } }');
    setup();
    expect(calls()).not.toContain("npm ci --include=dev");
  });

  it("hands none of npm's own settings and no NODE_ENV to the npm it starts", () => {
    writeProgram("npm", 'echo "${NODE_ENV-none} ${npm_config_omit-none} ${npm_config_cache-none}" >> calls');
    setup([], { NODE_ENV: "production", npm_config_omit: "dev", npm_config_cache: "/tmp/cache" });
    expect(calls()[0]).toBe("none none /tmp/cache");
  });

  it("names every missing program of the tests, or installs it where it may", () => {
    const { output } = setup(["--tests"]);
    // The script also looks into /usr/sbin, where Debian puts nginx and haproxy.
    expect(output).toMatch(
      /apt-get install -y --no-install-recommends chromium firefox-esr redis-server (?:nginx-light )?(?:haproxy )?caddy/,
    );
  });

  it("looks for the programs of the tests only when asked", () => {
    expect(setup().output).not.toContain("apt-get");
  });
});

/** Runs the script with nothing on PATH but a few basic commands and the programs of `write`. */
function setup(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  rmSync(join(clone, "calls"), { force: true });
  const script = join(clone, "scripts/setup.mjs");
  const result = spawnSync(process.execPath, [script, ...args], {
    cwd: clone,
    encoding: "utf8",
    env: { PATH: join(clone, "bin"), ...env },
  });
  return { status: result.status, output: result.stdout + result.stderr };
}

/** What npm and apt-get were asked for since the last `setup`. */
function calls(): readonly string[] {
  const file = join(clone, "calls");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

function buildOf(workspace: string): string {
  return `npm run build --silent -w ${workspace}`;
}

function write(path: string, text: string): void {
  mkdirSync(join(clone, dirname(path)), { recursive: true });
  writeFileSync(join(clone, path), text);
}

function writeProgram(name: string, ...lines: readonly string[]): void {
  const path = `bin/${name}`;
  write(path, ["#!/bin/sh", "PATH=/usr/bin:/bin", ...lines, ""].join("\n"));
  chmodSync(join(clone, path), 0o755);
}
