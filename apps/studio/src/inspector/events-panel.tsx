import { useEffect, useRef, useState, type ReactNode } from "react";
import { wordsOf } from "../server/call.ts";
import type { Api } from "./api.ts";
import { eventOf, frameOf, type ShownEvent } from "./shown-event.ts";
import { EventList } from "./event-list.tsx";
import { Replay } from "./replay.tsx";
import type { Series } from "./wire.ts";
import { count } from "./words.ts";

interface EventsPanelProps {
  readonly api: Api;
  readonly id: string;
  /** Where this node has seen when they were written. */
  readonly series: Series | undefined;
  /** How long the run took; undefined while it goes on. */
  readonly totalMs: number | undefined;
}

interface Loaded {
  readonly wording: string;
  readonly events: readonly ShownEvent[];
  readonly end: boolean;
  readonly busy: boolean;
  readonly words?: string;
}

const LOG = "";
const MOST_AT_ONCE = 20_000;
const FRAMES = { most: 2_000, waitMs: 1_500 };

/** What was said: only for who asks for it, and the gateway notes that. */
export function EventsPanel({ api, id, series, totalMs }: EventsPanelProps): ReactNode {
  const [wording, setWording] = useState(LOG);
  const [dialects, setDialects] = useState<readonly string[]>([]);
  const [loaded, setLoaded] = useState<Loaded>();
  const [replaying, setReplaying] = useState(false);
  const latest = useRef(0);
  useEffect(() => {
    const left = new AbortController();
    // Without the list there is the log's own wording.
    api.dialects().then(
      (names) => left.signal.aborted || setDialects(names),
      () => {},
    );
    return () => left.abort();
  }, [api]);

  async function load(from: Pick<Loaded, "wording" | "events"> = { wording, events: [] }): Promise<void> {
    const { events } = from;
    // Without the words of an earlier failure.
    const earlier = { wording: from.wording, events };
    const turn = (latest.current += 1);
    // Another wording was chosen meanwhile, or none is to be seen any more.
    const become = (next: Loaded): void => {
      if (turn === latest.current) setLoaded(next);
    };
    setLoaded({ ...earlier, end: false, busy: true });
    try {
      const page = earlier.wording === LOG ? await fromLog(events) : await asWorded(earlier);
      become({ ...earlier, events: [...events, ...page.events], end: page.end, busy: false });
    } catch (error) {
      become({ ...earlier, end: false, busy: false, words: wordsOf(error) });
    }
  }

  async function fromLog(before: readonly ShownEvent[]): Promise<Pick<Loaded, "events" | "end">> {
    const events: ShownEvent[] = [];
    for (let after = before.at(-1)?.n ?? 0; events.length < MOST_AT_ONCE;) {
      const page = await api.entries(id, after);
      for (const [n, text] of page.entries) events.push(eventOf(n, text));
      after = page.entries.at(-1)?.[0] ?? after;
      if (page.end || page.entries.length === 0) return { events, end: page.end };
    }
    return { events, end: false };
  }

  async function asWorded(before: Pick<Loaded, "wording" | "events">): Promise<Pick<Loaded, "events" | "end">> {
    const after = before.events.findLast((event) => event.id !== "")?.id;
    const page = await api.frames(id, before.wording, { ...FRAMES, ...(after === undefined ? {} : { after }) });
    return { events: page.frames.map((frame, index) => frameOf(before.events.length + index, frame)), end: page.end };
  }

  const choose = (chosen: string): void => {
    setWording(chosen);
    setReplaying(false);
    if (loaded) void load({ wording: chosen, events: [] });
  };

  const hide = (): void => {
    latest.current += 1;
    setLoaded(undefined);
  };

  if (!loaded) {
    return (
      <section className="events-panel" aria-label="Events">
        <h3>Events</h3>
        <p>They hold what somebody asked for and was told. Who looks is written into the gateway’s log.</p>
        <button type="button" onClick={() => void load()}>
          Show events
        </button>
      </section>
    );
  }
  const { events, end, busy, words } = loaded;
  return (
    <section className="events-panel" aria-label="Events">
      <div className="events-head">
        <h3>
          Events <span>{count(events.length)}</span>
        </h3>
        <label>
          Worded as{" "}
          <select value={wording} onChange={(event) => choose(event.currentTarget.value)}>
            <option value={LOG}>the log (chat events)</option>
            {dialects.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        {wording === LOG && (
          <button type="button" aria-pressed={replaying} disabled={busy} onClick={() => setReplaying(!replaying)}>
            Replay
          </button>
        )}
        {!end && (
          <button type="button" disabled={busy} onClick={() => void load(loaded)}>
            {busy ? "Loading…" : "Load more"}
          </button>
        )}
        <button type="button" className="quiet" onClick={hide}>
          Hide
        </button>
      </div>
      {words !== undefined && <p role="alert">{words}</p>}
      {replaying && wording === LOG ? (
        <Replay events={events} series={series} totalMs={totalMs} />
      ) : (
        <EventList events={events} />
      )}
    </section>
  );
}
