import type { ReactNode } from "react";
import { useStore } from "../page/use-store.ts";
import type { Studio } from "../state/studio.ts";

/** Who answers: a choice, where there is one. */
export function ModelChoice({ studio }: { readonly studio: Studio }): ReactNode {
  const { models, demo } = useStore(studio.registry);
  const { model } = useStore(studio.settings);
  const [first] = models;
  if (first === undefined) return null;
  if (models.length === 1) {
    const note = demo ? "No LLM is configured: the built-in demo model answers." : `Answered by ${first}`;
    return (
      <span className="badge" title={note}>
        {demo ? "Demo model" : first}
      </span>
    );
  }
  return (
    <select
      className="choice"
      aria-label="Model"
      title="Model of the next answer"
      value={model !== undefined && models.includes(model) ? model : first}
      onChange={(event) => studio.settings.change({ model: event.target.value })}
    >
      {models.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}
