import { describe, expect, it } from "vitest";
import { SluiceError } from "../../src/base/errors.ts";
import { createCommits, type CommitOptions } from "../../src/log/disk/commits.ts";
import type { Database } from "../../src/log/disk/database.ts";
import type { Journal } from "../../src/log/disk/journal.ts";

interface Recorder {
  readonly events: string[];
  readonly options: CommitOptions;
}

/** A database and a journal that only tell what is asked of them. */
function recorder(persist?: CommitOptions["persist"]): Recorder {
  const events: string[] = [];
  const note = (event: string) => (): void => void events.push(event);
  const never = (): never => {
    throw new Error("not used");
  };
  const db: Database = {
    file: "",
    get: never,
    keys: never,
    entries: never,
    put: never,
    remove: never,
    transact(run) {
      events.push("begin");
      try {
        run();
      } catch (error) {
        events.push("abort");
        throw error;
      }
      events.push("commit");
    },
    pin: never,
    close: never,
  };
  const journal: Journal = {
    add: never,
    write: () => events.push("frame") > 0,
    keep: note("keep"),
    drop: note("drop"),
    sync: never,
    turn: never,
    reset: never,
    remove: never,
    close: never,
  };
  return { events, options: { db, journal, persist, settled: note("settled"), undone: note("undone") } };
}

describe("commits", () => {
  it("of one turn of the event loop are one transaction and one frame", async () => {
    const { events, options } = recorder();
    const commits = createCommits(options);
    const run = (name: string) => () => {
      events.push(name);
      return name;
    };
    const answers = await Promise.all([commits.add("record", run("a")), commits.add("append", run("b"))]);
    expect(answers).toEqual(["a", "b"]);
    expect(events).toEqual(["begin", "a", "b", "frame", "commit", "keep", "settled"]);
  });

  it("with appends only need no transaction", async () => {
    const { events, options } = recorder();
    await createCommits(options).add("append", () => {});
    expect(events).toEqual(["frame", "keep", "settled"]);
  });

  it("are answered when they are durable, and the next are not begun before", async () => {
    let durable = (): void => {};
    const { events, options } = recorder((written) => {
      events.push(`persist ${[...written].join(" ")}`);
      return new Promise((resolve) => {
        durable = resolve;
      });
    });
    const commits = createCommits(options);
    const first = commits.add("append", () => {}).then(() => events.push("answered"));
    await new Promise(setImmediate);
    const second = commits.add("append", () => events.push("second"));
    await new Promise(setImmediate);
    expect(events).toEqual(["frame", "keep", "persist append"]);
    durable();
    await first;
    expect(events).toEqual(["frame", "keep", "persist append", "settled", "answered"]);
    await new Promise(setImmediate);
    durable();
    await second;
    await commits.idle();
    expect(events.slice(5)).toEqual(["second", "frame", "keep", "persist append", "settled"]);
  });

  it("fail alone when they are refused, or are too much for the disk", async () => {
    const { events, options } = recorder();
    const commits = createCommits(options);
    const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    const answers = await Promise.allSettled([
      commits.add("append", () => "one"),
      commits.add("append", () => {
        throw new SluiceError("log/conflict", "no");
      }),
      commits.add("record", () => {
        throw full;
      }),
      commits.add("append", () => "four"),
    ]);
    expect(answers).toMatchObject([
      { value: "one" },
      { reason: { code: "log/conflict" } },
      { reason: { code: "log/unavailable", message: "The disk of the log is full.", cause: full } },
      { value: "four" },
    ]);
    const failed = ["begin", "abort", "drop", "undone"];
    const alone = ["frame", "keep", "settled"];
    expect(events).toEqual([...failed, ...alone, ...alone, ...failed, ...alone]);
  });

  it("are all refused after one that could not be made durable", async () => {
    let failing = true;
    const { options } = recorder(async () => {
      if (failing) throw Object.assign(new Error("i/o error"), { code: "EIO" });
    });
    const commits = createCommits(options);
    await expect(commits.add("append", () => {})).rejects.toMatchObject({ code: "log/unavailable" });
    failing = false;
    await expect(commits.add("append", () => {})).rejects.toMatchObject({ code: "log/unavailable" });
    await commits.idle();
  });
});
