/** What an event adds to the text, in each dialect. @param {{ event?: string | undefined, data: string }} event */
export function deltaOf({ event, data }) {
  if (event === "chunk") return JSON.parse(data).content;
  if ((event !== undefined && event !== "stream_event") || !data.startsWith("{")) return undefined;
  const { type, content, delta } = JSON.parse(data);
  if (type === "text-delta") return delta;
  return type === "chunk" ? content : undefined;
}
