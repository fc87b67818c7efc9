import { SluiceError } from "sluice/errors";
import type { Connection } from "./follow.ts";

/** Takes a question back whose run is not known. One that never arrived is a 404, which is as good. */
export async function cancelRequest({ fetch, origin }: Connection, requestId: string): Promise<void> {
  await fetch(new URL(`/cancel/${encodeURIComponent(requestId)}`, origin), { method: "POST" }).catch(() => undefined);
}

/** Exchanges an API key for a cookie. @throws SluiceError `auth/required`, with a message for the person */
export async function signIn({ fetch, origin }: Connection, key: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ key });
  const response = await fetch(new URL("/session", origin), { method: "POST", headers, body }).catch(() => undefined);
  if (response?.ok) return;
  const answer: unknown = await response?.json().catch(() => undefined);
  const error = isObject(answer) && isObject(answer["error"]) ? answer["error"] : {};
  const silent = response ? `The server answered ${response.status}.` : "The server cannot be reached.";
  throw new SluiceError("auth/required", typeof error["message"] === "string" ? error["message"] : silent);
}

/** True when no model but the demo model is there to answer. Whatever else is answered counts as a real model. */
export async function isDemo({ fetch, origin }: Connection): Promise<boolean> {
  try {
    const response = await fetch(new URL("/registry", origin));
    const registry: unknown = response.ok ? await response.json() : undefined;
    const models: unknown = isObject(registry) ? registry["models"] : undefined;
    return (
      Array.isArray(models) && models.length > 0 && models.every((model) => isObject(model) && model["demo"] === true)
    );
  } catch {
    return false;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
