// @vitest-environment happy-dom
import { act } from "react";
import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { useObject, type UseObjectOptions, type UseObjectResult } from "../../src/react/index.ts";
import { highest, refused } from "../client/support.ts";
import { answer, DONE } from "./answer.ts";
import { createEventServer, type EventServer } from "./event-server.ts";
import { createFrames, renderHook, settled, type Frames, type Rendered } from "./render.ts";

const RUN = { "sluice-run-id": "run_1", location: "/runs/run_1/events?dialect=ai-sdk" };
const recipe = z.object({ name: z.string(), steps: z.array(z.string()) });
type Recipe = z.infer<typeof recipe>;
const WHOLE = '{"name":"Soup","steps":["Boil","Serve"]}';

let server: EventServer;
let frames: Frames;
let calls: unknown[];
beforeEach(() => {
  server = createEventServer(RUN);
  frames = createFrames();
  calls = [];
});

type Hook = Rendered<UseObjectResult<Recipe>, undefined>;

function render(options: UseObjectOptions<Recipe> = {}, strict = false): Hook {
  const given: UseObjectOptions<Recipe> = {
    url: "https://example.test/stream",
    schema: recipe,
    fetch: server.fetch,
    nextFrame: frames.nextFrame,
    onFinish: (object) => calls.push(object),
    onError: ({ code }) => calls.push(code),
    ...options,
  };
  return renderHook(() => useObject<Recipe>(given), undefined, { strict });
}

/** Asks, and answers with this text, cut in pieces of three characters. */
async function ask(hook: Hook, text = WHOLE): Promise<void> {
  act(() => void hook.current.submit("A soup."));
  await settled();
  const { begin, words, end } = answer(...(text.match(/[^]{1,3}/g) ?? []));
  server.requests[0]?.send(...begin, ...words, ...end, DONE);
  server.requests[0]?.end();
  await act(() => settled());
  await frames.next();
}

describe("an object", () => {
  it("is asked for by a prompt, with a key, and without a thread: it is no conversation", async () => {
    const hook = render({ body: { graphType: "cook" }, headers: { "x-user": "alice" } });
    act(() => void hook.current.submit("A soup.", { model: "m", body: { locale: "de" } }));
    expect(hook.current).toMatchObject({ status: "submitted", isLoading: true, object: undefined });
    await settled();
    const [request] = server.requests;
    expect(request).toMatchObject({ method: "POST", url: "https://example.test/stream?dialect=ai-sdk" });
    expect(request?.headers.get("x-user")).toBe("alice");
    expect(JSON.parse(request?.body ?? "")).toEqual({
      graphType: "cook",
      locale: "de",
      model: "m",
      message: { content: "A soup." },
      requestId: expect.stringMatching(/^req_/),
    });
  });

  it("is shown as far as it has come, once a frame", async () => {
    const hook = render();
    act(() => void hook.current.submit("A soup."));
    await settled();
    const { begin, words } = answer('{"na', 'me":"So', 'up","steps":["Bo', 'il"');
    server.requests[0]?.send(...begin, ...words.slice(0, 2));
    await frames.next();
    expect(hook.current).toMatchObject({ status: "streaming", object: { name: "So" } });
    const before = hook.commits;
    server.requests[0]?.send(...words.slice(2));
    await frames.next();
    expect(hook.current.object).toEqual({ name: "Soup", steps: ["Boil"] });
    expect(hook.commits).toBe(before + 1);
  });

  it("is what the schema makes of the whole answer", async () => {
    const schema = recipe.transform((value) => ({ ...value, name: value.name.toUpperCase() }));
    const hook = render({ schema });
    await ask(hook);
    const object = { name: "SOUP", steps: ["Boil", "Serve"] };
    expect(hook.current).toMatchObject({ object, status: "ready", isLoading: false, error: undefined });
    expect(calls).toEqual([object]);
  });

  it("may stand in a block of code, as models like to put it", async () => {
    const hook = render();
    await ask(hook, "```json\n" + WHOLE + "\n```");
    expect(hook.current.object).toEqual(JSON.parse(WHOLE));
    expect(calls).toEqual([JSON.parse(WHOLE)]);
  });

  it("may have a block of code in it, which is none around it", async () => {
    const hook = render();
    act(() => void hook.current.submit("A soup."));
    await settled();
    const { begin, words } = answer('{"name":"```js\\n```');
    server.requests[0]?.send(...begin, ...words);
    await frames.next();
    expect(hook.current.object).toEqual({ name: "```js\n```" });
  });

  // The end of a block of code within a text, come in two pieces, was taken for the end of the block around the object:
  // what the reader of a recipe had before his eyes became shorter for a frame.
  it("may have a block of code in a text in a block of code, and takes nothing of it back", async () => {
    const hook = render();
    act(() => void hook.current.submit("A soup."));
    await settled();
    const { begin, words } = answer('```json\n{"name":"Boil ``', "`");
    server.requests[0]?.send(...begin, ...words.slice(0, 1));
    await frames.next();
    expect(hook.current.object).toEqual({ name: "Boil ``" });
    server.requests[0]?.send(...words.slice(1));
    await frames.next();
    expect(hook.current.object).toEqual({ name: "Boil ```" });
  });

  it("needs no schema", async () => {
    const { schema: _, ...rest } = { schema: undefined };
    const hook = renderHook(
      () =>
        useObject({ url: "https://example.test/stream", fetch: server.fetch, nextFrame: frames.nextFrame, ...rest }),
      undefined,
    ) as Hook;
    await ask(hook);
    expect(hook.current).toMatchObject({ object: JSON.parse(WHOLE), status: "ready" });
  });

  it("begins with what it is said to begin with, and anew with each question", async () => {
    const initialValue = { name: "…" };
    const hook = render({ initialValue });
    await ask(hook);
    act(() => void hook.current.submit("Another."));
    expect(hook.current).toMatchObject({ object: initialValue, status: "submitted" });
  });

  it("is asked for one at a time, and not for nothing", async () => {
    const hook = render();
    expect(hook.current.submit("  ")).toBe(false);
    act(() => expect(hook.current.submit("A soup.")).toBe(true));
    act(() => expect(hook.current.submit("Another.")).toBe(false));
    await settled();
    expect(server.requests).toHaveLength(1);
  });
});

