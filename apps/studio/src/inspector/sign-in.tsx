import { useState, type FormEvent, type ReactNode } from "react";
import { statusOf, wordsOf } from "../server/call.ts";
import type { Api } from "./api.ts";

interface SignInProps {
  readonly api: Api;
  readonly keyIsSet: boolean;
  readonly onIn: () => Promise<void>;
}

/** The key goes to the gateway once, for a cookie that no script can read. */
export function SignIn({ api, keyIsSet, onIn }: SignInProps): ReactNode {
  const [wrong, setWrong] = useState<string>();
  const [busy, setBusy] = useState(false);

  async function send(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const key = new FormData(event.currentTarget).get("key");
    if (typeof key !== "string" || key === "") return;
    setBusy(true);
    try {
      await api.signIn(key);
      await onIn();
      // Whoever is let in does not see this any more.
      setWrong("The key is right, but the browser has not kept the cookie that stands for it.");
      setBusy(false);
    } catch (error) {
      setWrong(statusOf(error) === 429 ? "Too many tries. Wait a minute." : wordsOf(error));
      setBusy(false);
    }
  }

  if (!keyIsSet) {
    return (
      <main className="sign-in">
        <h1>Inspector</h1>
        <p>
          It is closed. Start the gateway with <code>SLUICE_OPERATOR_KEY</code> set, and sign in here with that key.
        </p>
        <p>Without any key it opens on the gateway’s own machine alone, under a loopback address.</p>
      </main>
    );
  }
  return (
    <main className="sign-in">
      <h1>Inspector</h1>
      <form onSubmit={(event) => void send(event)}>
        <label htmlFor="operator-key">Operator key</label>
        <input
          id="operator-key"
          name="key"
          type="password"
          autoComplete="current-password"
          required
          autoFocus
          aria-invalid={wrong !== undefined}
          aria-describedby="operator-key-note"
        />
        <p id="operator-key-note" role="alert">
          {wrong}
        </p>
        <button type="submit" disabled={busy}>
          Sign in
        </button>
      </form>
    </main>
  );
}
