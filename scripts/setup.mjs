// Makes a fresh clone ready: installs the packages, builds what changed and, with `--tests`, installs the programs
// that the tests start. Runs before `npm start` and `npm test`, so it imports nothing that has to be installed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {object} Step
 * @property {string} workspace the folder that is built
 * @property {readonly string[]} inputs files and folders; the step runs again when one of them changes
 * @property {string} output removed before the step, so that no file of a deleted source stays in it
 */

const root = fileURLToPath(new URL("..", import.meta.url));
const stamps = join(root, "node_modules/.sluice");

/** @type {readonly Step[]} in the order of their dependencies */
const steps = ["packages/sluice", "apps/gateway", "apps/studio"].map((workspace) => ({
  workspace,
  inputs: ["package-lock.json", "tsconfig.base.json", "packages/sluice", workspace],
  output: join(workspace, "dist"),
}));

/** Program and the Debian package that brings it. */
const programs = [
  ["chromium", "chromium"],
  ["firefox-esr", "firefox-esr"],
  ["redis-server", "redis-server"],
  ["nginx", "nginx-light"],
  ["haproxy", "haproxy"],
  ["caddy", "caddy"],
  ["openssl", "openssl"],
];

process.chdir(root);
requireNode();
installPackages();
for (const step of steps) build(step);
if (process.argv.includes("--tests")) installPrograms();

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`Sluice needs Node 20.19 or newer, this is ${process.version}.`);
}

function installPackages() {
  const lock = hashOf(["package-lock.json"]);
  if (isStamped("install", lock)) return;
  if (!isInstalledByHand()) npm(["ci", "--include=dev"]);
  stamp("install", lock);
}

/** npm records what it installed: after an `npm install` by hand there is nothing to do. */
function isInstalledByHand() {
  const record = "node_modules/.package-lock.json";
  if (!existsSync(record)) return false;
  const present = JSON.parse(readFileSync(record, "utf8")).packages;
  const wanted = Object.entries(JSON.parse(readFileSync("package-lock.json", "utf8")).packages);
  return wanted.every(([path, entry]) => {
    if (!path.includes("node_modules/")) return true;
    const found = present[path];
    return found === undefined ? entry.optional === true : found.version === entry.version;
  });
}

/** @param {Step} step */
function build({ workspace, inputs, output }) {
  if (JSON.parse(readFileSync(join(workspace, "package.json"), "utf8")).scripts?.build === undefined) return;
  const name = workspace.replace("/", "-");
  const sources = hashOf(inputs);
  if (isStamped(name, sources) && existsSync(output)) return;
  rmSync(join(stamps, name), { force: true });
  rmSync(output, { recursive: true, force: true });
  npm(["run", "build", "--silent", "-w", workspace]);
  stamp(name, sources);
}

function installPrograms() {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  const missing = programs.filter(([program = ""]) => !folders.some((folder) => existsSync(join(folder, program))));
  if (missing.length === 0) return;
  const install = ["install", "-y", "--no-install-recommends", ...missing.map(([, name = ""]) => name)];
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    const names = missing.map(([program]) => program).join(", ");
    fail(
      `The tests start ${names}. On Debian:\n  sudo apt-get update && sudo apt-get ${install.join(" ")}\n` +
        "A test file that starts none of them runs with: npx vitest run <file>",
    );
  }
  console.error(`setup: apt-get ${install.join(" ")}`);
  run("apt-get", ["update", "-q"]);
  run("apt-get", install);
}

/** The npm that started this script, else the one on PATH. @param {string[]} args */
function npm(args) {
  console.error(`setup: npm ${args.join(" ")}`);
  const path = process.env["npm_execpath"];
  if (path !== undefined && /npm-cli\.c?js$/.test(path)) run(process.execPath, [path, ...args]);
  else run("npm", args);
}

/**
 * Shows what the command wrote only when it fails.
 *
 * What npm hands to a script would change a second npm: `npm start --omit=dev` or NODE_ENV=production would leave
 * out the compiler. What says how to reach the registry is kept.
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  const kept = /^npm_config_(registry|cache|userconfig|cafile|proxy|https_proxy|noproxy|strict_ssl)$/i;
  const inherited = Object.entries(process.env).filter(
    ([name]) => name !== "NODE_ENV" && (!/^npm_/i.test(name) || kept.test(name)),
  );
  const env = { ...Object.fromEntries(inherited), DEBIAN_FRONTEND: "noninteractive" };
  const result = spawnSync(command, args, { stdio: ["ignore", "pipe", "pipe"], maxBuffer: Infinity, env });
  if (result.error !== undefined) fail(`${command} could not be started: ${result.error.message}`);
  if (result.status === 0) return;
  process.stderr.write(result.stdout);
  process.stderr.write(result.stderr);
  fail(`setup: ${command} ${args.join(" ")} failed`, result.status ?? 1);
}

/**
 * One hash over names and contents; what is built or installed does not count, nor do tests.
 * @param {readonly string[]} paths
 */
function hashOf(paths) {
  const hash = createHash("sha256");
  for (const path of paths) addTo(hash, path);
  return hash.digest("hex");
}

/**
 * @param {import("node:crypto").Hash} hash
 * @param {string} path
 */
function addTo(hash, path) {
  if (!statSync(path).isDirectory()) {
    hash.update(`${path}\0`).update(readFileSync(path)).update("\0");
    return;
  }
  const skipped = ["node_modules", "dist", "test"];
  const names = readdirSync(path).filter((name) => !skipped.includes(name));
  for (const name of names.sort()) addTo(hash, join(path, name));
}

/**
 * @param {string} name
 * @param {string} value
 */
function isStamped(name, value) {
  const file = join(stamps, name);
  return existsSync(file) && readFileSync(file, "utf8") === value;
}

/**
 * @param {string} name
 * @param {string} value
 */
function stamp(name, value) {
  mkdirSync(stamps, { recursive: true });
  writeFileSync(join(stamps, name), value);
}

/**
 * @param {string} message
 * @param {number} status
 * @returns {never}
 */
function fail(message, status = 1) {
  console.error(message);
  process.exit(status);
}
