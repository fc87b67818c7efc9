import type { ReactElement } from "react";
import { useEventSource } from "sluice/react";

/** The hook with its results and handlers (line 162), on the route of the notifications. */
export function Notifications(): ReactElement {
  const {
    data, // Latest received data
    error, // Error if any
    isConnected, // Connection status
    close, // Manual close function
  } = useEventSource("/api/notifications", {
    onMessage: (event) => {
      console.log("Received:", event.data);
    },
    onError: (error) => {
      console.error("SSE Error:", error);
    },
  });

  return (
    <div title={error?.message}>
      {isConnected ? "Connected" : "Disconnected"}
      {data && <pre>{JSON.stringify(data, null, 2)}</pre>}
      <button onClick={close}>Close</button>
    </div>
  );
}
