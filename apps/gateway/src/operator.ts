import type { RequestLike } from "sluice/http";
import type { Config } from "./config.ts";
import { isLocal, isLoopback } from "./loopback.ts";
import type { OwnerTokens } from "./owner-tokens.ts";
import { bearerOf, isForeign } from "./owners.ts";

/**
 * Whether the one who runs this server is asking: by the operator's key, or, where no key of any kind is set, from this
 * machine. With keys of owners it is a server for others, and a proxy before it may look like this machine.
 */
export type IsOperator = (request: RequestLike) => boolean;

// Anonymous callers from elsewhere may be let in to ask (SLUICE_ALLOW_ANONYMOUS), never to look at the server.
export function createOperator(
  { operatorKey, host, keys }: Pick<Config, "operatorKey" | "host" | "keys">,
  tokens: Pick<OwnerTokens, "fingerprint">,
): IsOperator {
  if (operatorKey === undefined) {
    return (request) => keys.size === 0 && isLoopback(host) && isLocal(request) && !isForeign(request);
  }
  // Compared by fingerprint: how long it takes tells nothing of the key.
  const wanted = tokens.fingerprint(operatorKey);
  return (request) => {
    const bearer = bearerOf(request);
    return bearer !== undefined && tokens.fingerprint(bearer) === wanted;
  };
}
