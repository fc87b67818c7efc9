// Adds to ./package-lock.json the optional platform packages that npm left out (because a registry did not have them):
// npm ci refuses a lock file without them. Run in the repository's root after `npm install`.
import { readFileSync, writeFileSync } from "node:fs";
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const packages = lock.packages;
const find = (from, name) => {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    if (packages[`${at === "" ? "" : `${at}/`}node_modules/${name}`]) return true;
    if (at === "") return false;
  }
};
const oses = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const cpus = ["arm64", "arm", "ia32", "x64", "ppc64", "riscv64", "s390x", "loong64", "mips64el"];
const added = [];
for (const [path, entry] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (find(path, name)) continue;
    const tokens = name.split("/").pop().split("-");
    const os = oses.find((o) => tokens.includes(o));
    const cpu = cpus.find((c) => tokens.includes(c));
    if (!os || !cpu || !/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`${path}: ${name}@${version}?`);
    const libc = tokens.includes("musl")
      ? "musl"
      : os === "linux" && (tokens.includes("gnu") || tokens.includes("gnueabihf"))
        ? "glibc"
        : undefined;
    packages[`node_modules/${name}`] = {
      version,
      cpu: [cpu],
      ...(entry.dev ? { dev: true } : {}),
      ...(libc ? { libc: [libc] } : {}),
      license: entry.license ?? "MIT",
      optional: true,
      os: [os],
      ...(entry.engines ? { engines: entry.engines } : {}),
    };
    added.push(name);
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en")));
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added.length} added`);
