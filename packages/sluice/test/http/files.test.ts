import { describe, expect, it } from "vitest";
import type { AskMessage } from "../../src/http/index.ts";
import { SITES, codeOf, eventsOf, type Site } from "./support.ts";

const PNG = "data:image/png;base64,iVBORw0KGgo=";
const image = { type: "file", url: PNG, mediaType: "image/png", filename: "a photo.png" };
const asGiven = { url: PNG, mediaType: "image/png", filename: "a photo.png" };
const text = (said: string): object => ({ type: "text", text: said });

interface Asked {
  readonly site: Site;
  /** What the model was given, call by call. */
  readonly given: (readonly AskMessage[])[];
  post(body: object, path?: string): Promise<Response>;
  /** The status and what is wrong, of a question that is refused. */
  refusal(body: object): Promise<readonly unknown[]>;
}

async function start(kind: string, options: { readonly maxBodyBytes?: number } = {}): Promise<Asked> {
  const given: (readonly AskMessage[])[] = [];
  const site = await SITES[kind]!({
    ...options,
    answer: ({ messages }) =>
      async function* () {
        given.push(messages);
        yield "ok";
      },
  });
  const post = async (body: object, path = "/generate"): Promise<Response> =>
    site.fetch(path, { method: "POST", body: JSON.stringify(body) });
  return {
    site,
    given,
    post,
    async refusal(body) {
      const response = await post(body);
      const answer = (await response.json()) as { error: { message: string; details: object } };
      expect(codeOf(answer)).toBe(response.status === 413 ? "request/too-large" : "request/invalid");
      return [response.status, answer.error.details, answer.error.message];
    },
  };
}

const KIND = "Web Request and Response";

describe("files of a question", () => {
  it.each([
    ["messages", { messages: [{ role: "user", parts: [text("What is "), image, text("this?")] }] }],
    ["message", { message: { parts: [text("What is this?"), image] } }],
    ["message beside its text", { message: { content: "What is this?", parts: [image] } }],
    ["content of a message", { messages: [{ role: "user", content: [text("What is this?"), image] }] }],
    ["the nested form", { input: { messages: [{ type: "human", parts: [text("What is this?"), image] }] } }],
    ["message of the nested form", { input: { message: { content: "What is this?", parts: [image] } } }],
  ])("reach the model, in %s", async (_, body) => {
    const { given, post } = await start(KIND);
    expect((await post(body)).status).toBe(200);
    expect(given).toEqual([[{ role: "user", content: "What is this?", files: [asGiven] }]]);
  });

  it("may be all that there is of it", async () => {
    const { given, post } = await start(KIND);
    await post({ message: { parts: [image] } });
    await post({ messages: [{ role: "user", parts: [image, image] }] });
    expect(given).toEqual([
      [{ role: "user", content: "", files: [asGiven] }],
      [{ role: "user", content: "", files: [asGiven, asGiven] }],
    ]);
  });

  it("are the user's: those of others are passed over, as are parts of other types", async () => {
    const { given, post } = await start(KIND);
    const broken = { type: "file", url: 7 };
    await post({
      messages: [
        { role: "system", parts: [text("Be brief."), broken] },
        { role: "assistant", parts: [text("Hello."), broken] },
        { role: "user", parts: [text("Hi"), { type: "step-start" }, { type: "source-url", url: 7 }] },
      ],
    });
    expect(given).toEqual([
      [
        { role: "system", content: "Be brief." },
        { role: "assistant", content: "Hello." },
        { role: "user", content: "Hi" },
      ],
    ]);
  });

  it.each([
    [{ url: PNG.replace("image/png", "IMAGE/PNG;charset=utf-8"), mediaType: " Image/PNG; x=y" }, "image/png"],
    [{ url: "data:;base64,", mediaType: "text/plain" }, "text/plain"],
    [{ url: "https://example.test/a%20b.png?x=y", mediaType: "image/svg+xml" }, "image/svg+xml"],
    [{ url: "data:text/plain;charset=utf-8;name=a%20b;base64,AA==", mediaType: "text/plain" }, "text/plain"],
  ])("are taken as %j", async (file, mediaType) => {
    const { given, post } = await start(KIND);
    expect((await post({ message: { parts: [{ type: "file", ...file }] } })).status).toBe(200);
    expect(given[0]?.[0]?.files).toEqual([{ url: file.url, mediaType }]);
  });

  it.each([
    ["url", {}],
    ["url", { url: 7 }],
    ["url", { url: "" }],
    ["url", { url: "http://example.test/a.png" }],
    ["url", { url: "file:///etc/passwd" }],
    ["url", { url: "javascript:alert(1)" }],
    ["url", { url: "blob:https://example.test/1" }],
    ["url", { url: "https://user:secret@example.test/a.png" }],
    ["url", { url: `https://example.test/${"a".repeat(2_048)}` }],
    ["url", { url: "data:image/png,plain" }],
    ["url", { url: "data:image/png;base64,not base64!" }],
    ["url", { url: "data:image/png;base64,AAA" }],
    ["url", { url: "data:image/png;base64" }],
    ["url", { url: `data:image/png;${"a=b;".repeat(9)}base64,AAAA` }],
    ["url", { url: "https://example.test/a.pdf", mediaType: "application/pdf" }],
    ["mediaType", { url: PNG, mediaType: undefined }],
    ["mediaType", { url: PNG, mediaType: "" }],
    ["mediaType", { url: PNG, mediaType: "png" }],
    ["mediaType", { url: PNG, mediaType: "image/png\r\nx: y" }],
    ["mediaType", { url: PNG, mediaType: "image/gif" }],
    ["mediaType", { url: "data:text/html;base64,AAAA", mediaType: "image/png" }],
    ["filename", { url: PNG, filename: "" }],
    ["filename", { url: PNG, filename: 7 }],
    ["filename", { url: PNG, filename: "a\nb.png" }],
    ["filename", { url: PNG, filename: "gnp.\u202Eexe" }],
    ["filename", { url: PNG, filename: "a".repeat(256) }],
  ])("are refused for their %s, as in %j, before anything is started", async (field, file) => {
    const { given, refusal } = await start(KIND);
    const wrong = { type: "file", mediaType: "image/png", ...file };
    const at = `messages.0.parts.1.${field}`;
    const [status, details, message] = await refusal({ messages: [{ role: "user", parts: [text("Hi"), wrong] }] });
    expect([status, details]).toEqual([422, { field: at }]);
    expect(message).toMatch(new RegExp(`^${at}: (?:must|may|is) `));
    expect(given).toEqual([]);
  });

  it("are named by their place in the nested form too", async () => {
    const { refusal } = await start(KIND);
    const message = { parts: [{ type: "file", url: PNG, mediaType: "image/gif" }] };
    expect((await refusal({ input: { message } })).slice(0, 2)).toEqual([
      422,
      { field: "input.message.parts.0.mediaType" },
    ]);
  });

  it("are not needed: what has neither text nor a file is refused as before", async () => {
    const { refusal } = await start(KIND);
    expect((await refusal({ message: {} }))[1]).toEqual({ field: "message.content" });
    expect((await refusal({ message: { content: "" } }))[1]).toEqual({ field: "message.content" });
    expect((await refusal({ message: { parts: [] } }))[1]).toEqual({ field: "message.content" });
    expect((await refusal({ messages: [{ role: "user", parts: [] }] }))[1]).toEqual({ field: "messages" });
  });

  it("count for what a key stands for", async () => {
    const { given, post } = await start(KIND);
    const ask = (url: string): object => ({ requestId: "r", message: { content: "Hi", parts: [{ ...image, url }] } });
    expect((await post(ask(PNG))).status).toBe(200);
    expect((await post(ask(PNG))).status).toBe(200);
    expect((await post(ask("data:image/png;base64,AAAA"))).status).toBe(409);
    expect((await post({ requestId: "r", message: { content: "Hi" } })).status).toBe(409);
    expect(given).toHaveLength(1);
  });
});

