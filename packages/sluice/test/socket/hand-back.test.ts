import { createServer, type RequestListener, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { attachSocketConversation, loopback } from "sluice/socket";
import { afterEach, describe, expect, it } from "vitest";
import { lines, open, place, raw } from "./support.ts";

const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close()));

/** A server of one's own, that serves conversations too. */
async function listening(handle: RequestListener): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer(handle);
  servers.push(server);
  attachSocketConversation(server, { authorize: () => "alice", handler: loopback() });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, server };
}

// Whoever listens for upgrades is given all of them by Node: without care, every request of Java's HTTP client and of
// `curl --http2`, which offer HTTP/2 each time, would be left without an answer.
describe("requests that offer another upgrade", () => {
  const offer = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"];

  it("are answered as if they had not", async () => {
    const { port } = await place();
    expect(await raw(port, lines("GET /a?b=1 HTTP/1.1", "Host: a", ...offer, "", ""))).toMatch(
      /^HTTP\/1\.1 200 [\s\S]*plain GET \/a\?b=1/,
    );
  });

  it("with their body, whether it came at once or later, chunked or not", async () => {
    const { port } = await place();
    const whole = lines("POST /a HTTP/1.1", "Host: a", ...offer, "Content-Length: 5", "", "hello");
    expect(await raw(port, whole)).toContain("plain POST /a hello");
    const later = new Promise<string>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      let answer = "";
      socket.on("data", (piece) => (answer += piece.toString()));
      socket.on("close", () => resolve(answer));
      socket.write(
        lines("POST /b HTTP/1.1", "Host: a", ...offer, "Transfer-Encoding: chunked", "", "3\r\nhel\r\n"),
        () => {
          setImmediate(() => socket.write("2\r\nlo\r\n0\r\n\r\n"));
        },
      );
    });
    expect(await later).toContain("plain POST /b hello");
  });

  it("are cut where they are not there within the server's time for requests", async () => {
    const { port, server } = await listening(() => {});
    server.requestTimeout = 50;
    expect(await raw(port, lines("POST /a HTTP/1.1", "Host: a", ...offer, "Content-Length: 5", "", "he"))).toBe("");
  });

  it("are answered also on a connection that has had an answer", async () => {
    const { port } = await listening((req, res) => void res.end(`plain ${req.url}`));
    const second = lines("GET /b HTTP/1.1", "Host: a", ...offer, "", "");
    expect(await raw(port, lines("GET /a HTTP/1.1", "Host: a", "", ""), second)).toMatch(/plain \/a[\s\S]*plain \/b/);
  });

  for (const [what, path, asked] of [
    ["an upgrade that there is not", "/b", offer],
    ["a WebSocket", "/ws", ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY]],
  ] as const) {
    it(`end a connection on which an answer still goes on, and write nothing into it: ${what}`, async () => {
      const { port } = await listening((_req, res) => void res.write("not all of it"));
      const second = lines(`GET ${path} HTTP/1.1`, "Host: a", ...asked, "", "");
      const text = await raw(port, lines("GET /a HTTP/1.1", "Host: a", "", ""), second);
      expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200"]);
    });
  }

  it("for a WebSocket at another path are answered as requests, and left to others where there are some", async () => {
    const at = await place();
    const websocket = ["Connection: Upgrade", "Upgrade: websocket"];
    expect(await raw(at.port, lines("GET /other HTTP/1.1", "Host: a", ...websocket, "", ""))).toContain(
      "plain GET /other",
    );
    at.server.on("upgrade", (req, socket) => {
      if (req.url === "/other") socket.end("HTTP/1.1 299 Mine\r\n\r\n");
    });
    expect(await raw(at.port, lines("GET /other HTTP/1.1", "Host: a", ...websocket, "", ""))).toContain("299 Mine");
    await open(at.url);
  });
});
