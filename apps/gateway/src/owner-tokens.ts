import { createHash, createHmac, createSecretKey } from "node:crypto";
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
  /** Tells keys apart without telling them: it takes the secret to try keys against one. */
  fingerprint(key: string): string;
}

const ALGORITHM = "HS256";
const AUDIENCE = "sluice";

export function createOwnerTokens(secret: string): OwnerTokens {
  const signing = createSecretKey(createHash("sha256").update(secret).digest());
  return {
    sign: ({ owner, key }) =>
      new SignJWT(key === undefined ? {} : { key })
        .setProtectedHeader({ alg: ALGORITHM })
        .setSubject(owner)
        .setAudience(AUDIENCE)
        .setIssuedAt()
        .sign(signing),
    async verify(text) {
      try {
        const { payload } = await jwtVerify(text, signing, { algorithms: [ALGORITHM], audience: AUDIENCE });
        if (payload.sub === undefined) return undefined;
        return { owner: payload.sub, ...(typeof payload["key"] === "string" ? { key: payload["key"] } : {}) };
      } catch {
        return undefined; // a stranger's text, or one signed with an older secret
      }
    },
    fingerprint: (key) => createHmac("sha256", signing).update(`key:${key}`).digest("base64url"),
  };
}
