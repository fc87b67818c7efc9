import { createSluice, type Sluice } from "sluice/http";
import { words } from "./words.ts";

/** What `useChat()` asks: `/stream`, and all that goes with it. */
export const chat: Sluice = createSluice({
  authorize: (request) => request.headers.get("x-user") ?? "anonymous",
  answer:
    () =>
    ({ signal }) =>
      words(signal, 200),
});
