import { wrongOption } from "../base/options.ts";

// What the store keeps beside runs has owners that no caller can have.
const RESERVED = "sluice/";
const MAX_LENGTH = 512;

/** @throws SluiceError `option/invalid` for an owner that is empty, too long or reserved */
export function checkOwner(owner: string): string {
  if (owner !== "" && owner.length <= MAX_LENGTH && !owner.startsWith(RESERVED)) return owner;
  throw wrongOption("owner", `An owner has 1 to ${MAX_LENGTH} characters and does not begin with ${RESERVED}`);
}

/** Who owns an owner's conversations, so that they are not among the runs. */
export function ownerOfThreads(owner: string): string {
  return `${RESERVED}threads/${checkOwner(owner)}`;
}
