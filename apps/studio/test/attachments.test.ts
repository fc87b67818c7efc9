import type { ChatQuestion } from "sluice/client";
import { describe, expect, it } from "vitest";
import {
  attach,
  charactersOfFiles,
  sizeText,
  toChatFile,
  type AttachOptions,
  type Attachment,
} from "../src/state/attachments.ts";

describe("attaching files", () => {
  it("takes them as data: URLs with their type and name", async () => {
    const { attachments, refused } = await attach([], [file("a.txt", "hello", "text/plain")], options());
    expect(refused).toEqual([]);
    expect(attachments.map(toChatFile)).toEqual([
      { url: "data:text/plain;base64,aGVsbG8=", mediaType: "text/plain", filename: "a.txt" },
    ]);
  });

  it("gives them names that a server takes", async () => {
    const { attachments } = await attach(
      [],
      [file("a\u202Egnp.exe", "1"), file(`${"x".repeat(300)}.txt`, "2"), file("\n", "3")],
      options(),
    );
    expect(names(attachments)).toEqual(["agnp.exe", `${"x".repeat(251)}.txt`, "file"]);
  });

  it("calls a file without a type what it is: bytes", async () => {
    const { attachments } = await attach([], [file("a.bin", "x", "")], options());
    expect(attachments[0]?.mediaType).toBe("application/octet-stream");
  });

  it("refuses one sentence each: empty, too many, too large, unreadable", async () => {
    const limits = { files: 2, characters: 1_000 };
    const { attachments, refused } = await attach(
      [],
      [
        file("empty", ""),
        file("big", "x".repeat(2_000)),
        file("one", "1"),
        file("bad", "2"),
        file("two", "3"),
        file("more", "4"),
      ],
      { ...options(), limits },
    );
    expect(attachments.map(({ filename }) => filename)).toEqual(["one", "two"]);
    expect(refused).toEqual([
      "“empty” is empty.",
      "“big” (2 KB) is too large: the files of a chat may have 750 B together.",
      "“bad” could not be read.",
      "“more” was left out: at most 2 files go with a message.",
    ]);
  });

  it("counts the room that other files take", async () => {
    const limits = { files: 9, characters: 1_500 };
    const first = await attach([], [file("one", "x".repeat(600))], { ...options(), limits });
    const second = await attach(first.attachments, [file("two", "x".repeat(600))], { ...options(), limits });
    expect(names(second.attachments)).toEqual(["one"]);
    expect(second.refused).toHaveLength(1);
    const third = await attach([], [file("three", "x".repeat(600))], { ...options(), limits, taken: 1_000 });
    expect(third.refused, "what was sent before is sent along").toHaveLength(1);
  });

  it("counts the files of all messages of a chat", () => {
    const part = (url: string) => ({ type: "file" as const, url, mediaType: "image/png" });
    const asked = (id: string, ...urls: readonly string[]): ChatQuestion => ({
      id,
      role: "user",
      parts: urls.map(part),
      content: "",
      status: "sent",
    });
    expect(charactersOfFiles([asked("1", "data:,12345", "data:,1"), asked("2"), asked("3", "data:,")])).toBe(
      11 + 7 + 6,
    );
  });

  it("makes a picture smaller that is too large, and nothing else", async () => {
    const limits = { files: 9, characters: 1_000 };
    const shrink = async (original: File) => file(original.name, "small", "image/jpeg");
    const { attachments, refused } = await attach(
      [],
      [file("photo.png", "x".repeat(5_000), "image/png"), file("text", "x".repeat(5_000))],
      { ...options(), limits, shrink },
    );
    expect(attachments).toMatchObject([{ filename: "photo.png", mediaType: "image/jpeg", size: 5 }]);
    expect(refused).toHaveLength(1);
  });

  it("takes the same file once", async () => {
    const same = file("a.txt", "hello");
    const { attachments } = await attach([], [same, same], options());
    expect(attachments).toHaveLength(1);
  });
});

describe("a size", () => {
  it("is told in the unit that fits", () => {
    expect([999, 1_000, 999_499, 1_000_000, 12_340_000].map(sizeText)).toEqual([
      "999 B",
      "1 KB",
      "999 KB",
      "1.0 MB",
      "12.3 MB",
    ]);
  });
});

function options(): AttachOptions {
  return {
    async toDataUrl(read) {
      if (read.name === "bad") throw new DOMException("gone", "NotReadableError");
      return `data:${read.type};base64,${Buffer.from(await read.arrayBuffer()).toString("base64")}`;
    },
  };
}

function file(name: string, text: string, type = "text/plain"): File {
  return new File([text], name, { type, lastModified: 1 });
}

function names(attachments: readonly Attachment[]): readonly string[] {
  return attachments.map(({ filename }) => filename);
}
