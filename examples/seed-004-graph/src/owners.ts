import { SluiceError } from "sluice/errors";
import type { Authorize } from "sluice/http";

export interface Owners {
  readonly authorize: Authorize;
  /** The address to listen at: with no keys, this machine's own. */
  readonly host: string;
}

const LOCAL = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** @param keys `name:key,name:key`; whoever has a key is that owner. Without any, this machine is one owner. */
export function createOwners(keys: string | undefined): Owners {
  const pairs = (keys ?? "").split(",").filter((pair) => pair.includes(":"));
  if (pairs.length === 0) {
    return {
      host: "127.0.0.1",
      authorize(request) {
        // A page elsewhere can send requests here, also under a name of its own that points here.
        const isOurs = LOCAL.test(request.headers.get("host") ?? "");
        if (isOurs && request.headers.get("sec-fetch-site") !== "cross-site") return "local";
        throw new SluiceError("auth/forbidden", "Without GRAPH_API_KEYS only this machine may ask.");
      },
    };
  }
  const owners = new Map(pairs.map((pair) => [pair.slice(pair.indexOf(":") + 1), pair.slice(0, pair.indexOf(":"))]));
  return {
    host: "0.0.0.0",
    authorize: (request) => owners.get(/^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? ""),
  };
}
