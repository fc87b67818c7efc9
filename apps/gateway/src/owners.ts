import { randomBytes } from "node:crypto";
import { parseCookie, stringifySetCookie } from "cookie";
import { SluiceError } from "sluice/errors";
import type { Action, Caller, RequestLike } from "sluice/http";
import type { Config } from "./config.ts";
import { isLocal, isLoopback } from "./loopback.ts";
import type { OwnerTokens } from "./owner-tokens.ts";

/** Who is asking: a key or a token as Bearer, else the cookie, else, where no keys are set, a new anonymous owner. */
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
  // Looked up by fingerprint: how long it takes tells nothing of the keys.
  const owners = new Map(Array.from(keys, ([key, owner]) => [tokens.fingerprint(key), owner]));

  const ownerOfKey = (key: string): string | undefined => owners.get(tokens.fingerprint(key));

  const allowsAnonymous = (request: RequestLike): boolean =>
    keys.size === 0 && (allowAnonymous || (isLoopback(host) && isLocal(request)));

  async function ownerOfToken(request: RequestLike, text: string | undefined): Promise<string | undefined> {
    const token = text === undefined ? undefined : await tokens.verify(text);
    if (!token) return undefined;
    if (token.key === undefined) return allowsAnonymous(request) ? token.owner : undefined;
    // It goes with the key that it was given for.
    return owners.get(token.key) === token.owner ? token.owner : undefined;
  }

  return {
    async authorize(request, action) {
      const bearer = bearerOf(request);
      if (bearer !== undefined) return ownerOfKey(bearer) ?? ownerOfToken(request, bearer);
      const foreign = isForeign(request);
      if (foreign && !corsOrigins.includes(request.headers.get("origin") ?? "")) throw refusedOrigin();
      // A cookie comes along with whatever any page sends.
      const known = foreign ? undefined : await ownerOfToken(request, cookieOf(request));
      if (known !== undefined || !allowsAnonymous(request)) return known;
      const owner = newOwner();
      // Who starts nothing has nothing to come back to.
      if (action.kind !== "start") return owner;
      const token = await tokens.sign({ owner });
      const headers = { "sluice-owner-token": token };
      return { owner, headers: foreign ? headers : { ...headers, "set-cookie": cookieFor(request, token) } };
    },

    async exchange(request, key) {
      if (isForeign(request)) throw refusedOrigin();
      const owner = ownerOfKey(key);
      if (owner === undefined) throw new SluiceError("auth/required", "This is not a key of this server.");
      return cookieFor(request, await tokens.sign({ owner, key: tokens.fingerprint(key) }));
    },

    async welcome(request) {
      if (!allowsAnonymous(request) || (await ownerOfToken(request, cookieOf(request))) !== undefined) return undefined;
      return cookieFor(request, await tokens.sign({ owner: newOwner() }));
    },
  };
}

/** Other schemes are a proxy's own business; a Bearer without a token is a mistake, and answered as one. */
export function bearerOf(request: RequestLike): string | undefined {
  const bearer = /^Bearer(?: +(.*))?$/i.exec(request.headers.get("authorization") ?? "");
  return bearer ? (bearer[1] ?? "") : undefined;
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
    secure: request.url.startsWith("https:") || /^https\b/.test(request.headers.get("x-forwarded-proto") ?? ""),
  });
}

function newOwner(): string {
  return `anonymous_${randomBytes(16).toString("hex")}`;
}

/** Sent by a page of another origin. A program that is no browser says nothing, and has no cookie to abuse. */
export function isForeign(request: RequestLike): boolean {
  // Browsers say it themselves on https and on localhost; the Host is not what they asked for behind some proxies.
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site !== "same-origin" && site !== "none";
  const origin = request.headers.get("origin");
  if (origin === null) return false;
  return !URL.canParse(origin) || new URL(origin).host !== request.headers.get("host")?.toLowerCase();
}

function refusedOrigin(): SluiceError {
  return new SluiceError("request/refused-origin", "Pages of other origins need a key: Authorization: Bearer.");
}
