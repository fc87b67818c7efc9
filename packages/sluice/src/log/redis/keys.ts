import { wrongOption } from "../../base/options.ts";

/** Names of keys and channels. The layout is drawn in `../redis.ts`. */
export interface Keys {
  /** Open logs by the earliest time at which their lease may lapse. */
  readonly due: string;
  /** When a node last looked at them. */
  readonly watch: string;
  log(id: string): string;
  entries(id: string): string;
  /** Rings when there is something to read. */
  bell(id: string): string;
  /** Rings when the producer is to look. */
  stop(id: string): string;
  owner(owner: string): string;
  claim(owner: string, key: string): string;
}

export function createKeys(prefix: string): Keys {
  const ofLog = (id: string, what: string): string => `${prefix}:{${tag(id)}}:${what}`;
  return {
    due: `${prefix}:{leases}:due`,
    watch: `${prefix}:{leases}:watch`,
    log: (id) => ofLog(id, "log"),
    entries: (id) => ofLog(id, "entries"),
    bell: (id) => ofLog(id, "bell"),
    stop: (id) => ofLog(id, "stop"),
    owner: (owner) => `${prefix}:owner:${owner}`,
    claim: (owner, key) => `${prefix}:claim:${JSON.stringify([owner, key])}`,
  };
}

// A hash tag is what stands between the first braces, and an empty one is none: such ids would leave their slot.
function tag(id: string): string {
  return id === "" ? "%" : id.replace(/[%{}]/g, encodeURIComponent);
}

/** Braces would end the hash tag that keeps keys together. @throws SluiceError `option/invalid` */
export function checkPrefix(prefix: string): string {
  if (/[{}]/.test(prefix)) throw wrongOption("prefix", "prefix may not have braces in it.");
  return prefix;
}
