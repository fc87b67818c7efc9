import type { ReactNode } from "react";

interface EmptyStateProps {
  readonly demo: boolean;
  readonly onExample: (example: string) => void;
}

export function EmptyState({ demo, onExample }: EmptyStateProps): ReactNode {
  return (
    <main className="empty">
      <div className="empty-inner">
        <img src="/favicon.svg" alt="" width="56" height="56" />
        <h2>What would you like to know?</h2>
        <p>
          Reload the page, lose the network or close the lid while an answer is written: it goes on where it was, with
          nothing lost and nothing twice.
        </p>
        {demo && (
          <section className="demo" aria-label="Demo model">
            <p>
              <strong>The demo model answers here</strong>, because no LLM is configured. Hints in your message steer
              it:
            </p>
            <ul>
              {EXAMPLES.map(({ hint, effect }) => (
                <li key={hint}>
                  <button type="button" onClick={() => onExample(`Tell me about canals ${hint}`)}>
                    <code>{hint}</code>
                    <span>{effect}</span>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </main>
  );
}

const EXAMPLES = [
  { hint: "words=400 rate=50", effect: "400 words, 50 a second" },
  { hint: "tool=weather reasoning=on", effect: "Thinks first, then asks a tool" },
  { hint: "fail-after=120", effect: "Breaks after 120 words" },
  { hint: "words=4000 rate=400", effect: "A long answer, fast" },
];
