import { act, createElement, StrictMode, useLayoutEffect, type FunctionComponent, type ReactElement } from "react";
import { createRoot } from "react-dom/client";

// React's own switch for tests.
Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

/** A hook in a component of its own. */
export interface Rendered<R, P> {
  /** What the hook returned in the last commit. */
  readonly current: R;
  /** How often its component was committed. */
  readonly commits: number;
  rerender(props: P): void;
  unmount(): void;
}

export interface RenderOptions {
  readonly strict?: boolean;
}

export function renderHook<R, P>(useHook: (props: P) => R, props: P, options: RenderOptions = {}): Rendered<R, P> {
  let current: R | undefined;
  let commits = 0;
  const Host: FunctionComponent<{ readonly given: P }> = ({ given }) => {
    const result = useHook(given);
    useLayoutEffect(() => {
      current = result;
      commits += 1;
    });
    return null;
  };
  const element = (given: P): ReactElement => {
    const host = createElement(Host, { given });
    return options.strict === true ? createElement(StrictMode, null, host) : host;
  };
  const root = createRoot(document.createElement("div"));
  act(() => root.render(element(props)));
  return {
    get current() {
      return current as R;
    },
    get commits() {
      return commits;
    },
    rerender: (next) => act(() => root.render(element(next))),
    unmount: () => act(() => root.unmount()),
  };
}

/** Frames that come when the test says so. */
export interface Frames {
  readonly nextFrame: (run: () => void) => void;
  /** Runs what waits for the next one, once all that is on its way has arrived. */
  next(): Promise<void>;
}

export function createFrames(): Frames {
  const waiting: (() => void)[] = [];
  return {
    nextFrame: (run) => void waiting.push(run),
    async next() {
      await settled();
      act(() => {
        for (const run of waiting.splice(0)) run();
      });
    },
  };
}

/** Promise callbacks and a round of I/O have had their turn. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 3; round += 1) await new Promise((resolve) => setImmediate(resolve));
}
