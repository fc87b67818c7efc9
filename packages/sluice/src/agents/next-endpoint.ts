import type { ExposedAPI } from "./exposed.ts";

export interface NextEndpointOptions {
  /** What several runs have in common: their events are the agents' `contextEvents`. */
  readonly requestToContextId?: (request: Request) => string | undefined;
  /** The caller's own name for the run. The same name and payload again attach to the run that there is. */
  readonly requestToRunId?: (request: Request) => string | undefined;
}

/**
 * A route handler of Next, or of whatever takes a Web `Request`: `export const GET = handler, POST = handler`. In a
 * route `[[...path]]` it also resumes and stops by `Location`; in a plain one it resumes by `Last-Event-ID`.
 */
export const NextEndpoint: {
  from(api: ExposedAPI, options?: NextEndpointOptions): { handler(): (request: Request) => Promise<Response> };
} = {
  from: (api, { requestToContextId, requestToRunId } = {}) => ({
    handler: () => (request) =>
      api.handle(request, () => ({ contextId: requestToContextId?.(request), runId: requestToRunId?.(request) })),
  }),
};
