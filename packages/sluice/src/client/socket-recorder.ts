import type { Clock } from "../base/clock.ts";
import { SluiceError } from "../base/errors.ts";
import type { RecordOptions, Recorder } from "./socket-audio.ts";
import { PCM } from "./socket-messages.ts";

export interface RecorderOptions extends RecordOptions {
  readonly stream: MediaStream;
  readonly clock: Clock;
}

/** The worklet answers within a piece; one that has stopped never does. */
const LAST_PIECE_MS = 500;

/** PCM from the worklet, 40 ms at a time. The module is loaded. */
export function recordLive(context: AudioContext, { stream, clock, onPiece }: RecorderOptions): Recorder {
  const source = context.createMediaStreamSource(stream);
  // It is silent, but only what leads to the destination is run everywhere.
  const node = new AudioWorkletNode(context, "sluice-voice", { numberOfInputs: 1, numberOfOutputs: 1 });
  const rate = context.sampleRate;
  let bytes = 0;
  let open = true;
  let onLast = (): void => {};
  node.port.onmessage = ({ data }: MessageEvent<ArrayBuffer | null>) => {
    if (data === null) onLast();
    else if (open) {
      bytes += data.byteLength;
      onPiece(new Uint8Array(data));
    }
  };
  source.connect(node).connect(context.destination);

  function cancel(): void {
    open = false;
    source.disconnect();
    node.disconnect();
    node.port.close();
    turnOff(stream);
  }

  return {
    format: { mimeType: PCM, sampleRate: rate, channels: 1 },
    async stop() {
      await new Promise<void>((resolve) => {
        const stopTimer = clock.timer(LAST_PIECE_MS, resolve);
        onLast = () => {
          stopTimer();
          resolve();
        };
        node.port.postMessage(null);
      });
      cancel();
      return Math.round((bytes / 2 / rate) * 1000);
    },
    cancel,
  };
}

/** Told by the second, so that its size is known while it grows. */
const SLICE_MS = 1_000;

/** What the browser's own recorder makes; its pieces are a file only together. */
export function recordFile({ stream, clock, onPiece, onLost }: RecorderOptions): Recorder {
  const recorder = new MediaRecorder(stream);
  const startedAt = clock.now();
  let mimeType = "";
  let open = true;
  /** Blobs are read one after the other, so that pieces keep their order. */
  let reading: Promise<void> = Promise.resolve();
  recorder.addEventListener("dataavailable", ({ data }) => {
    if (data.size === 0) return;
    // Firefox's recorder forgets its own when it stops.
    mimeType ||= data.type;
    reading = reading.then(async () => {
      const piece = new Uint8Array(await data.arrayBuffer());
      if (open) onPiece(piece);
    });
  });
  recorder.addEventListener("error", () => {
    if (open) onLost(new SluiceError("audio/unsupported", "The browser's recorder has failed."));
  });
  const stopped = new Promise<void>((resolve) => recorder.addEventListener("stop", () => resolve(), { once: true }));
  recorder.start(SLICE_MS);

  function end(): void {
    if (recorder.state !== "inactive") recorder.stop();
  }

  return {
    get format() {
      return { mimeType };
    },
    async stop() {
      const ms = clock.now() - startedAt;
      end();
      await stopped;
      await reading;
      open = false;
      turnOff(stream);
      return ms;
    },
    cancel() {
      open = false;
      end();
      turnOff(stream);
    },
  };
}

export function turnOff(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
