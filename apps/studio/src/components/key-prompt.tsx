import { useEffect, useRef, useState, type ReactNode, type SubmitEvent } from "react";
import { wordsOf } from "../server/call.ts";

interface KeyPromptProps {
  /** Rejects with what the server has against the key. */
  readonly onKey: (key: string) => Promise<void>;
}

export function KeyPrompt({ onKey }: KeyPromptProps): ReactNode {
  const field = useRef<HTMLInputElement>(null);
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<string>();

  useEffect(() => field.current?.focus(), []);

  const submit = async (): Promise<void> => {
    setBusy(true);
    try {
      await onKey(key);
    } catch (error) {
      setRefused(wordsOf(error));
      field.current?.focus();
    }
    setBusy(false);
  };
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (key !== "" && !busy) void submit();
  };

  return (
    <form className="key-prompt" onSubmit={onSubmit}>
      <label>
        API key
        <input
          type="password"
          autoComplete="current-password"
          ref={field}
          value={key}
          onChange={(event) => setKey(event.target.value)}
          aria-describedby="key-note"
          aria-invalid={refused !== undefined}
        />
      </label>
      <button type="submit" disabled={busy || key === ""}>
        Continue
      </button>
      <p id="key-note" role={refused === undefined ? undefined : "alert"} data-refused={refused !== undefined}>
        {refused ??
          "This server answers with an API key only. It is exchanged for a cookie, and not kept in this page."}
      </p>
    </form>
  );
}
