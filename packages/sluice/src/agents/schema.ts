import type { StandardSchemaV1 } from "@standard-schema/spec";

export type MaybePromise<T> = T | Promise<T>;

/** @param said what the schema says of it: foreign, and it may quote the value */
export type Refuse = (why: string, said: Error) => Error;

/**
 * What the schema makes of a value, at once where the schema checks at once.
 * @throws what `refuse` makes of the first thing that is wrong, rejected where the schema answers later
 */
export function validate<Schema extends StandardSchemaV1>(
  schema: Schema,
  value: unknown,
  refuse: Refuse,
): MaybePromise<StandardSchemaV1.InferOutput<Schema>> {
  const result = schema["~standard"].validate(value);
  return result instanceof Promise ? result.then((later) => outputOf(later, refuse)) : outputOf(result, refuse);
}

function outputOf<Schema extends StandardSchemaV1>(
  result: StandardSchemaV1.Result<unknown>,
  refuse: Refuse,
): StandardSchemaV1.InferOutput<Schema> {
  if (result.issues === undefined) return result.value;
  const issue = result.issues[0];
  const path = issue?.path?.map((key) => String(typeof key === "object" ? key.key : key)) ?? [];
  const field = ["payload", ...path].join(".").slice(0, 128);
  throw refuse(`does not fit its schema at ${field}`, new TypeError((issue?.message ?? "invalid").slice(0, 256)));
}
