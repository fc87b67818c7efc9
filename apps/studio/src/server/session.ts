import { call, type Server } from "./call.ts";

/** Exchanges an API key for a cookie. @throws as `call` */
export async function signIn(server: Server, key: string): Promise<void> {
  await call(server, "/session", { method: "POST", body: { key } });
}
