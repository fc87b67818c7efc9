import { createHub } from "sluice/hub";

export { createSSEStream, sseResponse } from "sluice/sse";
export type { SSEMessage } from "sluice/sse";

// The document's connection manager. With `createHub({ store })` over Redis it reaches the connections of all nodes.
export const { registerConnection, unregisterConnection, broadcast, getConnectionCount, getConnectionKeys } =
  createHub();
