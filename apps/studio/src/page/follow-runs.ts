export interface FollowRunsOptions {
  /** Asks which answers are being written. Never rejects. */
  readonly look: () => Promise<void>;
  readonly refresh: () => Promise<void>;
  /** Whether there is something to wait for. */
  readonly busy: () => boolean;
  /** Tells when `busy` may have become another. */
  readonly subscribe: (listener: () => void) => () => void;
}

const BUSY_MS = 4_000;
const QUIET_MS = 30_000;

/** Keeps the marks of running chats true: often while there are some, seldom else, not at all while nobody looks. */
export function followRuns(page: Window, { look, refresh, busy, subscribe }: FollowRunsOptions): () => void {
  let timer = 0;
  let quiet = false;
  const next = (): void => {
    page.clearTimeout(timer);
    quiet = !busy();
    timer = page.setTimeout(() => void again(), quiet ? QUIET_MS : BUSY_MS);
  };
  const again = async (): Promise<void> => {
    if (page.document.visibilityState !== "visible") return;
    await look();
    next();
  };
  const shown = (): void => {
    if (page.document.visibilityState !== "visible") return;
    void refresh();
    void again();
  };
  const back = (event: PageTransitionEvent): void => {
    if (event.persisted) shown();
  };
  const unsubscribe = subscribe(() => {
    if (quiet && busy()) next();
  });
  void again();
  page.document.addEventListener("visibilitychange", shown);
  page.addEventListener("pageshow", back);
  return () => {
    unsubscribe();
    page.clearTimeout(timer);
    page.document.removeEventListener("visibilitychange", shown);
    page.removeEventListener("pageshow", back);
  };
}
