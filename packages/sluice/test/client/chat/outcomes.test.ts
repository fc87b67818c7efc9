import { describe, expect, it, vi } from "vitest";
import { refusal } from "./fake-gateway.ts";
import {
  PATIENCE,
  answer,
  answered,
  delta,
  finish,
  openPage,
  said,
  saying,
  start,
  status,
  text,
  transcript,
  unreachable,
} from "./support.ts";

describe("stopping", () => {
  it("stops the run and keeps what has come", async () => {
    const { chat, gateway } = openPage();
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.send(start, ...text("Half an ans"));
    await saying(chat, "Half an ans");
    chat.stop();
    expect(chat.getSnapshot().stopping).toBe(true);
    await status(chat, "ready");
    expect(chat.getSnapshot().stopping).toBe(false);
    expect(gateway.calls).toContain("POST /runs/run_1/stop");
    expect(answer(chat)).toMatchObject({ status: "aborted", content: "Half an ans" });
  });

  it("waits for the run that it wants to stop", async () => {
    const { chat, gateway } = openPage();
    chat.send("Why?");
    chat.stop();
    expect(gateway.calls).not.toContain("POST /runs/run_1/stop");
    await status(chat, "ready");
    expect(gateway.calls).toContain("POST /runs/run_1/stop");
    expect(answer(chat)?.status).toBe("aborted");
  });

  it("takes a question back that no server has answered", async () => {
    const { chat, gateway } = openPage();
    gateway.answerNext("/stream", unreachable);
    chat.send("Why?");
    chat.stop();
    await status(chat, "ready");
    expect(gateway.asked).toHaveLength(1);
    expect(gateway.calls).toContain(`POST /cancel/${String(gateway.asked[0]?.["requestId"])}`);
    expect(chat.getSnapshot().messages).toMatchObject([{ status: "failed" }, { status: "aborted", parts: [] }]);
  });

  it("takes it back at once between two attempts", async () => {
    const { chat, gateway } = openPage({ patient: true });
    gateway.answerNext("/stream", unreachable);
    chat.send("Why?");
    await vi.waitFor(() => expect(chat.getSnapshot().connection.status).toBe("waiting"), PATIENCE);
    chat.stop();
    expect(chat.getSnapshot().status).toBe("ready");
    expect(gateway.asked).toHaveLength(1);
  });

  it("takes it back at once also while another attempt is under way", async () => {
    const { chat, gateway } = openPage();
    gateway.answerNext("/stream", unreachable, () => new Promise<Response>(() => {}));
    chat.send("Why?");
    await vi.waitFor(() => expect(gateway.asked).toHaveLength(2), PATIENCE);
    chat.stop();
    expect(chat.getSnapshot().status).toBe("ready");
  });

  it("can be tried again when the server did not take it", async () => {
    const { chat, gateway } = openPage();
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.answerNext("/runs/run_1/stop", unreachable);
    chat.stop();
    await vi.waitFor(
      () => expect(chat.getSnapshot()).toMatchObject({ status: "streaming", stopping: false }),
      PATIENCE,
    );
    chat.stop();
    await status(chat, "ready");
  });

  it("stays wanted through a broken connection", async () => {
    const { chat, gateway } = openPage();
    chat.send("Why?");
    await status(chat, "streaming");
    let free = (): void => {};
    gateway.answerNext("/runs/run_1/stop", unreachable);
    gateway.answerNext("/runs/run_1/events", () => new Promise((_, reject) => (free = () => reject(new TypeError()))));
    gateway.cut();
    await vi.waitFor(() => expect(gateway.calls).toContain("GET /runs/run_1/events"), PATIENCE);
    chat.stop();
    free();
    await status(chat, "ready");
    expect(answer(chat)?.status).toBe("aborted");
  });
});

