/** Stands for your own session check: the name it returns owns the run. */
export function userOf(request: { readonly headers: { get(name: string): string | null } }): string {
  return request.headers.get("x-user") ?? "anonymous";
}
