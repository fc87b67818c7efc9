import { SluiceError } from "sluice/errors";
import { requestOf, type NodeRequest, type NodeResponse, type Route } from "sluice/http";
import type { Metrics } from "./metrics.ts";
import type { IsOperator } from "./operator.ts";

const PATH = "/metrics";

/** Answers the operator. Says false to all others: `metricsRoute` then tells them why. */
export function createMetricsPage(
  metrics: Metrics,
  isOperator: IsOperator,
): (req: NodeRequest, res: NodeResponse) => Promise<boolean> {
  return async (req, res) => {
    if (req.method !== "GET" && req.method !== "HEAD") return false;
    const request = requestOf(req);
    if (request.location.pathname !== PATH || !isOperator(request)) return false;
    const text = await metrics.text();
    res.setHeader("Content-Type", metrics.contentType);
    res.setHeader("Cache-Control", "no-store");
    res.setHeader("Content-Length", Buffer.byteLength(text));
    if (req.method === "HEAD") res.end();
    else res.end(text);
    return true;
  };
}

export const metricsRoute: Route = {
  method: "GET",
  path: PATH,
  handle() {
    throw new SluiceError("auth/required", "The metrics are for the operator: Authorization: Bearer <operator key>.");
  },
};
