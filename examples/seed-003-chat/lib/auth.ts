/** Stands for your own session check (`auth()` in the document): who is logged in, or undefined. */
export function auth(request: { readonly headers: { get(name: string): string | null } }): string | undefined {
  return request.headers.get("x-user") ?? undefined;
}
