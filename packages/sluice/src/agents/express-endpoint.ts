import type { NodeRequest, NodeResponse } from "../http/index.ts";
import type { ExposedAPI } from "./exposed.ts";

export interface ExpressEndpointOptions<Req extends NodeRequest = NodeRequest> {
  /** What several runs have in common: their events are the agents' `contextEvents`. */
  readonly requestToContextId?: (req: Req) => string | undefined;
  /** The caller's own name for the run. The same name and payload again attach to the run that there is. */
  readonly requestToRunId?: (req: Req) => string | undefined;
}

/**
 * A handler of Express, or of `node:http`, with or without a parser of bodies before it. `app.all("/api/chat", handler)`
 * serves GET and POST; `app.use("/api/chat", handler)` also resumes and stops by `Location`.
 */
export const ExpressEndpoint: {
  from<Req extends NodeRequest = NodeRequest>(
    api: ExposedAPI,
    options?: ExpressEndpointOptions<Req>,
  ): { handler(): (req: Req, res: NodeResponse) => Promise<void> };
} = {
  from: (api, { requestToContextId, requestToRunId } = {}) => ({
    handler: () => (req, res) =>
      api.handleNode(req, res, () => ({ contextId: requestToContextId?.(req), runId: requestToRunId?.(req) })),
  }),
};
