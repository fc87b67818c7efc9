import { createHash, createSecretKey } from "node:crypto";
import { SignJWT, jwtVerify } from "jose";

/** Who a cookie or an owner token speaks for. */
export interface OwnerToken {
  readonly owner: string;
  /** Fingerprint of the key it was given for; absent for an anonymous owner. */
  readonly key?: string;
}

export interface OwnerTokens {
  sign(token: OwnerToken): Promise<string>;
  /** undefined for anything that was not signed here. */
  verify(text: string): Promise<OwnerToken | undefined>;
}

const ALGORITHM = "HS256";
const AUDIENCE = "sluice";

export function createOwnerTokens(secret: string): OwnerTokens {
  const key = createSecretKey(createHash("sha256").update(secret).digest());
  return {
    sign: ({ owner, key: fingerprint }) =>
      new SignJWT(fingerprint === undefined ? {} : { key: fingerprint })
        .setProtectedHeader({ alg: ALGORITHM })
        .setSubject(owner)
        .setAudience(AUDIENCE)
        .setIssuedAt()
        .sign(key),
    async verify(text) {
      try {
        const { payload } = await jwtVerify(text, key, { algorithms: [ALGORITHM], audience: AUDIENCE });
        if (payload.sub === undefined) return undefined;
        return { owner: payload.sub, ...(typeof payload["key"] === "string" ? { key: payload["key"] } : {}) };
      } catch {
        return undefined; // a stranger's text, or one signed with an older secret
      }
    },
  };
}

export function fingerprintOf(key: string): string {
  return createHash("sha256").update(key).digest("hex").slice(0, 32);
}
