import { createMemoryLog, type LogStore } from "sluice/log";
import { describe, expect, it } from "vitest";
import { keptSecret } from "../src/secret.ts";
import { question, site } from "./support.ts";

const OWNER = "sluice:system";
/** What a gateway does that dies before it has written its secret. */
const takeClaim = (store: LogStore) =>
  store.create("system_0", { owner: OWNER, meta: {}, ttlMs: 1e9, claim: { key: "secret", hash: "" } });

describe("the secret in the store", () => {
  it("is one, however many gateways ask for it at the same time", async () => {
    const store = createMemoryLog();
    const secrets = await Promise.all(Array.from({ length: 20 }, () => keptSecret(store)));
    expect(new Set(secrets).size).toBe(1);
    expect(secrets[0]).toMatch(/^[\da-f]{64}$/);
    expect(await keptSecret(store)).toBe(secrets[0]);
    expect(await keptSecret(createMemoryLog())).not.toBe(secrets[0]);
  });

  it("lets two gateways on one store that start together verify each other's cookies and tokens", async () => {
    const store = createMemoryLog();
    const [one, two] = await Promise.all([site({}, { store }), site({}, { store })]);
    for (const [first, second] of [
      [one, two],
      [two, one],
    ] as const) {
      const { headers, cookie = "" } = await first.ask({ body: question() });
      const id = headers["sluice-run-id"];
      const token = { authorization: `Bearer ${String(headers["sluice-owner-token"])}` };
      expect((await second.ask({ at: `GET /runs/${String(id)}`, headers: { cookie } })).json).toMatchObject({ id });
      expect((await second.ask({ at: `GET /runs/${String(id)}`, headers: token })).json).toMatchObject({ id });
    }
  });

  it("cannot be read over HTTP, whoever asks and whatever it calls itself", async () => {
    const store = createMemoryLog();
    const at = await site({ SLUICE_API_KEYS: "system:key1" }, { store });
    const [log] = (await store.list({ owner: OWNER, limit: 1 })).logs;
    for (const path of [`/runs/${log?.id}`, `/runs/${log?.id}/events`, "/runs/system_secret"]) {
      const answer = await at.ask({ at: `GET ${path}`, headers: { authorization: "Bearer key1" } });
      expect([answer.status, answer.code]).toEqual([404, "run/not-found"]);
    }
    const answer = await at.ask({ at: "POST /cancel/secret", headers: { authorization: "Bearer key1" } });
    expect([answer.status, answer.code]).toEqual([404, "run/not-found"]);
  });

  it("is made by the next gateway when the one that began died before it wrote", async () => {
    const store = createMemoryLog();
    const { fence } = await takeClaim(store);
    const made = await keptSecret(store);
    expect(made).toMatch(/^[\da-f]{64}$/);
    // It had only been slow: too late.
    await expect(store.close("system_0", ['"late"'], { expected: 0, fence })).rejects.toMatchObject({
      code: "log/closed",
    });
    expect(await keptSecret(store)).toBe(made);
  });

  it("is never something else that stands in its place", async () => {
    const store = createMemoryLog();
    const { fence } = await takeClaim(store);
    await store.close("system_0", ['{"type":"error","errorText":"The producer was lost."}'], { expected: 0, fence });
    await expect(keptSecret(store)).rejects.toThrow("SLUICE_SECRET");
  });

  it("is not asked for when one is given", async () => {
    const store = createMemoryLog();
    await site({ SLUICE_SECRET: "sixteen letters and more" }, { store });
    expect((await store.list({ owner: OWNER, limit: 1 })).logs).toEqual([]);
  });
});
