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
        {demo ? <DemoExamples onExample={onExample} /> : <Examples onExample={onExample} />}
      </div>
    </main>
  );
}

function DemoExamples({ onExample }: Pick<EmptyStateProps, "onExample">): ReactNode {
  return (
    <section className="examples" aria-label="Demo model">
      <p>
        <strong>The demo model answers here</strong>, because no LLM is configured. Hints in your message steer it:
      </p>
      <ul>
        {HINTS.map(({ hint, effect }) => (
          <li key={hint}>
            <button type="button" onClick={() => onExample(`Tell me about canals ${hint}`)}>
              <code>{hint}</code>
              <span>{effect}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Examples({ onExample }: Pick<EmptyStateProps, "onExample">): ReactNode {
  return (
    <section className="examples" aria-label="Examples">
      <ul>
        {QUESTIONS.map(({ name, question }) => (
          <li key={name}>
            <button type="button" onClick={() => onExample(question)}>
              <strong>{name}</strong>
              <span>{question}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

const HINTS = [
  { hint: "words=400 rate=50", effect: "400 words, 50 a second" },
  { hint: "reasoning tool=search sources=3", effect: "Thinks, asks a tool, names sources" },
  { hint: "fail-after=120", effect: "Breaks after 120 words" },
  { hint: "words=4000 rate=400", effect: "A long answer, fast" },
];

const QUESTIONS = [
  { name: "Explain", question: "Explain how a canal lock lifts a boat, step by step." },
  { name: "Compare", question: "Compare server-sent events and WebSockets in a table." },
  { name: "Write", question: "Write a short note that thanks a colleague for a careful review." },
  { name: "Code", question: "Write a TypeScript function that groups a list by a key, with an example." },
];