describe("an answer that is not what was asked for", () => {
  it("is an error with what the schema says of it, and is still shown", async () => {
    const hook = render();
    await ask(hook, '{"name":"Soup","steps":"none"}');
    expect(hook.current).toMatchObject({
      status: "error",
      object: { name: "Soup", steps: "none" },
      error: { code: "client/invalid-object", issues: [{ path: ["steps"] }] },
    });
    expect(calls).toEqual(["client/invalid-object"]);
  });

  it("is an error where it ends before its JSON does", async () => {
    const hook = render();
    await ask(hook, '{"name":"Soup","steps":["Bo');
    expect(hook.current).toMatchObject({
      status: "error",
      object: { name: "Soup", steps: ["Bo"] },
      error: { code: "client/invalid-object" },
    });
  });

  it("is an error with the code of the run where that failed", async () => {
    const hook = render();
    act(() => void hook.current.submit("A soup."));
    await settled();
    const { begin, words } = answer('{"name":');
    const failure = { data: { type: "error", errorText: "No model.", code: "llm/failed" }, id: "14" };
    server.requests[0]?.send(...begin, ...words, failure, DONE);
    server.requests[0]?.end();
    await act(() => settled());
    expect(hook.current).toMatchObject({ status: "error", error: { message: "No model." } });
  });

  it("is an error where the server refuses", async () => {
    server.refuse(() => refused(403, "auth/forbidden"));
    const hook = render();
    act(() => void hook.current.submit("A soup."));
    await act(() => settled());
    expect(hook.current).toMatchObject({ status: "error", error: { code: "auth/forbidden" }, isLoading: false });
    expect(calls).toEqual(["auth/forbidden"]);
  });
});

describe("stop", () => {
  it("asks the server to end the run; what has come stays, and is no error", async () => {
    const hook = render();
    act(() => void hook.current.submit("A soup."));
    await settled();
    const { begin, words } = answer('{"name":"Soup"');
    server.requests[0]?.send(...begin, ...words);
    await frames.next();
    act(() => hook.current.stop());
    await settled();
    expect(server.requests[1]).toMatchObject({ method: "POST", url: "https://example.test/runs/run_1/stop" });
    server.requests[0]?.send({ data: { type: "abort" }, id: "14" }, DONE);
    server.requests[0]?.end();
    await act(() => settled());
    expect(hook.current).toMatchObject({ status: "ready", object: { name: "Soup" }, error: undefined });
    expect(calls).toEqual([]);
  });

  it("waits until the run is known", async () => {
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const fetch: typeof globalThis.fetch = async (url, init) => {
      if (init?.method === "POST" && init.body !== undefined) await begun;
      return server.fetch(url, init);
    };
    const hook = render({ fetch });
    act(() => void hook.current.submit("A soup."));
    act(() => hook.current.stop());
    await settled();
    expect(server.requests).toHaveLength(0);
    begin();
    await act(() => settled());
    expect(server.requests.map(({ url }) => new URL(url).pathname)).toEqual(["/stream", "/runs/run_1/stop"]);
  });
});

describe("stop, while no server can be reached", () => {
  it("takes the question back", async () => {
    const urls: string[] = [];
    const fetch: typeof globalThis.fetch = (url) => {
      urls.push(new URL(url instanceof Request ? url.url : url).pathname);
      return Promise.reject(new TypeError("fetch failed"));
    };
    const hook = render({ fetch, random: highest });
    act(() => void hook.current.submit("A soup."));
    act(() => hook.current.stop());
    await act(() => settled());
    expect(urls).toEqual(["/stream", expect.stringMatching(/^\/cancel\/req_/)]);
    expect(hook.current).toMatchObject({ status: "ready", object: undefined, error: undefined });
  });
});

describe("the component", () => {
  it("asks once in StrictMode", async () => {
    const hook = render({}, true);
    await ask(hook);
    expect(server.requests).toHaveLength(1);
    expect(hook.current).toMatchObject({ status: "ready", object: JSON.parse(WHOLE) });
  });

  it("leaves when it goes, and stops nothing", async () => {
    const hook = render();
    act(() => void hook.current.submit("A soup."));
    await settled();
    hook.unmount();
    await settled();
    expect(server.open).toBe(0);
    expect(server.requests).toHaveLength(1);
    expect(calls).toEqual([]);
  });
});
