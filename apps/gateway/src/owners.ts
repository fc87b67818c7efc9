import { randomBytes, timingSafeEqual } from "node:crypto";
import { parseCookie, stringifySetCookie } from "cookie";
import { SluiceError } from "sluice/errors";
import type { Action, Caller, RequestLike } from "sluice/http";
import type { Config } from "./config.ts";
import { isLocal, isLoopback } from "./loopback.ts";
import { fingerprintOf, type OwnerTokens } from "./owner-tokens.ts";

/** Who is asking: a key or a token as Bearer, else the cookie, else (on this machine only) a new anonymous owner. */
export interface Owners {
  authorize(request: RequestLike, action: Action): Promise<Caller | undefined>;
  /** The cookie for a key. @throws SluiceError `auth/required` for a key that is none, `request/refused-origin` */
  exchange(request: RequestLike, key: string): Promise<string>;
  /** The cookie that a page hands out: for somebody without one, where nobody needs a key. */
  welcome(request: RequestLike): Promise<string | undefined>;
}

type OwnersConfig = Pick<Config, "keys" | "allowAnonymous" | "corsOrigins" | "host">;

const COOKIE = "sluice_owner";
const YEAR_S = 31_536_000;

export function createOwners(config: OwnersConfig, tokens: OwnerTokens): Owners {
  const { keys, allowAnonymous, corsOrigins, host } = config;
  const localOnly = !allowAnonymous;
  const fingerprints = new Map(Array.from(keys, ([key, owner]) => [fingerprintOf(key), owner]));

  function ownerOfKey(given: string): string | undefined {
    let found: string | undefined;
    for (const [key, owner] of keys) if (sameText(key, given)) found = owner; // all are compared: time tells nothing
    return found;
  }

  async function ownerOfToken(text: string | undefined): Promise<string | undefined> {
    const token = text === undefined ? undefined : await tokens.verify(text);
    if (!token) return undefined;
    // With the key that it was given for, a cookie goes too; anonymous ones go when keys are set.
    if (keys.size > 0) return token.key !== undefined && fingerprints.get(token.key) === token.owner ? token.owner : undefined;
    return token.key === undefined ? token.owner : undefined;
  }

  function anonymousAllowed(request: RequestLike): boolean {
    if (keys.size > 0) return false;
    return !localOnly || (isLoopback(host) && isLocal(request));
  }

  async function newOwner(): Promise<{ readonly owner: string; readonly token: string }> {
    const owner = `anonymous_${randomBytes(16).toString("hex")}`;
    return { owner, token: await tokens.sign({ owner }) };
  }

  return {
    async authorize(request, action) {
      const bearer = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
      if (bearer !== undefined) return ownerOfKey(bearer) ?? (await ownerOfToken(bearer));
      const foreign = isForeign(request);
      if (foreign && !corsOrigins.includes(request.headers.get("origin") ?? "")) throw refusedOrigin();
      const known = foreign ? undefined : await ownerOfToken(cookieOf(request));
      if (known !== undefined || !anonymousAllowed(request)) return known;
      const { owner, token } = await newOwner();
      if (action.kind !== "start") return owner;
      // A page of another origin gets no cookie: it keeps the token itself.
      const headers = { "sluice-owner-token": token };
      return { owner, headers: foreign ? headers : { ...headers, "set-cookie": cookieFor(request, token) } };
    },

    async exchange(request, key) {
      if (isForeign(request)) throw refusedOrigin();
      const owner = ownerOfKey(key);
      if (owner === undefined) throw new SluiceError("auth/required", "This is not a key of this server.");
      return cookieFor(request, await tokens.sign({ owner, key: fingerprintOf(key) }));
    },

    async welcome(request) {
      if (!anonymousAllowed(request) || (await ownerOfToken(cookieOf(request))) !== undefined) return undefined;
      return cookieFor(request, (await newOwner()).token);
    },
  };
}

function cookieOf(request: RequestLike): string | undefined {
  return parseCookie(request.headers.get("cookie") ?? "")[COOKIE];
}

function cookieFor(request: RequestLike, token: string): string {
  return stringifySetCookie({
    name: COOKIE,
    value: token,
    httpOnly: true,
    sameSite: "lax",
    path: "/",
    maxAge: YEAR_S,
    secure: request.url.startsWith("https:") || request.headers.get("x-forwarded-proto") === "https",
  });
}

/** Sent by a page of another origin. A program that is no browser says nothing, and has no cookie to abuse. */
function isForeign(request: RequestLike): boolean {
  // Browsers say it themselves on https and on localhost; the Host is not what they asked for behind some proxies.
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site !== "same-origin" && site !== "none";
  const origin = request.headers.get("origin");
  if (origin === null) return false;
  return !URL.canParse(origin) || new URL(origin).host !== request.headers.get("host");
}

function refusedOrigin(): SluiceError {
  return new SluiceError("request/refused-origin", "Pages of other origins need a key: Authorization: Bearer.");
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(fingerprintOf(a));
  return timingSafeEqual(left, Buffer.from(fingerprintOf(b)));
}
