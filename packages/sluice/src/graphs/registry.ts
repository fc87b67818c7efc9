import { wrongOption } from "../base/options.ts";
import { SluiceError } from "../base/errors.ts";
import { compareVersions, formatGraphType, parseGraphType, parseVersion, type Version } from "./version.ts";

/** A graph under its name and version. */
export interface Versioned {
  readonly name: string;
  /** `major.minor.patch` */
  readonly version: string;
  /** Meant when no version is asked for, or none that fits. Default: the latest. */
  readonly isDefault?: boolean;
}

export interface Registry<T extends Versioned> {
  /**
   * The graph that is meant by `name` or `name::version`: that version; else the newest of the same major that is not
   * older; else the default; else the latest. With `strict` a version that is asked for is that version or none.
   * @throws SluiceError `graph/unknown`, listing what exists
   */
  resolve(asked: string, options?: { readonly strict?: boolean }): T;
  /** All as `name::version`, in the order they were given. */
  readonly types: readonly string[];
}

interface Entry<T> {
  readonly graph: T;
  readonly version: Version;
}

/** @throws SluiceError `option/invalid` for a version that is none, and for two graphs in one place */
export function createRegistry<T extends Versioned>(graphs: readonly T[]): Registry<T> {
  const types = graphs.map(({ name, version }) => formatGraphType(name, version));
  const byName = new Map<string, readonly Entry<T>[]>();
  for (const graph of graphs) {
    const entries = [...(byName.get(graph.name) ?? []), { graph, version: checkVersion(graph) }];
    byName.set(
      graph.name,
      entries.sort((a, b) => compareVersions(b.version, a.version)),
    );
  }
  for (const [name, entries] of byName) checkName(name, entries);

  return {
    types,
    resolve(asked, { strict = false } = {}) {
      const { name, version } = parseGraphType(asked);
      const found = choose(byName.get(name) ?? [], version, strict);
      if (found !== undefined) return found;
      const shown = asked.length > 64 ? `${asked.slice(0, 64)}…` : asked;
      throw new SluiceError("graph/unknown", `There is no graph ${JSON.stringify(shown)}.`, {
        details: { field: "graphType", allowed: types },
      });
    },
  };
}

/** @param entries newest first */
function choose<T extends Versioned>(
  entries: readonly Entry<T>[],
  asked: string | undefined,
  strict: boolean,
): T | undefined {
  const usual = entries.find(({ graph }) => graph.isDefault === true) ?? entries[0];
  if (asked === undefined) return usual?.graph;
  const version = parseVersion(asked);
  if (version === undefined) return undefined;
  const exact = entries.find((entry) => compareVersions(entry.version, version) === 0);
  if (exact !== undefined || strict) return exact?.graph;
  const fits = (entry: Entry<T>): boolean =>
    entry.version[0] === version[0] && compareVersions(entry.version, version) > 0;
  return (entries.find(fits) ?? usual)?.graph;
}

function checkVersion({ name, version }: Versioned): Version {
  const parsed = parseVersion(version);
  if (name === "" || name.includes("::")) throw wrongOption("name", "A graph has a name, without `::` in it.");
  if (parsed === undefined) throw wrongOption("version", `The version of graph ${JSON.stringify(name)} is not x.y.z.`);
  return parsed;
}

function checkName(name: string, entries: readonly Entry<Versioned>[]): void {
  const versions = new Set(entries.map(({ graph }) => graph.version));
  if (versions.size < entries.length)
    throw wrongOption("version", `A version of graph ${JSON.stringify(name)} is there twice.`);
  if (entries.filter(({ graph }) => graph.isDefault === true).length > 1) {
    throw wrongOption("isDefault", `Graph ${JSON.stringify(name)} has two default versions.`);
  }
}
