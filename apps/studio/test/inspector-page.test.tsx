// @vitest-environment happy-dom
import { SluiceError } from "sluice/errors";
import { act, type ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Api, FramesPage } from "../src/inspector/api.ts";
import { EventList } from "../src/inspector/event-list.tsx";
import { EventsPanel } from "../src/inspector/events-panel.tsx";
import { Inspector } from "../src/inspector/inspector.tsx";
import { eventOf } from "../src/inspector/shown-event.ts";
import { StopButton } from "../src/inspector/stop-button.tsx";
import { runOfHash } from "../src/inspector/use-hash.ts";

let root: Root;
let page: HTMLElement;

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  page = document.createElement("main");
  document.body.replaceChildren(page);
  root = createRoot(page);
});

afterEach(() => {
  act(() => root.unmount());
  location.hash = "";
  vi.unstubAllGlobals();
});

// Who came with a damaged address (`#/runs/%`) had an empty page, which no other address brought back.
it("takes the run that an address names, also where it is no encoded text", () => {
  expect(["", "#/", "#/runs/run_1", "#/runs/a%2Fb", "#/runs/%", "#/runs/%E0%A4"].map(runOfHash)).toEqual([
    undefined,
    undefined,
    "run_1",
    "a/b",
    "%",
    "%E0%A4",
  ]);
});

describe("who is let in", () => {
  // Who signed out while the gateway was away saw nothing happen, and the page stayed open for the next one.
  it("is told when signing out came to nothing", async () => {
    location.hash = "#/runs/run_1";
    const away = new SluiceError("client/refused", "The server cannot be reached.", { details: { status: 0 } });
    await show(<Inspector api={fakeApi({ signOut: () => Promise.reject(away) })} />);
    await press("Sign out");
    expect(page.querySelector("[role=alert]")?.textContent).toBe("Not signed out: The server cannot be reached.");
  });

  // Where the browser keeps no cookies the button stayed grey after the right key, and nothing said why.
  it("is told when the browser keeps no cookie", async () => {
    const api = fakeApi({ session: async () => ({ keyIsSet: true }), signIn: async () => {} });
    await show(<Inspector api={api} />);
    const field = page.querySelector("input");
    if (field) field.value = "the right key";
    await act(async () => void page.querySelector("form")?.dispatchEvent(new Event("submit", { bubbles: true })));
    expect(page.querySelector("[role=alert]")?.textContent).toContain("has not kept the cookie");
    expect(page.querySelector("button")?.disabled).toBe(false);
  });
});

describe("the events of a run", () => {
  // Who clicked an event and went on with the arrow keys was thrown out of the list after some thirty: the pressed row,
  // which had the focus, was no longer there.
  it("keep the keyboard in the list after a click on one", async () => {
    await show(<EventList events={[1, 2, 3].map((n) => eventOf(n, '{"type":"start"}'))} />);
    await act(async () => page.querySelectorAll<HTMLElement>("[role=option]")[1]?.click());
    expect(document.activeElement?.getAttribute("role")).toBe("listbox");
    expect(page.querySelector("[aria-selected=true]")?.id).toBe("event-1");
  });

  // Who chose another wording before the last one was there saw the events of one under the name of the other.
  it("are those of the wording that was chosen last, whichever comes first", async () => {
    const frames = heldFrames();
    await show(<EventsPanel api={fakeApi(frames)} id="run_1" {...UNSEEN} />);
    await press("Show events");
    await choose("simple");
    await choose("");
    expect(rows()).toEqual(["start"]);
    await act(async () => frames.release());
    expect(rows()).toEqual(["start"]);
    expect(page.querySelector("select")?.value).toBe("");
  });

  // Who loaded more after a failure, with success, still read that it had failed.
  it("say nothing of a failure that is over", async () => {
    const away = new SluiceError("client/refused", "The server cannot be reached.");
    const entries = vi.fn<Api["entries"]>().mockRejectedValueOnce(away);
    entries.mockResolvedValue({ entries: [[1, '{"type":"start"}']], end: true });
    await show(<EventsPanel api={fakeApi({ entries })} id="run_1" {...UNSEEN} />);
    await press("Show events");
    expect(page.querySelector("[role=alert]")?.textContent).toBe("The server cannot be reached.");
    await press("Load more");
    expect(rows()).toEqual(["start"]);
    expect(page.querySelector("[role=alert]")).toBeNull();
  });

  // What was hidden while it was loading came back by itself, before whoever was not to see it.
  it("stay hidden when they come after they were hidden", async () => {
    const frames = heldFrames();
    await show(<EventsPanel api={fakeApi(frames)} id="run_1" {...UNSEEN} />);
    await press("Show events");
    await choose("simple");
    await press("Hide");
    await act(async () => frames.release());
    expect(rows()).toEqual([]);
    expect(page.querySelector("button")?.textContent).toBe("Show events");
  });
});

// Who stopped a run, or thought better of it, with the keyboard alone had to come back to it from the top of the page.
it("keeps the focus on the run when its stop button goes", async () => {
  const onAsked = vi.fn<() => void>();
  await show(<StopButton api={fakeApi({})} id="run_1" owner="alice" onAsked={onAsked} />);
  const focused = (): string | null | undefined => document.activeElement?.textContent;
  await press("Stop");
  expect(focused()).toBe("Stop it");
  await press("Keep it");
  expect(focused()).toBe("Stop");
  await press("Stop");
  expect(onAsked).not.toHaveBeenCalled();
  await press("Stop it");
  expect(onAsked).toHaveBeenCalledOnce();
});

/** The frames of a dialect, which come when they are let go of. */
function heldFrames(): Pick<Api, "frames"> & { readonly release: () => void } {
  let release = (): void => {};
  const frames = new Promise<FramesPage>((resolve) => {
    release = () => resolve({ frames: [{ id: "11", event: "chunk", data: "{}" }], end: true });
  });
  return { frames: () => frames, release: () => release() };
}

const UNSEEN = { series: undefined, totalMs: undefined };

function fakeApi(some: Partial<Api>): Api {
  const never = (): Promise<never> => new Promise(() => {});
  const node = { name: "vm", store: "memory", model: "demo", startedAt: 0 };
  return {
    server: { fetch: never, origin: "http://gateway.test" },
    session: async () => ({ by: "session 1", node }),
    signIn: never,
    signOut: never,
    list: never,
    stored: never,
    totals: never,
    run: never,
    stop: never,
    entries: async () => ({ entries: [[1, '{"type":"start"}']], end: true }),
    frames: never,
    dialects: async () => ["simple"],
    ...some,
  };
}

function rows(): readonly (string | null)[] {
  return Array.from(page.querySelectorAll(".event-name"), (name) => name.textContent);
}

function show(node: ReactNode): Promise<void> {
  return act(async () => root.render(node));
}

function press(name: string): Promise<void> {
  return act(async () => [...page.querySelectorAll("button")].find(({ textContent }) => textContent === name)?.click());
}

function choose(wording: string): Promise<void> {
  return act(async () => {
    const select = page.querySelector("select");
    if (!select) throw new Error("There is nothing to choose.");
    select.value = wording;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
