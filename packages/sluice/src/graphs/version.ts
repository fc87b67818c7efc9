/** A version as `name::version` has it: `major.minor.patch`. */
export type Version = readonly [major: number, minor: number, patch: number];

const VERSION = /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$/;

/** undefined for anything but three whole numbers. */
export function parseVersion(text: string): Version | undefined {
  const match = VERSION.exec(text);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3])] : undefined;
}

/** Below 0 when `a` is older than `b`. */
export function compareVersions(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/** What was asked for: a name, or `name::version`. `version` is as it was written. */
export interface GraphName {
  readonly name: string;
  readonly version?: string;
}

const SEPARATOR = "::";

export function parseGraphType(text: string): GraphName {
  const at = text.lastIndexOf(SEPARATOR); // a name may end with a colon
  return at < 0 ? { name: text } : { name: text.slice(0, at), version: text.slice(at + SEPARATOR.length) };
}

export function formatGraphType(name: string, version: string): string {
  return name + SEPARATOR + version;
}
