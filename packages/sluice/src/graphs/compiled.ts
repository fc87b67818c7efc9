/**
 * What `compile()` of LangGraph gives, as far as it is needed here. Structural: the package is the caller's, in whichever
 * version 1.x.
 */
export interface CompiledGraph {
  stream(input: unknown, options?: unknown): Promise<AsyncIterable<unknown>>;
  invoke(input: unknown, options?: unknown): Promise<unknown>;
  getState?(config: never): Promise<unknown>;
  readonly checkpointer?: unknown;
}

/** No source of a run has both. */
export function isCompiledGraph(value: unknown): value is CompiledGraph {
  return (
    typeof value === "object" &&
    value !== null &&
    "stream" in value &&
    typeof value.stream === "function" &&
    "invoke" in value &&
    typeof value.invoke === "function"
  );
}
