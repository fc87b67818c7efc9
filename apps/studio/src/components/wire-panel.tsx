import { useAutoScroll } from "sluice/react";
import { memo, type ReactNode } from "react";
import { useStore } from "../page/use-store.ts";
import { READABLE_DIALECTS } from "../state/dialect.ts";
import type { Studio } from "../state/studio.ts";
import { wireText, type WireEntry, type WireLog } from "../state/wire-log.ts";
import { CopyButton } from "./copy-button.tsx";
import { Icon } from "./icon.tsx";

interface WirePanelProps {
  readonly studio: Studio;
  readonly wire: WireLog;
  readonly onClose: () => void;
}

/** What comes from the server, as it comes. */
export function WirePanel({ studio, wire, onClose }: WirePanelProps): ReactNode {
  const { entries, events, characters } = useStore(wire);
  const { dialect } = useStore(studio.settings);
  const { dialects } = useStore(studio.registry);
  const { ref } = useAutoScroll();
  const offered = dialects.filter((name) => READABLE_DIALECTS.includes(name));
  return (
    <aside className="wire" aria-label="Raw events">
      <header className="wire-head">
        <h2>Raw events</h2>
        <CopyButton text={() => wireText(wire.getSnapshot().entries)} label="Copy the raw events" />
        <button type="button" className="quiet" onClick={wire.clear}>
          Clear
        </button>
        <button type="button" className="icon-button" aria-label="Hide the raw events" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div className="wire-choice">
        <label>
          Dialect
          <select className="choice" value={dialect} onChange={(event) => studio.setDialect(event.target.value)}>
            {(offered.includes(dialect) ? offered : [dialect, ...offered]).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <p>
          {events.toLocaleString("en")} events, {characters.toLocaleString("en")} characters
        </p>
      </div>
      {/* The list scrolls, so it can be reached with the keyboard. */}
      <ol className="wire-list" ref={ref} tabIndex={0} aria-label="Events">
        {entries.map((entry) => (
          <Row key={entry.number} entry={entry} />
        ))}
      </ol>
      {events === 0 && (
        <p className="wire-note">
          Ask something: every event of the answer is listed here as it stands on the wire, with the id that a reconnect
          continues from.
        </p>
      )}
    </aside>
  );
}

const Row = memo(function Row({ entry }: { readonly entry: WireEntry }): ReactNode {
  const { event, id, data, length } = entry;
  return (
    <li>
      <span className="wire-id">{id ?? ""}</span>
      {event !== "message" && <span className="wire-event">{event}</span>}
      <code>
        {data}
        {length > data.length && `… (${length} characters)`}
      </code>
    </li>
  );
});
