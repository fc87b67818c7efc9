import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { NodeRequest, NodeResponse } from "./node.ts";

// RFC 9113 section 7. NO_ERROR and CANCEL look like a clean end to HTTP/2 clients.
const INTERNAL_ERROR = 2;
const FLUSH_MS = 5_000;
const RESET_MS = 50;

/**
 * Ends an unfinished answer so that its reader sees it is broken (promise 3). What each kind of connection needs was
 * measured (PROTOCOL.md section 7): an HTTP/1.1 body without its last chunk is incomplete; an HTTP/1.0 body ends with
 * the connection, so only a reset is visible.
 */
export function breakOff(req: NodeRequest, res: NodeResponse, clock: Clock): void {
  if ("stream" in res) {
    res.stream.close(INTERNAL_ERROR);
    return;
  }
  const { socket } = req;
  // Frames that are complete are of use to a reader, so what was written still goes out, unless it takes nothing.
  const cancel = clock.timer(FLUSH_MS, () => reset(socket));
  socket.write("", () => {
    cancel();
    if (req.httpVersionMinor > 0) socket.destroy();
    // A reset that comes together with the last bytes is a clean end to some readers, Node among them.
    else clock.timer(RESET_MS, () => reset(socket));
  });
}

// TLS and Unix sockets know no reset, and Node throws. TLS at least ends without the alert that means a proper end.
function reset(socket: Socket): void {
  try {
    socket.resetAndDestroy();
  } catch {
    socket.destroy();
  }
}
