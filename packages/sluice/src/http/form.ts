import { SluiceError } from "../base/errors.ts";
import type { Dialect } from "../dialects/index.ts";
import type { Service } from "./service.ts";
import type { RequestLike } from "./types.ts";

/** A dialect, and how its frames are put: what a reader asks for by query and `Accept`. */
export interface Form {
  readonly dialect: Dialect;
  readonly ids: IdStyle;
  readonly encoding: DataEncoding;
  /** Text alone: no frames, no ids, no comments. */
  readonly bare: boolean;
  /** The query by which a reader gets the same form again. */
  readonly query: string;
}

export type IdStyle = "offset" | "uuid";
/** Of a frame's data. */
export type DataEncoding = "json" | "base64" | "br+base64";

const IDS: readonly [IdStyle, ...IdStyle[]] = ["offset", "uuid"];
const ENCODINGS: readonly [DataEncoding, ...DataEncoding[]] = ["json", "base64", "br+base64"];

/** As every dialect is put that was not asked for in another way. */
export function plainForm(dialect: Dialect): Form {
  return { dialect, ids: "offset", encoding: "json", bare: false, query: queryOf(dialect, "offset", "json") };
}

/**
 * The dialect is `given`, or chosen by `?dialect=`, or by `Accept` (`text/event-stream; profile="…"`, `text/plain`), else
 * the fallback.
 * @throws SluiceError `dialect/unknown`; `request/invalid-parameter` for a value that a parameter of the dialect has not
 */
export function formOf(
  service: Pick<Service, "dialects">,
  call: RequestLike & { readonly location: URL },
  fallback: string,
  given?: string,
): Form {
  const { searchParams } = call.location;
  const accept = call.headers.get("accept") ?? "";
  const asText = wantsText(accept);
  const profile = /;\s*profile="?([^",;]+)"?/i.exec(accept)?.[1];
  const byAccept = profile ?? (asText && service.dialects.names.includes("text") ? "text" : undefined);
  const dialect = service.dialects.get(given ?? searchParams.get("dialect") ?? byAccept ?? fallback);
  const { name, headers, bare, parameters = [] } = dialect;
  // Who is sent elsewhere by a frame, in a drain, is one that resumes: it would be text.
  if (asText && bare) return { ...plainForm({ name, headers, resumes: false, ...bare }), bare: true };
  const valueOf = <Value extends string>(parameter: "ids" | "encoding", allowed: readonly [Value, ...Value[]]): Value =>
    parameters.includes(parameter) ? oneOf(allowed, parameter, searchParams.get(parameter)) : allowed[0];
  const [ids, encoding] = [valueOf("ids", IDS), valueOf("encoding", ENCODINGS)];
  return { dialect, ids, encoding, bare: false, query: queryOf(dialect, ids, encoding) };
}

function queryOf(dialect: Pick<Dialect, "name">, ids: IdStyle, encoding: DataEncoding): string {
  const query = new URLSearchParams({ dialect: dialect.name });
  if (ids !== "offset") query.set("ids", ids);
  if (encoding !== "json") query.set("encoding", encoding);
  return query.toString();
}

/**
 * Named first, as by somebody who means it: libraries name it too, behind JSON, though they would not know what to do
 * with an answer in pieces. With a weight of 0 it is refused.
 */
function wantsText(accept: string): boolean {
  const [type = "", ...parameters] = (accept.split(",", 1)[0] ?? "").split(";").map((part) => part.trim());
  return type.toLowerCase() === "text/plain" && !parameters.some((parameter) => /^q=0(?:\.0*)?$/i.test(parameter));
}

function oneOf<Value extends string>(
  allowed: readonly [Value, ...Value[]],
  field: string,
  value: string | null,
): Value {
  if (value === null) return allowed[0];
  // A plus sign in a query is a blank.
  const known = allowed.find((one) => one === value || one.replace("+", " ") === value);
  if (known !== undefined) return known;
  throw new SluiceError("request/invalid-parameter", `${field} must be one of ${allowed.join(", ")}.`, {
    details: { field, allowed },
  });
}
