import type { ReactNode } from "react";

export type IconName = "send" | "stop" | "copy" | "check" | "plus" | "again" | "down" | "tool" | "alert";

/** A drawing beside words, or in a button that has a name. */
export function Icon({ name }: { readonly name: IconName }): ReactNode {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

const PATHS: Readonly<Record<IconName, string>> = {
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  copy: "M9 9h10v10H9zM5 15V5h10",
  check: "M5 13l4 4L19 7",
  plus: "M12 5v14M5 12h14",
  again: "M19 12a7 7 0 1 1-2-5l2 2M19 4v5h-5",
  down: "M12 5v14M6 13l6 6 6-6",
  tool: "M14.500 6.500a4 4 0 0 0-5 5L4 17l3 3 5.500-5.500a4 4 0 0 0 5-5L15 12l-3-3z",
  alert: "M12 8v5M12 16.500v.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
};
