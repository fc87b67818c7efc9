import { expect, it, vi } from "vitest";
import { createFrameQueue } from "../../src/react/frame-queue.ts";

it("runs all steps of a frame in order, and then says so, once", () => {
  const frames: (() => void)[] = [];
  const done: string[] = [];
  const queue = createFrameQueue(
    (run) => frames.push(run),
    () => done.push("frame"),
  );
  for (const name of ["a", "b"]) void queue.push(() => done.push(name));
  expect(frames).toHaveLength(1);
  frames.pop()?.();
  void queue.push(() => done.push("c"));
  frames.pop()?.();
  expect(done).toEqual(["a", "b", "frame", "c", "frame"]);
});

// A frame that came at once, as whoever tests a component may give it, was taken for one that was still to come: from
// then on nothing ran, and the test of a `useEventSource` waited for ever.
it("runs steps at once where frames come at once", () => {
  const done: string[] = [];
  const queue = createFrameQueue(
    (run) => run(),
    () => done.push("frame"),
  );
  for (const name of ["a", "b"]) void queue.push(() => done.push(name));
  expect(done).toEqual(["a", "frame", "b", "frame"]);
});

it("lets whoever fills it wait for the next frame", async () => {
  const frames: (() => void)[] = [];
  const queue = createFrameQueue(
    (run) => frames.push(run),
    () => {},
  );
  const room = vi.fn<() => void>();
  for (let n = 1; n < 1_000; n += 1) await queue.push(() => {});
  const last = queue.push(() => {}).then(room);
  await Promise.resolve();
  await Promise.resolve();
  expect(room).not.toHaveBeenCalled();
  frames.pop()?.();
  await last;
  expect(room).toHaveBeenCalledOnce();
});

it("a step that throws costs no other step, and is heard of", async () => {
  const heard: unknown[] = [];
  const note = (error: unknown): unknown => heard.push(error);
  const kept = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", note);
  const frames: (() => void)[] = [];
  const done: string[] = [];
  const queue = createFrameQueue(
    (run) => frames.push(run),
    () => done.push("frame"),
  );
  const mistake = new Error("A mistake in a handler.");
  void queue.push(() => {
    throw mistake;
  });
  void queue.push(() => done.push("b"));
  frames.pop()?.();
  await new Promise((resolve) => setImmediate(resolve));
  process.off("uncaughtException", note);
  for (const listener of kept) process.on("uncaughtException", listener);
  expect(done).toEqual(["b", "frame"]);
  expect(heard).toEqual([mistake]);
});
