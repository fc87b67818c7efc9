// app.ts
import { createSluice, type Sluice } from "sluice/http";
import type { Model } from "sluice/llm";

export function createApp(model: Model): Sluice {
  return createSluice({
    authorize: (request) => request.headers.get("x-user") ?? undefined,
    answer:
      ({ messages }) =>
      ({ signal }) =>
        model.stream({ messages }, signal),
  });
}
