import { BlockList, isIP } from "node:net";
import type { RequestLike } from "sluice/http";

/** `localhost`, 127.0.0.0/8 or ::1, without a port. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (name === "localhost") return true;
  const version = isIP(name);
  return version !== 0 && loopback.check(name, version === 4 ? "ipv4" : "ipv6");
}

/**
 * Whether a request is this machine's own, where only this machine can connect. The Host is looked at because a page
 * elsewhere can make its own name point at 127.0.0.1 (DNS rebinding), the headers because a proxy on this machine
 * speaks for anybody.
 */
export function isLocal(request: RequestLike): boolean {
  if (FORWARDING.some((name) => request.headers.get(name) !== null)) return false;
  // A name or an address, and a port: no user, no path.
  const host = /^([a-z\d.-]+|\[[a-f\d:.]+\])(?::\d{1,5})?$/i.exec(request.headers.get("host") ?? "");
  return isLoopback(host?.[1] ?? "");
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Proxies send at least one of these; those of the big content networks have names of their own. */
export const FORWARDING: readonly string[] = [
  "forwarded",
  "via",
  "x-forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-forwarded-server",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-original-host",
  "x-original-forwarded-for",
  "cf-connecting-ip",
  "true-client-ip",
  "fastly-client-ip",
];
