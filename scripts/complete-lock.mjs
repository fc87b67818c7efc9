// Adds to package-lock.json the optional packages of other platforms that npm left out because the registry in use did
// not have them: `npm ci` refuses a lock file without them. To be run after `npm install` when test/lock.test.ts fails.
import { readFileSync, writeFileSync } from "node:fs";

/**
 * @typedef {object} Entry
 * @property {string} [license]
 * @property {boolean} [dev]
 * @property {Record<string, string>} [engines]
 * @property {Record<string, string>} [optionalDependencies]
 */

const FILE = "package-lock.json";
const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm64", "arm", "ia32", "x64", "ppc64", "riscv64", "s390x", "loong64", "mips64el"];

const lock = JSON.parse(readFileSync(FILE, "utf8"));
/** @type {Record<string, Entry & Record<string, unknown>>} */
const packages = lock.packages;
let added = 0;

for (const [path, entry] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isThere(path, name)) continue;
    packages[`node_modules/${name}`] = describe(name, version, entry);
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en")));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} added`);

/**
 * As Node would find it from there.
 * @param {string} from
 * @param {string} name
 */
function isThere(from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    if (packages[`${at === "" ? "" : `${at}/`}node_modules/${name}`]) return true;
    if (at === "") return false;
  }
}

/**
 * The name of such a package says which platform it is for.
 * @param {string} name
 * @param {string} version
 * @param {Entry} parent
 */
function describe(name, version, parent) {
  const words = (name.split("/").pop() ?? "").split("-");
  const os = SYSTEMS.find((system) => words.includes(system));
  const cpu = PROCESSORS.find((processor) => words.includes(processor));
  if (!os || !cpu || !/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`${name}@${version} names no platform.`);
  const musl = words.includes("musl");
  const glibc = os === "linux" && (words.includes("gnu") || words.includes("gnueabihf"));
  return {
    version,
    cpu: [cpu],
    ...(parent.dev ? { dev: true } : {}),
    ...(musl || glibc ? { libc: [musl ? "musl" : "glibc"] } : {}),
    license: parent.license ?? "MIT",
    optional: true,
    os: [os],
    ...(parent.engines ? { engines: parent.engines } : {}),
  };
}