describe("failing", () => {
  it("says what the server says, keeps what has come, and tries again with a new key", async () => {
    const { chat, gateway } = openPage();
    chat.send("Why?", { model: "m" });
    await status(chat, "streaming");
    gateway.send(start, ...text("Half"), { type: "error", errorText: "The model is gone.", code: "llm/failed" });
    await status(chat, "error");
    const told = { code: "llm/failed", message: "The model is gone." };
    expect(chat.getSnapshot().error).toEqual({ ...told, retry: "new-run" });
    expect(answer(chat)).toMatchObject({ status: "failed", content: "Half", error: told });
    chat.retry();
    expect(transcript(chat)).toEqual(["user: Why?"]);
    await status(chat, "streaming");
    expect(gateway.asked[1]?.["requestId"]).not.toBe(gateway.asked[0]?.["requestId"]);
    expect(gateway.asked[1]).toMatchObject({ model: "m", messages: [{ role: "user", content: "Why?" }] });
  });

  it("says what a refusal says", async () => {
    const { chat, gateway } = openPage();
    gateway.answerNext("/stream", () => refusal(422, "request/invalid", "Too strange."));
    chat.send("Why?");
    await status(chat, "error");
    expect(chat.getSnapshot()).toMatchObject({
      error: { code: "request/invalid", message: "Too strange.", status: 422, retry: "new-run" },
      messages: [{ status: "failed" }],
      connection: { status: "idle" },
    });
  });

  it("goes on with the same key after the server could not be reached", async () => {
    const { chat, gateway } = openPage();
    gateway.answerNext("/stream", ...Array.from({ length: 30 }, () => unreachable));
    chat.send("Why?");
    await status(chat, "error");
    expect(chat.getSnapshot().error).toMatchObject({ code: "client/gave-up", retry: "same-run" });
    chat.retry();
    expect(chat.getSnapshot()).toMatchObject({ status: "submitted", messages: [{ status: "pending" }] });
    await status(chat, "streaming");
    expect(gateway.asked.at(-1)).toEqual(gateway.asked[0]);
  });

  it("repeats the question with the same request after a 401", async () => {
    const { chat, gateway } = openPage();
    gateway.answerNext("/stream", () => refusal(401, "auth/required", "This needs credentials."));
    chat.send("Why?");
    await status(chat, "error");
    expect(chat.getSnapshot().error).toMatchObject({ code: "auth/required", status: 401, retry: "same-run" });
    chat.retry();
    await status(chat, "streaming");
    expect(gateway.asked[1]).toEqual(gateway.asked[0]);
  });

  // Who had left for good and tried again was shown a question that is being asked, for ever: nothing was.
  // For pages that hide a chat whose signal has fired, and leave its button.
  it("is not tried again by who has left for good", async () => {
    const leaving = new AbortController();
    const { chat, gateway } = openPage({ signal: leaving.signal });
    gateway.answerNext("/stream", () => refusal(401, "auth/required", "This needs credentials."));
    chat.send("Why?");
    await status(chat, "error");
    leaving.abort();
    chat.retry();
    expect(chat.getSnapshot().status).toBe("error");
    expect(gateway.asked).toHaveLength(1);
  });

  it("never shows an answer as finished whose events end without a terminal", async () => {
    const { chat, gateway } = openPage();
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.send(start, ...text("Half"));
    await saying(chat, "Half");
    gateway.answerNext("/runs/run_1/events", () => new Response(null, { status: 204 }));
    gateway.cut();
    await status(chat, "error");
    expect(chat.getSnapshot().error).toMatchObject({ code: "run/source-truncated", retry: "same-run" });
    expect(answer(chat)).toMatchObject({ status: "streaming", content: "Half" });
    chat.retry();
    gateway.send(delta(" and half"), finish);
    await status(chat, "ready");
    expect(said(chat)).toBe("Half and half");
  });

  it("reads from the start again when the log is not what it was", async () => {
    const { chat, gateway } = openPage();
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.send(start, ...text("Half"));
    await saying(chat, "Half");
    gateway.answerNext("/runs/run_1/events", () => refusal(410, "log/rewound", "It was put back."));
    gateway.cut();
    gateway.send(delta("."), finish);
    await status(chat, "ready");
    expect(said(chat)).toBe("Half.");
  });

  it("forgets a failed question's error with the next question", async () => {
    const { chat, gateway } = openPage();
    gateway.answerNext("/stream", () => refusal(422, "request/invalid", "Too strange."));
    chat.send("Why?");
    await status(chat, "error");
    chat.send("Who?");
    await status(chat, "streaming");
    gateway.send(start, ...text("I."), finish);
    await status(chat, "ready");
    expect(chat.getSnapshot().error).toBeUndefined();
    expect(transcript(chat)).toEqual(["user: Why?", "user: Who?", "assistant: I."]);
  });
});

describe("regenerating", () => {
  it("asks anew, with a new key, in the place of the question", async () => {
    const page = openPage();
    const { chat, gateway } = page;
    await answered(page, "One?", "1");
    await answered(page, "Why?", "Because.");
    const question = chat.getSnapshot().messages[2];
    chat.regenerate({ model: "other" });
    expect(transcript(chat)).toEqual(["user: One?", "assistant: 1", "user: Why?"]);
    expect(chat.getSnapshot().messages[2]?.id).toBe(question?.id);
    await status(chat, "streaming");
    expect(gateway.asked[2]?.["requestId"]).not.toBe(gateway.asked[1]?.["requestId"]);
    expect(gateway.asked[2]).toMatchObject({
      model: "other",
      messages: [{ content: "One?" }, { content: "1" }, { content: "Why?" }],
    });
    gateway.send(start, ...text("So."), finish);
    await status(chat, "ready");
    expect(transcript(chat)).toEqual(["user: One?", "assistant: 1", "user: Why?", "assistant: So."]);
  });
});

describe("a broken connection", () => {
  it("is bridged by the run, and the answer has every word once", async () => {
    const { chat, gateway } = openPage();
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.send(start, ...text("One "), delta("two "));
    await saying(chat, "One two ");
    const connections: unknown[] = [];
    chat.subscribe(() => connections.push(chat.getSnapshot().connection));
    gateway.cut();
    gateway.send(delta("three"), finish);
    await status(chat, "ready");
    expect(said(chat)).toBe("One two three");
    expect(connections).toContainEqual({ status: "open", shared: false, resumed: 1 });
    expect(connections.at(-1)).toEqual({ status: "idle" });
  });

  it("is waited for with more patience where the run is known than where nobody took the question", async () => {
    const { chat, gateway } = openPage();
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.answerNext("/runs/run_1/events", ...Array.from({ length: 35 }, () => unreachable));
    gateway.cut();
    gateway.send(start, ...text("Because."), finish);
    await status(chat, "ready");
    expect(said(chat)).toBe("Because.");
  });

  it("is told, with the time of the next attempt", async () => {
    const { chat, gateway } = openPage({ patient: true });
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.cut();
    await vi.waitFor(() => expect(chat.getSnapshot().connection.status).toBe("waiting"), PATIENCE);
    expect(chat.getSnapshot()).toMatchObject({
      status: "streaming",
      connection: { status: "waiting", attempt: 1, retryAt: 0, reason: "unreachable" },
    });
  });

  it("says that the browser is offline", async () => {
    const { chat, gateway } = openPage({ patient: true, wake: { online: () => false, subscribe: () => () => {} } });
    gateway.answerNext("/stream", unreachable);
    chat.send("Why?");
    await vi.waitFor(
      () => expect(chat.getSnapshot().connection).toMatchObject({ status: "waiting", reason: "offline" }),
      PATIENCE,
    );
  });
});
