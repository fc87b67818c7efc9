import { call, isObject, type Server } from "./call.ts";

export interface Registry {
  readonly models: readonly string[];
  /** No model but the demo model is there to answer. */
  readonly demo: boolean;
  readonly dialects: readonly string[];
}

export const UNKNOWN_REGISTRY: Registry = { models: [], demo: false, dialects: [] };

/** What the server has. Where it cannot be asked, nothing is known: asking a question still works. */
export async function readRegistry(server: Server): Promise<Registry> {
  try {
    return parseRegistry(await call(server, "/registry"));
  } catch {
    return UNKNOWN_REGISTRY;
  }
}

function parseRegistry(value: unknown): Registry {
  if (!isObject(value)) return UNKNOWN_REGISTRY;
  const models = listOf(value["models"]).filter(isObject);
  return {
    models: models.map((model) => model["name"]).filter(isText),
    demo: models.length > 0 && models.every((model) => model["demo"] === true),
    dialects: listOf(value["dialects"]).filter(isText),
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
