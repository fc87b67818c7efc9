import { wrongOption } from "../base/options.ts";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { SluiceError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import { validate, type MaybePromise } from "./schema.ts";

/** What every event carries beside its payload. */
export interface EventMeta {
  readonly runId: string;
  /** What several runs have in common: a conversation, say. */
  readonly contextId: string;
  /** The caller's own name for the run, where it gave one. */
  readonly correlationId?: string;
}

/** An event of a run. */
export interface Envelope<Name extends string = string, Payload = unknown> {
  readonly name: Name;
  readonly meta: EventMeta;
  readonly payload: Payload;
}

/** An event before it belongs to a run: what is given to `emit`. */
export interface UnboundEvent<Name extends string = string, Payload = unknown> {
  readonly name: Name;
  readonly payload: Payload;
}

type Input<Schema extends StandardSchemaV1> = StandardSchemaV1.InferInput<Schema>;
type Output<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

/** Checks an event that is to be emitted, unless this definition has made it. Internal. */
export const CHECK: unique symbol = Symbol("check");
/** Checks it in the same way, and makes an event of a run of it. Internal. */
export const BIND: unique symbol = Symbol("bind");

/** A kind of event: a name and the schema of what it carries. In a network a name has one definition. */
export interface EventDefinition<Name extends string = string, Schema extends StandardSchemaV1 = StandardSchemaV1> {
  readonly name: Name;
  readonly payload: Schema;
  /**
   * An event to emit. What the schema makes of the payload is what it carries.
   * @throws SluiceError `agents/invalid-event`; `option/invalid` for a schema that checks asynchronously: `emit` takes
   * `{name, payload}` as it is, and checks it
   */
  make(payload: Input<Schema>): UnboundEvent<Name, Output<Schema>>;
  /** The same with meta, for a plane or a test. @throws as `make` */
  makeBound(meta: EventMeta, payload: Input<Schema>): Envelope<Name, Output<Schema>>;
  /** Anything, checked: name, meta and payload. @throws SluiceError `agents/invalid-event` */
  decode(value: unknown): Promise<Envelope<Name, Output<Schema>>>;
  /**
   * Whether it is such an event, with a payload that fits. An event that comes from a plane is known by itself; to check
   * another one by a schema that checks asynchronously throws `option/invalid`.
   */
  is(value: unknown): value is Envelope<Name, Output<Schema>>;
  [CHECK](event: UnboundEvent): MaybePromise<UnboundEvent>;
  [BIND](event: UnboundEvent, meta: EventMeta): MaybePromise<Envelope>;
}

/** What `emit` takes for events of these definitions: made by `make`, or `{name, payload}` as it is. */
export type Emittable<Definition extends EventDefinition> =
  Definition extends EventDefinition<infer Name, infer Schema>
    ? UnboundEvent<Name, Input<Schema>> | UnboundEvent<Name, Output<Schema>>
    : never;

/** The events of these definitions. */
export type EnvelopeOf<Definition extends EventDefinition> =
  Definition extends EventDefinition<infer Name, infer Schema> ? Envelope<Name, Output<Schema>> : never;

export const AgentNetworkEvent: {
  /** @param schema of any library that speaks Standard Schema: zod, valibot, arktype */
  of<const Name extends string, Schema extends StandardSchemaV1>(
    name: Name,
    schema: Schema,
  ): EventDefinition<Name, Schema>;
} = { of: define };

function define<const Name extends string, Schema extends StandardSchemaV1>(
  name: Name,
  schema: Schema,
): EventDefinition<Name, Schema> {
  checkName(name);
  const refuse = (why: string, said?: Error): SluiceError => invalidEvent(name, why, said);
  const made = (payload: Output<Schema>): Made<Name, Output<Schema>> => new Made(schema, name, payload);
  const bound = (meta: EventMeta, payload: Output<Schema>): Bound<Name, Output<Schema>> =>
    new Bound(schema, { name, meta, payload });

  function checkNow(payload: unknown): Output<Schema> {
    const checked = validate(schema, payload, refuse);
    if (!(checked instanceof Promise)) return checked;
    checked.catch(() => {});
    throw new SluiceError(
      "option/invalid",
      `The schema of ${name} checks asynchronously: use decode, or emit it as it is.`,
    );
  }

  return {
    name,
    payload: schema,
    make: (payload) => made(checkNow(payload)),
    makeBound: (meta, payload) => bound(meta, checkNow(payload)),
    async decode(value) {
      if (!isEnvelope(value) || value.name !== name) throw refuse("has another name, or no meta");
      return bound(value.meta, await validate(schema, value.payload, refuse));
    },
    is(value): value is Envelope<Name, Output<Schema>> {
      if (!isEnvelope(value) || value.name !== name) return false;
      return isMade(value, schema) || passes(() => checkNow(value.payload));
    },
    [CHECK](event) {
      if (isMade(event, schema)) return event;
      const checked = validate(schema, event.payload, refuse);
      return checked instanceof Promise ? checked.then(made) : made(checked);
    },
    [BIND](event, meta) {
      const checked = isMade(event, schema) ? event.payload : validate(schema, event.payload, refuse);
      return checked instanceof Promise ? checked.then((payload) => bound(meta, payload)) : bound(meta, checked);
    },
  };
}

/**
 * What a schema has checked. It needs no second look, and after a transformation would not pass one. Nobody else can make
 * one, nor change it, and a copy is none. (Kept in a WeakSet instead it takes half of an event's time.)
 */
class Made<Name extends string, Payload> implements UnboundEvent<Name, Payload> {
  readonly name: Name;
  readonly payload: Payload;
  readonly #schema: object;

  constructor(schema: object, name: Name, payload: Payload) {
    this.name = name;
    this.payload = payload;
    this.#schema = schema;
    Object.freeze(this);
  }

  static isBy(value: object, schema: object): boolean {
    return #schema in value && value.#schema === schema;
  }
}

class Bound<Name extends string, Payload> implements Envelope<Name, Payload> {
  readonly name: Name;
  readonly meta: EventMeta;
  readonly payload: Payload;
  readonly #schema: object;

  constructor(schema: object, { name, meta, payload }: Envelope<Name, Payload>) {
    this.name = name;
    this.meta = meta;
    this.payload = payload;
    this.#schema = schema;
    Object.freeze(this);
  }

  static isBy(value: object, schema: object): boolean {
    return #schema in value && value.#schema === schema;
  }
}

function isMade(event: UnboundEvent, schema: object): boolean {
  return Bound.isBy(event, schema) || Made.isBy(event, schema);
}

/** @throws SluiceError `agents/invalid-event` */
export function invalidEvent(name: string, why: string, cause?: unknown): SluiceError {
  return new SluiceError("agents/invalid-event", `The event ${JSON.stringify(name.slice(0, 64))} ${why}.`, { cause });
}

/** Whether it has the form of an event of a run, whatever it carries. */
export function isEnvelope(value: unknown): value is Envelope {
  return (
    isObject(value) &&
    typeof value["name"] === "string" &&
    isObject(value["meta"]) &&
    typeof value["meta"]["runId"] === "string"
  );
}

function passes(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof SluiceError && error.code === "agents/invalid-event") return false;
    throw error;
  }
}

function checkName(name: string): void {
  if (name !== "" && name.length <= 256 && !/[\r\n\0]/.test(name)) return;
  throw wrongOption("name", "The name of an event has 1 to 256 characters and no line break or NUL.");
}
