import { SluiceError } from "../base/errors.ts";
import type { PlayOptions, Player } from "./socket-audio.ts";
import { blockOf, isPcm } from "./socket-messages.ts";

/** Before the first sound, and after a pause: what comes unevenly is to be heard evenly. */
const LEAD_S = 0.1;
/** So much is handed to the browser ahead of time. What is beyond waits as it came: as samples it is twice as large. */
const AHEAD_S = 2;
const MOST_BYTES = 67_108_864;

export function createPlayer(context: AudioContext, options: PlayOptions): Player {
  return isPcm(options.format) ? playLive(context, options) : playWhole(context, options);
}

/** Each piece begins at the sample after the last one of the piece before it. */
function playLive(context: AudioContext, { format, onPlayed, onError }: PlayOptions): Player {
  const { sampleRate = context.sampleRate, channels = 1 } = format;
  const block = blockOf(format);
  const sounding = new Set<AudioBufferSourceNode>();
  const waiting: Uint8Array[] = [];
  let rest: Uint8Array = new Uint8Array(0);
  let held = 0;
  let ended = false;
  let stopped = false;
  /** In samples, so that no rounding opens a gap. */
  let next = 0;

  function add(piece: Uint8Array): void {
    if (stopped || ended) return;
    // Borders of pieces may be anywhere, also in the middle of a sample.
    const bytes = join(rest, piece);
    const whole = bytes.byteLength - (bytes.byteLength % block);
    rest = bytes.slice(whole);
    if (whole === 0) return;
    held += whole;
    if (held > MOST_BYTES) {
      stop();
      onError(tooLarge());
      return;
    }
    waiting.push(bytes.subarray(0, whole));
    schedule();
  }

  function schedule(): void {
    while (!stopped && next / sampleRate - context.currentTime < AHEAD_S) {
      const piece = waiting.shift();
      if (piece === undefined) break;
      held -= piece.byteLength;
      const now = context.currentTime;
      if (next / sampleRate <= now) next = Math.ceil((now + LEAD_S) * sampleRate);
      const source = sound(toBuffer(piece));
      source.start(next / sampleRate);
      next += piece.byteLength / block;
    }
    if (ended && !stopped && sounding.size === 0 && waiting.length === 0) {
      stopped = true;
      onPlayed();
    }
  }

  function sound(buffer: AudioBuffer): AudioBufferSourceNode {
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    sounding.add(source);
    source.addEventListener("ended", () => {
      source.disconnect();
      if (sounding.delete(source)) schedule();
    });
    return source;
  }

  function toBuffer(piece: Uint8Array): AudioBuffer {
    const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
    const frames = piece.byteLength / block;
    const buffer = context.createBuffer(channels, frames, sampleRate);
    for (let channel = 0; channel < channels; channel += 1) {
      const samples = buffer.getChannelData(channel);
      for (let frame = 0; frame < frames; frame += 1) {
        samples[frame] = view.getInt16(frame * block + channel * 2, true) / 32_768;
      }
    }
    return buffer;
  }

  function stop(): void {
    stopped = true;
    waiting.length = 0;
    for (const source of sounding) silence(source);
    sounding.clear();
  }

  return {
    add,
    end() {
      ended = true;
      schedule();
    },
    stop,
  };
}

/** A container can only be decoded when it is complete. */
function playWhole(context: AudioContext, { format, onPlayed, onError }: PlayOptions): Player {
  const pieces: Uint8Array[] = [];
  let held = 0;
  let stopped = false;
  let source: AudioBufferSourceNode | undefined;

  async function play(): Promise<void> {
    try {
      const buffer = await context.decodeAudioData(join(...pieces.splice(0)).buffer);
      if (stopped) return;
      source = context.createBufferSource();
      source.buffer = buffer;
      source.connect(context.destination);
      source.addEventListener("ended", () => {
        if (!stopped) onPlayed();
      });
      source.start();
    } catch (cause) {
      const message = `This browser cannot play the answer: it is ${format.mimeType}.`;
      if (!stopped) onError(new SluiceError("audio/unplayable", message, { cause }));
    }
  }

  return {
    add(piece) {
      if (stopped) return;
      pieces.push(piece);
      held += piece.byteLength;
      if (held <= MOST_BYTES) return;
      stopped = true;
      onError(tooLarge());
    },
    end() {
      if (held === 0) onPlayed();
      else if (!stopped) void play();
    },
    stop() {
      stopped = true;
      pieces.length = 0;
      if (source) silence(source);
    },
  };
}

function silence(source: AudioBufferSourceNode): void {
  source.disconnect();
  source.stop();
}

function join(...pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(pieces.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.byteLength;
  }
  return joined;
}

function tooLarge(): SluiceError {
  return new SluiceError("request/too-large", "The answer is larger than this page can hold.", {
    details: { limit: MOST_BYTES },
  });
}
