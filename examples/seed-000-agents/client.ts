/** In the browser: `base` is empty there. Ends with the answer; without `done` an EventSource would ask for more. */
export function listen(base: string, say: (text: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const eventSource = new EventSource(
      base + "/api/chat?payload=" + encodeURIComponent(JSON.stringify({ query: "Hi" })),
    );
    eventSource.addEventListener("agent-response", (e) => {
      const data = JSON.parse(e.data);
      say(data.payload.text);
    });
    eventSource.addEventListener("done", () => {
      eventSource.close();
      resolve();
    });
    // A connection that breaks is no `error` with data: the EventSource comes back by itself, and goes on.
    eventSource.addEventListener("error", (e) => {
      if (!("data" in e)) return;
      eventSource.close();
      reject(new Error(JSON.parse(String(e.data)).payload.message));
    });
  });
}

/** The whole stream as text: whoever reads chunks by hand has to find the events in them. `sluice/client` does. */
export async function post(base: string, path = "/api/chat"): Promise<string> {
  const res = await fetch(base + path, {
    method: "POST",
    body: JSON.stringify({ query: "Hi" }),
  });
  const reader = res.body?.getReader();
  if (!reader) return "";
  const decoder = new TextDecoder();
  let text = "";
  while (true) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
  }
}
