import { requestOf, type NodeRequest, type NodeResponse, type Sluice } from "sluice/http";

/** Answers with an error before any route is asked; `last` ends the connection with it. Resolves when all is written. */
export async function sendRefusal(
  { toErrorResponse }: Pick<Sluice, "toErrorResponse">,
  error: unknown,
  { req, res, last }: { readonly req: NodeRequest; readonly res: NodeResponse; readonly last: boolean },
): Promise<void> {
  // A Request does not take every method that a client can send.
  const method = req.method === "POST" ? "POST" : "GET";
  const answer = toErrorResponse(error, new Request(requestOf(req).location, { method }));
  const body = Buffer.from(await answer.arrayBuffer());
  res.statusCode = answer.status;
  for (const [name, value] of answer.headers) res.setHeader(name, value);
  res.setHeader("Content-Length", body.byteLength);
  if ("stream" in res) {
    res.end(body);
    return;
  }
  if (last) res.setHeader("Connection", "close");
  if (!last || req.complete || !("complete" in req)) {
    res.end(body);
    return;
  }
  // Closed while its body is on the way, a client would be reset before it has read the answer.
  res.write(body);
  await new Promise<void>((resolve) => {
    req.once("end", resolve);
    req.once("close", resolve);
    req.resume();
  });
  res.end();
}
