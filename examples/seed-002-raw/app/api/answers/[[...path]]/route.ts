import { createSluice } from "sluice/http";
import { words } from "../../../../words.ts";

const sluice = createSluice({
  basePath: "/api/answers",
  authorize: (request) => request.headers.get("x-user") ?? "anonymous",
});

/**
 * The same stream on Sluice: a run, in the dialect `text`, so the words travel as in the document and have ids. It goes
 * on when its reader leaves, resumes at `Location`, and is stopped by POST to `/api/answers/runs/<id>/stop`. With
 * `Accept: text/plain` it is bare UTF-8, as the document's reader takes it.
 */
export async function POST(request: Request): Promise<Response> {
  if (request.url.includes("/runs/")) return sluice.handle(request);
  const owner = request.headers.get("x-user") ?? "anonymous";
  const requestId = request.headers.get("idempotency-key") ?? undefined;
  const run = await sluice.startRun({ owner, requestId }, ({ signal }) => words(signal));
  return run.toResponse(request, { dialect: "text" });
}

export const GET = sluice.handle;