describe.each(Object.keys(SITES))("how large a question may be, over %s,", (kind) => {
  const sized = (bytes: number): object => {
    const url = `data:image/png;base64,${"A".repeat(bytes - (bytes % 4))}`;
    return { message: { content: "Hi", parts: [{ type: "file", url, mediaType: "image/png" }] } };
  };

  it("is an option, 1 MiB by default", async () => {
    const usual = await start(kind);
    const more = await start(kind, { maxBodyBytes: 3 << 20 });
    try {
      expect((await usual.refusal(sized(1 << 20))).slice(0, 2)).toEqual([413, { field: "body", limit: 1 << 20 }]);
      expect((await more.post(sized(2 << 20))).status).toBe(200);
      expect((await more.refusal(sized(3 << 20))).slice(0, 2)).toEqual([413, { field: "body", limit: 3 << 20 }]);
      expect(more.given).toHaveLength(1);
    } finally {
      await usual.site.close();
      await more.site.close();
    }
  });

  it("must be a number of bytes", async () => {
    for (const maxBodyBytes of [0, -1, 1.5, Number.NaN]) {
      await expect(start(kind, { maxBodyBytes })).rejects.toMatchObject({
        code: "option/invalid",
        details: { field: "maxBodyBytes" },
      });
    }
  });
});

describe("a conversation with files", () => {
  it("keeps their names and types, and tells the model later that they were there", async () => {
    const { site, given, post } = await start(KIND);
    const ask = async (body: object): Promise<void> => {
      const response = await post({ threadId: "t", ...body }, "/stream");
      await eventsOf(response);
      await site.sluice.runs.ended(response.headers.get("sluice-run-id") ?? "");
    };
    await ask({ message: { parts: [image, { ...image, filename: undefined }] } });
    await ask({ message: { content: "And now?" } });
    expect(given[1]).toEqual([
      {
        role: "user",
        content: "[Attached, and not kept: a photo.png (image/png)]\n[Attached, and not kept: a file (image/png)]",
      },
      { role: "assistant", content: "ok" },
      { role: "user", content: "And now?" },
    ]);
    const thread: unknown = await (await site.fetch("/threads/t")).json();
    const files = [{ mediaType: "image/png", filename: "a photo.png" }, { mediaType: "image/png" }];
    const about = { runId: expect.any(String), at: expect.any(Number) };
    expect(thread).toMatchObject({ title: "a photo.png" });
    expect((thread as { messages: unknown }).messages).toEqual([
      { role: "user", content: "", files, ...about },
      { role: "assistant", content: "ok", ...about },
      { role: "user", content: "And now?", ...about },
      { role: "assistant", content: "ok", ...about },
    ]);
    expect(JSON.stringify(thread)).not.toContain("base64");
  });

  it("gives the model those that its messages bring again", async () => {
    const { given, post } = await start(KIND);
    const messages = [
      { role: "user", parts: [text("What is this?"), image] },
      { role: "assistant", parts: [text("ok")] },
      { role: "user", parts: [text("Sure?")] },
    ];
    await post({ threadId: "t", messages });
    expect(given[0]?.map(({ files }) => files?.length)).toEqual([1, undefined, undefined]);
  });
});
