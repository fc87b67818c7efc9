import { wrongOption } from "../base/options.ts";
import { SluiceError } from "../base/errors.ts";
import type { ExposeOptions, ExposeRequest } from "./exposed.ts";

/** Owns what nobody owns. */
export const ANONYMOUS = "anonymous";

/** @throws SluiceError `auth/required`, `auth/forbidden` with the status that `auth` gave in its details */
export async function ownerOf(auth: ExposeOptions["auth"], request: ExposeRequest): Promise<string> {
  const result = auth ? await auth(request) : undefined;
  if (result === undefined) return ANONYMOUS;
  if (result.allowed) {
    if (result.owner === ANONYMOUS) throw anonymous();
    return result.owner ?? ANONYMOUS;
  }
  const { status = 401, message = "This needs credentials." } = result;
  throw new SluiceError(status === 401 ? "auth/required" : "auth/forbidden", message, { details: { status } });
}

function anonymous(): SluiceError {
  return wrongOption("owner", `An owner cannot have the name ${ANONYMOUS}.`);
}
