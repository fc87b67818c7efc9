import { useCallback, useEffect, useState, type ReactNode } from "react";
import { wordsOf } from "../server/call.ts";
import type { Api } from "./api.ts";
import { ConnectionNote } from "./connection-note.tsx";
import { Overview } from "./overview.tsx";
import { RunPage } from "./run-page.tsx";
import { SignIn } from "./sign-in.tsx";
import { runOfHash, useHash } from "./use-hash.ts";
import { useNode } from "./use-node.ts";
import { FIRST_VIEW } from "./runs.ts";
import type { Session } from "./wire.ts";
import { clockTime } from "./words.ts";

type Access =
  | { readonly kind: "asking" }
  | { readonly kind: "closed"; readonly keyIsSet: boolean }
  | { readonly kind: "failed"; readonly words: string }
  | { readonly kind: "open"; readonly session: Session };

/** The page: whoever is let in sees the list of runs, or one of them. */
export function Inspector({ api }: { readonly api: Api }): ReactNode {
  const [access, setAccess] = useState<Access>({ kind: "asking" });

  const ask = useCallback(async () => {
    try {
      const answer = await api.session();
      setAccess("by" in answer ? { kind: "open", session: answer } : { kind: "closed", keyIsSet: answer.keyIsSet });
    } catch (error) {
      setAccess({ kind: "failed", words: wordsOf(error) });
    }
  }, [api]);
  const again = useCallback(() => void ask(), [ask]);
  useEffect(again, [again]);
  const signOut = useCallback(async () => {
    try {
      await api.signOut();
    } catch (error) {
      // Nobody is to go away from a page that is still open, and believe it closed.
      setAccess({ kind: "failed", words: `Not signed out: ${wordsOf(error)}` });
      return;
    }
    await ask();
  }, [api, ask]);

  if (access.kind === "asking") return <p className="inspector-wait">Asking the gateway…</p>;
  if (access.kind === "failed") {
    return (
      <main className="sign-in">
        <h1>Inspector</h1>
        <p role="alert">{access.words}</p>
        <button type="button" onClick={again}>
          Try again
        </button>
      </main>
    );
  }
  if (access.kind === "closed") return <SignIn api={api} keyIsSet={access.keyIsSet} onIn={ask} />;
  return <Opened api={api} session={access.session} onSignOut={signOut} onSignedOut={again} />;
}

interface OpenedProps {
  readonly api: Api;
  readonly session: Session;
  readonly onSignOut: () => Promise<void>;
  readonly onSignedOut: () => void;
}

function Opened({ api, session, onSignOut, onSignedOut }: OpenedProps): ReactNode {
  const node = useNode(api, onSignedOut);
  const [view, setView] = useState(FIRST_VIEW);
  const runId = runOfHash(useHash());
  const facts = node.node ?? session.node;
  const { name, store, startedAt } = facts;

  return (
    <div className="inspector">
      <header className="inspector-bar">
        <h1>
          <a href="#/">
            Sluice <span>inspector</span>
          </a>
        </h1>
        <p className="inspector-node" title={`Up since ${clockTime(startedAt)}`}>
          <span>{name}</span> <span>store: {store}</span>
        </p>
        <ConnectionNote state={node.state} />
        {session.by.startsWith("session") && (
          <button type="button" className="quiet" onClick={() => void onSignOut()}>
            Sign out
          </button>
        )}
      </header>
      {runId === undefined ? (
        <Overview api={api} node={node} facts={facts} view={view} onView={setView} />
      ) : (
        <RunPage key={runId} api={api} id={runId} onSignedOut={onSignedOut} />
      )}
    </div>
  );
}
