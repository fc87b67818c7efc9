import { describe, expect, it } from "vitest";
import { SluiceError } from "../../src/base/errors.ts";
import type { RunEvent } from "../../src/chat/index.ts";
import { OWNER, createWorld, forbidStrayRejections, turns, type World } from "./support.ts";

forbidStrayRejections();

const note = (data: unknown): RunEvent => ({ event: "note", data });

describe("a store that lost what it had acknowledged", () => {
  const rewound = (last: number): SluiceError =>
    new SluiceError("log/rewound", "Parts are lost.", { details: { last } });

  /** A memory log that ends at `last` from some moment on, and takes nothing but a terminal there. */
  function losing(last: number): { readonly world: World; readonly lose: () => void; readonly left: string[] } {
    let isLost = false;
    const left: string[] = [];
    const world = createWorld({
      over: (memory) => ({
        append: async (...given) => (isLost ? Promise.reject(rewound(last)) : memory.append(...given)),
        state: async (...given) => {
          const state = await memory.state(...given);
          return isLost && state ? { ...state, last } : state;
        },
        close: async (id, entries, at) => {
          if (!isLost) return memory.close(id, entries, at);
          if (at.expected !== last) throw rewound(last);
          left.push(...entries);
          return { last: last + entries.length };
        },
      }),
    });
    return { world, lose: () => (isLost = true), left };
  }

  const ended = { type: "error", code: "log/rewound", errorText: "Parts are lost." };

  it("noticed by an append: the run ends with an error, behind what is left", async () => {
    const { world, lose, left } = losing(2);
    const { run, id } = await world.runs.open({ owner: OWNER });
    for (let n = 0; n < 3; n += 1) await run!.append(note(n));
    await turns();
    lose();
    await run!.append(note(3));
    await world.runs.ended(id);
    expect(left.map((text) => JSON.parse(text) as object)).toEqual([ended]);
    expect(world.lines).toMatchObject([{ message: "run interrupted", fields: { run: id, code: "log/rewound" } }]);
  });

  it("noticed by the close: the terminal that was meant becomes that error", async () => {
    const { world, lose, left } = losing(2);
    const { run } = await world.runs.open({ owner: OWNER });
    for (let n = 0; n < 3; n += 1) await run!.append(note(n));
    await turns();
    lose();
    await run!.finish();
    expect(await run!.ended).toMatchObject({ terminal: ended });
    expect(left.map((text) => JSON.parse(text) as object)).toEqual([ended]);
  });

  it("all of it: the log begins with the first event all the same", async () => {
    const { world, lose, left } = losing(0);
    const { run } = await world.runs.open({ owner: OWNER });
    await run!.append(note(1));
    await turns();
    lose();
    await run!.finish();
    expect(left.map((text) => JSON.parse(text) as object)).toEqual([expect.objectContaining({ type: "start" }), ended]);
  });
});

describe("an append that failed, nobody knows how", () => {
  it.each(["before the close", "never"] as const)(
    "and arrives %s is in the log once, with the terminal",
    async (when) => {
      let late: (() => Promise<unknown>) | undefined;
      let fails = false;
      const { runs, read } = createWorld({
        over: (memory) => ({
          append: (...given) => {
            if (!fails) return memory.append(...given);
            late = () => memory.append(...given);
            return Promise.reject(new Error("The connection is gone."));
          },
          close: async (...given) => {
            if (when === "before the close") await late?.();
            late = undefined;
            return memory.close(...given);
          },
        }),
      });
      const { run, id } = await runs.open({ owner: OWNER });
      await run!.append(note(1));
      await turns();
      fails = true;
      await run!.append(note(2));
      await runs.ended(id);
      expect((await read(id)).map((event) => ("event" in event ? event.data : event.type))).toEqual([
        "start",
        1,
        2,
        "error",
      ]);
    },
  );
});
