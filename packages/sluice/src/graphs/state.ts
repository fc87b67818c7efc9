import { SluiceError } from "../base/errors.ts";
import { isObject, type JsonObject } from "../base/json.ts";

const OVERWRITE = "__overwrite__";

/**
 * A caller may give a graph its state, and no more: what LangGraph takes for a command, or for a value that goes past the
 * channel's reducer, is the graph's own to say.
 * @throws SluiceError `request/invalid`
 */
export function checkState(state: JsonObject): void {
  if (Object.hasOwn(state, "lg_name")) throw refused("lg_name");
  for (const [channel, value] of Object.entries(state)) {
    const overwrites = isObject(value) && (Object.hasOwn(value, OVERWRITE) || value["type"] === OVERWRITE);
    if (overwrites) throw refused(channel);
  }
}

function refused(channel: string): SluiceError {
  const field = `input.${channel}`;
  return new SluiceError("request/invalid", `${field}: a graph takes state, no commands.`, { details: { field } });
}
