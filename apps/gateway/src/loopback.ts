import { BlockList, isIP } from "node:net";
import type { RequestLike } from "sluice/http";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** `localhost`, 127.0.0.0/8 or ::1, without a port. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  const version = isIP(name);
  return version !== 0 && loopback.check(name, version === 4 ? "ipv4" : "ipv6");
}

const FORWARDED = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/**
 * Whether a request is this machine's own. The Host is looked at because a page elsewhere can make its own name point
 * at 127.0.0.1 (DNS rebinding), the forwarding headers because a proxy on this machine speaks for anybody.
 */
export function isLocal(request: RequestLike): boolean {
  const host = request.headers.get("host");
  if (host === null || FORWARDED.some((name) => request.headers.get(name) !== null)) return false;
  return URL.canParse(`http://${host}`) && isLoopback(new URL(`http://${host}`).hostname);
}
