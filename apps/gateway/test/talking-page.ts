import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** A folder with a page that has `createSocketConversation` as `window.talking`, and keeps what is sent and played. */
export interface TalkingPage {
  readonly directory: string;
  remove(): void;
}

const SCRIPT = `
import { createSocketConversation } from "sluice/client";

const sent = [], played = [], states = [], streams = [];
const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await getUserMedia(wanted);
  streams.push(stream);
  return stream;
};
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  sent.push(typeof data === "string" ? data : new Uint8Array(data).slice());
  return send.call(this, data);
};
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (at = 0) {
  const { buffer } = this;
  played.push({ at, rate: buffer.sampleRate, samples: Array.from(buffer.getChannelData(0)) });
  return start.call(this, at);
};
// What the loudspeaker is given, as a microphone before it would hear it.
let loudest = 0;
const listen = (context) => {
  const analyser = new AnalyserNode(context, { fftSize: 2048 });
  const samples = new Float32Array(2048);
  const look = () => {
    analyser.getFloatTimeDomainData(samples);
    for (const sample of samples) loudest = Math.max(loudest, Math.abs(sample));
    if (context.state !== "closed") setTimeout(look, 20);
  };
  look();
  return analyser;
};
const analysers = new WeakMap();
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to === this.context.destination && this instanceof AudioBufferSourceNode) {
    if (!analysers.has(this.context)) analysers.set(this.context, listen(this.context));
    connect.call(this, analysers.get(this.context));
  }
  return connect.call(this, to, ...rest);
};

window.talking = {
  open(options) {
    const conversation = createSocketConversation(options);
    conversation.subscribe(() => {
      const { voiceAgentState } = conversation.getSnapshot();
      if (states.at(-1) !== voiceAgentState) states.push(voiceAgentState);
    });
    conversation.open();
    this.conversation = conversation;
  },
  /** The button starts the next talk. */
  arm(options) {
    document.querySelector("button").onclick = () => void this.conversation.startRecording(options);
  },
  state() {
    const { voiceAgentState, error, connection, transcripts, audioContext } = this.conversation.getSnapshot();
    const { code, message } = error ?? {};
    return { voiceAgentState, error: error && { code, message, cause: String(error.cause) }, connection: connection.status, transcripts, rate: audioContext?.sampleRate };
  },
  states, played,
  get tracks() { return streams.flatMap((stream) => stream.getTracks().map((track) => track.readyState)); },
  get loudest() { return loudest; },
  texts: () => sent.filter((one) => typeof one === "string").map((one) => JSON.parse(one)),
  sentBytes: () => sent.filter((one) => typeof one !== "string").flatMap((one) => [...one]),
};
`;

export async function buildTalkingPage(): Promise<TalkingPage> {
  const directory = mkdtempSync(join(tmpdir(), "sluice-talking-"));
  await build({
    stdin: { contents: SCRIPT, resolveDir: fileURLToPath(new URL(".", import.meta.url)), loader: "js" },
    bundle: true,
    format: "esm",
    conditions: ["@sluice/source"],
    outfile: join(directory, "page.js"),
  });
  writeFileSync(
    join(directory, "index.html"),
    '<!doctype html><html lang="en"><title>Talk</title><link rel="icon" href="data:,"><button>Talk</button><script type="module" src="/page.js"></script></html>',
  );
  return { directory, remove: () => rmSync(directory, { recursive: true }) };
}
