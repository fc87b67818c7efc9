import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, textOf } from "./tree.ts";

const readme = textOf("README.md");

describe("the README's code", () => {
  const blocks = [...readme.matchAll(/<!-- (\S+) -->\n```\w+\n([\s\S]*?)```/g)];

  it("is that of files which the tests run", () => {
    expect(blocks.length).toBeGreaterThan(0);
    for (const [, path = "", code] of blocks) expect([path, code]).toEqual([path, textOf(path)]);
  });
});

// As a reader would: line by line, only with another port, a jar of its own, and a faster model.
describe("the README's curl lines", () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-readme-"));
  let gateway: ChildProcess;
  let url = "";

  beforeAll(async () => {
    const env = { ...process.env, PORT: "0", OPENAI_API_KEY: "", OPENAI_BASE_URL: "", SLUICE_API_KEYS: "" };
    gateway = spawn(process.execPath, [join(root, "apps/gateway/dist/cli.js")], { cwd: folder, env });
    let said = "";
    for await (const chunk of gateway.stdout ?? []) {
      said += String(chunk);
      url = /^Sluice is at (\S+)\n/m.exec(said)?.[1] ?? "";
      if (url !== "") break;
    }
  });
  afterAll(async () => {
    const ended = once(gateway, "exit");
    gateway.kill("SIGKILL");
    await ended; // or it would write into what is removed
    rmSync(folder, { recursive: true });
  });

  const block = /```sh\n(curl [\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const commands = block
    .replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => line.startsWith("curl"));

  /** What a line prints; with `enough`, Ctrl-C is pressed as soon as that is there. */
  async function run(command = "", enough?: string): Promise<string> {
    const local = command
      .replaceAll("http://127.0.0.1:3000", url)
      .replaceAll("/tmp/sluice.jar", join(folder, "jar"))
      .replaceAll("rate=20", "rate=50");
    const curl = spawn("bash", ["-c", `exec ${local.replace("curl", "curl -sS --max-time 20")}`]);
    let text = "";
    for await (const chunk of curl.stdout) {
      text += String(chunk);
      if (enough !== undefined && text.includes(enough)) curl.kill("SIGINT");
    }
    return text;
  }

  function saidIn(text: string): string {
    const chunks = text.matchAll(/^event: chunk\nid: .*\ndata: (.*)$/gm);
    return Array.from(chunks, ([, data = "{}"]) => (JSON.parse(data) as { content: string }).content).join("");
  }

  it("give a cookie, ask, are cut by Ctrl-C, go on after an id, and cancel", async () => {
    const [cookie, ask, resume, cancel, ...others] = commands;
    expect(others).toEqual([]);
    await run(cookie);
    const after = /Last-Event-ID: (\w+)/.exec(resume ?? "")?.[1] ?? "";
    const seen = await run(ask, `id: ${after}\n`);
    expect(seen).toMatch(/event: typing\nid: 11\n/);
    expect(seen).not.toContain("event: done");
    const rest = await run(resume);
    const whole = await run(ask);
    const cut = seen.indexOf("\n\n", seen.indexOf(`id: ${after}\n`)) + 2;
    // Of what is over a reader is sent fewer, larger deltas: it is the text that is the same.
    expect(saidIn(seen.slice(0, cut)) + saidIn(rest)).toBe(saidIn(whole));
    expect(rest.slice(rest.indexOf("event: message"))).toBe(whole.slice(whole.indexOf("event: message")));
    expect(whole).toContain("event: done");
    expect(JSON.parse(await run(cancel))).toMatchObject({ status: "finished" });
  });
});
