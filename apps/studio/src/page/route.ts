/** The chat that an address names; undefined for a new one. */
export function threadOf(search: string): string | undefined {
  const id = new URLSearchParams(search).get("thread") ?? "";
  return id === "" || id.length > 256 ? undefined : id;
}

export function addressOf(threadId: string | undefined): string {
  return threadId === undefined ? "/" : `/?thread=${encodeURIComponent(threadId)}`;
}
