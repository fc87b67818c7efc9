import { createHash, createHmac, createSecretKey, randomBytes } from "node:crypto";
import { parseCookie, stringifySetCookie } from "cookie";
import { SignJWT, jwtVerify } from "jose";
import { SluiceError } from "sluice/errors";
import type { RequestLike } from "sluice/http";
import type { IsOperator } from "./operator.ts";
import { isForeign } from "./owners.ts";

/** By what somebody is known to be the operator. */
export type OperatorBy = "key" | "this machine" | `session ${string}`;

/** Who may look at the runs of others. A browser sends no Bearer with a page, so it exchanges the key for a cookie. */
export interface InspectorSessions {
  /**
   * For the page, to know what to show: whoever asks may ask that.
   * @throws SluiceError `request/refused-origin`
   */
  who(request: RequestLike): Promise<{ readonly by: OperatorBy | undefined; readonly keyIsSet: boolean }>;
  /** @throws SluiceError `request/refused-origin`, `auth/required` */
  check(request: RequestLike): Promise<OperatorBy>;
  /** The cookie for the operator's key, and the session's name. @throws as `check` */
  open(request: RequestLike, key: string): Promise<{ readonly cookie: string; readonly by: OperatorBy }>;
  /** What takes the cookie back. It stays valid for whoever has kept it, until it runs out or the key is another. */
  close(request: RequestLike): string;
}

export interface InspectorSessionsOptions {
  readonly secret: string;
  readonly operatorKey: string | undefined;
  readonly isOperator: IsOperator;
}

const COOKIE = "sluice_operator";
const ALGORITHM = "HS256";
// Of its own: an owner's cookie is none of the operator's, nor the other way round.
const AUDIENCE = "sluice/inspector";
const HALF_A_DAY_S = 43_200;

export function createInspectorSessions(options: InspectorSessionsOptions): InspectorSessions {
  const { operatorKey, isOperator } = options;
  const signing = createSecretKey(createHash("sha256").update(`${AUDIENCE} ${options.secret}`).digest());
  const fingerprint = (key: string): string => createHmac("sha256", signing).update(key).digest("base64url");
  // Compared by fingerprint: how long it takes tells nothing of the key.
  const wanted = operatorKey === undefined ? undefined : fingerprint(operatorKey);

  async function sessionOf(request: RequestLike): Promise<string | undefined> {
    const text = parseCookie(request.headers.get("cookie") ?? "")[COOKIE];
    if (text === undefined || wanted === undefined) return undefined;
    try {
      const { payload } = await jwtVerify(text, signing, { algorithms: [ALGORITHM], audience: AUDIENCE });
      // It goes with the key that it was given for.
      return payload["key"] === wanted && payload.exp !== undefined ? payload.jti : undefined;
    } catch {
      return undefined; // a stranger's text, one that ran out, or one signed with an older secret
    }
  }

  async function known(request: RequestLike): Promise<OperatorBy | undefined> {
    if (isOperator(request)) return operatorKey === undefined ? "this machine" : "key";
    const session = await sessionOf(request);
    return session === undefined ? undefined : `session ${session}`;
  }

  return {
    async who(request) {
      refuseForeign(request);
      return { by: await known(request), keyIsSet: wanted !== undefined };
    },

    async check(request) {
      refuseForeign(request);
      const by = await known(request);
      if (by !== undefined) return by;
      throw new SluiceError(
        "auth/required",
        operatorKey === undefined
          ? "This is for the operator, and no SLUICE_OPERATOR_KEY is set."
          : "This is for the operator: Authorization: Bearer <operator key>, or POST /inspector/session.",
      );
    },

    async open(request, key) {
      refuseForeign(request);
      if (wanted === undefined || fingerprint(key) !== wanted) {
        throw new SluiceError("auth/required", "This is not the operator's key.");
      }
      const session = randomBytes(6).toString("hex");
      const token = await new SignJWT({ key: wanted })
        .setProtectedHeader({ alg: ALGORITHM })
        .setAudience(AUDIENCE)
        .setJti(session)
        .setIssuedAt()
        .setExpirationTime(`${HALF_A_DAY_S} s`)
        .sign(signing);
      return { cookie: cookieFor(request, token, HALF_A_DAY_S), by: `session ${session}` };
    },

    close(request) {
      refuseForeign(request);
      return cookieFor(request, "", 0);
    },
  };
}

/** Whatever it carries: nobody looks at other people's runs from another site's page. */
function refuseForeign(request: RequestLike): void {
  if (!isForeign(request)) return;
  throw new SluiceError("request/refused-origin", "The inspector is for its own page, and for programs.");
}

function cookieFor(request: RequestLike, value: string, maxAge: number): string {
  return stringifySetCookie({
    name: COOKIE,
    value,
    httpOnly: true,
    sameSite: "strict",
    path: "/inspector",
    maxAge,
    secure: request.url.startsWith("https:") || /^https\b/.test(request.headers.get("x-forwarded-proto") ?? ""),
  });
}
