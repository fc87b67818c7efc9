import type { ReaderLine, RunReport } from "./wire.ts";
import type { Run } from "./runs.ts";
import { bytes, count, counted } from "./words.ts";

/** Something that happened to a run, in words. */
export interface Happening {
  readonly ms: number;
  readonly kind: "start" | "token" | "lease" | "stop" | "merged" | "join" | "resume" | "cut" | "read" | "end" | "bad";
  readonly words: string;
}

/** All that is known to have happened, in order. What comes regularly (renewals of the lease) is one line. */
export function happeningsOf(run: Run, report: RunReport): readonly Happening[] {
  const { lease, marks, readers } = report;
  const list: Happening[] = [{ ms: 0, kind: "start", words: run.here ? "Started here" : "Started elsewhere" }];
  if (run.firstTokenMs !== null) list.push({ ms: run.firstTokenMs, kind: "token", words: "First token" });
  for (const { ms, kind, code = "", entries, frames } of marks.list) {
    switch (kind) {
      case "lease-taken":
        list.push({ ms, kind: "lease", words: "Lease taken" });
        break;
      case "lease-lost":
        list.push({ ms, kind: "bad", words: `Lease lost: ${code}` });
        break;
      case "stop-asked":
        list.push({ ms, kind: "stop", words: "Stop asked for, on this node" });
        break;
      case "stop-reached":
        list.push({ ms, kind: "stop", words: "The stop reached the producer" });
        break;
      case "merged":
        list.push({ ms, kind: "merged", words: `${count(entries)} entries merged into ${counted(frames, "frame")}` });
        break;
      case "reaped":
        list.push({ ms, kind: "bad", words: `The lease lapsed; this node ended the run: ${code}` });
        break;
    }
  }
  const renewedAt = lease.renewedAt.at(-1);
  if (renewedAt !== undefined) {
    list.push({ ms: renewedAt, kind: "lease", words: `Lease renewed, ${count(lease.renewals)} times by now` });
  }
  for (const line of readers.lines) list.push(...ofReader(line));
  if (run.endedAt !== null) {
    const words = run.status === "failed" ? `Failed: ${run.code}` : run.status === "aborted" ? "Stopped" : "Finished";
    list.push({
      ms: run.endedAt - run.startedAt,
      kind: run.status === "failed" ? "bad" : "end",
      words: run.status === "finished" && run.code !== "" ? `${words}: ${run.code}` : words,
    });
  }
  return list.sort((a, b) => a.ms - b.ms);
}

function ofReader({ line, dialect, compressed, stretches }: ReaderLine): readonly Happening[] {
  const list: Happening[] = [];
  for (const [index, stretch] of stretches.entries()) {
    const { joinedAt, after, leftAt, code, at, merged, mergedInto } = stretch;
    const how = `${dialect}${compressed ? ", compressed" : ""}`;
    const back = index > 0 || after > 0;
    list.push(
      back
        ? { ms: joinedAt, kind: "resume", words: `Reader ${line} resumed after entry ${count(after)} (${how})` }
        : { ms: joinedAt, kind: "join", words: `Reader ${line} joined (${how})` },
    );
    if (leftAt === undefined || code === undefined) continue;
    const place = at === undefined ? "" : ` at entry ${count(at)}`;
    const joined = merged === undefined ? "" : `, ${count(merged)} entries merged into ${count(mergedInto)}`;
    const what =
      code === "end"
        ? `has everything`
        : code === "reader-left"
          ? `left or was cut${place}`
          : `was broken off: ${code}`;
    list.push({
      ms: leftAt,
      kind: code === "end" ? "read" : "cut",
      words: `Reader ${line} ${what}${joined}, ${bytes(stretch.bytes)}`,
    });
  }
  return list;
}
