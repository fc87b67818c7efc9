import { z } from "zod";
import { SluiceError } from "sluice/errors";
import { empty, readBody, type Route } from "sluice/http";
import type { Owners } from "./owners.ts";

const body = z.object({ key: z.string().min(1).max(1024) });

/** `POST /session {key}`: a page exchanges a key for the cookie, so that it need not keep the key. */
export function sessionRoute(owners: Owners): Route {
  return {
    method: "POST",
    path: "/session",
    async handle(call) {
      const parsed = body.safeParse(await readBody(call));
      if (!parsed.success) {
        throw new SluiceError("request/invalid", "key: a key of this server is needed.", { details: { field: "key" } });
      }
      return empty(204, { "set-cookie": await owners.exchange(call, parsed.data.key), "cache-control": "no-store" });
    },
  };
}
