import { SluiceError } from "sluice/errors";

type Fetch = typeof globalThis.fetch;

/**
 * Asks a run to end. Without a run's id the request is named; one that never arrived is a 404, which is as good.
 * @throws SluiceError `client/refused`, or what fetch throws
 */
export async function stopRun(fetch: Fetch, { runId, requestId }: { runId?: string; requestId: string }): Promise<void> {
  const url =
    runId === undefined ? `/cancel/${encodeURIComponent(requestId)}` : `/runs/${encodeURIComponent(runId)}/stop`;
  const response = await fetch(url, { method: "POST" });
  if (!response.ok && response.status !== 404) throw await refused(response);
}

/** Exchanges an API key for a cookie. @throws SluiceError `client/refused`, or what fetch throws */
export async function signIn(fetch: Fetch, key: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  const response = await fetch("/session", { method: "POST", headers, body: JSON.stringify({ key }) });
  if (!response.ok) throw await refused(response);
}

/** True when no model but the demo model is there to answer. An unknown answer counts as a real model. */
export async function isDemo(fetch: Fetch): Promise<boolean> {
  try {
    const response = await fetch("/registry");
    const registry: unknown = response.ok ? await response.json() : undefined;
    const models = registryModels(registry);
    return models.length > 0 && models.every((model) => isObject(model) && model["demo"] === true);
  } catch {
    return false;
  }
}

function registryModels(registry: unknown): readonly unknown[] {
  const models = isObject(registry) ? registry["models"] : undefined;
  return Array.isArray(models) ? models : [];
}

async function refused(response: Response): Promise<SluiceError> {
  const body: unknown = await response.json().catch(() => undefined);
  const error = isObject(body) && isObject(body["error"]) ? body["error"] : {};
  const { code, message } = error;
  const text = typeof message === "string" ? message : `The server answered ${response.status}.`;
  return new SluiceError("client/refused", text, { details: { status: response.status, code, message } });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
