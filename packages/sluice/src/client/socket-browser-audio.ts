import type { Clock } from "../base/clock.ts";
import { SluiceError } from "../base/errors.ts";
import type { RecordOptions, Recorder, VoiceAudio } from "./socket-audio.ts";
import { createPlayer } from "./socket-player.ts";
import { recordFile, recordLive, turnOff } from "./socket-recorder.ts";

export interface BrowserAudioOptions {
  readonly workletUrl: () => URL;
  /** Hz, of what is recorded; a browser that cannot takes its own. */
  readonly sampleRate: number;
  readonly constraints: MediaTrackConstraints | undefined;
  readonly clock: Clock;
}

/** Microphone and loudspeaker of a browser. One AudioContext from the first talk to `close`. */
export function createBrowserAudio({ workletUrl, sampleRate, constraints, clock }: BrowserAudioOptions): VoiceAudio {
  let context: AudioContext | undefined;
  let loaded: Promise<void> | undefined;
  let ownRate = false;
  let recorder: Recorder | undefined;

  function open(): AudioContext {
    if (context) return context;
    if (typeof AudioContext !== "function") throw unsupported("This browser has no Web Audio.");
    context = new AudioContext(ownRate ? {} : { sampleRate });
    return context;
  }

  async function microphone(): Promise<MediaStream> {
    // Absent on pages that are not served over https, localhost aside.
    const devices: MediaDevices | undefined = globalThis.navigator?.mediaDevices;
    if (!devices) throw unsupported("There is no microphone for pages that are not served over https.");
    try {
      return await devices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, ...constraints } });
    } catch (cause) {
      throw microphoneError(cause);
    }
  }

  async function load(into: AudioContext): Promise<void> {
    const url = workletUrl();
    try {
      await into.audioWorklet.addModule(url);
    } catch (cause) {
      if (context === into) loaded = undefined;
      throw unsupported(`The worklet that reads the microphone does not load from ${url.href}.`, cause);
    }
  }

  async function start(stream: MediaStream, options: RecordOptions): Promise<Recorder> {
    const { mode, signal } = options;
    const live = mode === "STREAM_WHILE_TALK";
    // Before anything is opened: who has closed meanwhile would not close it again.
    signal.throwIfAborted();
    const into = open();
    if (live) await (loaded ??= load(into));
    await running(into, clock);
    signal.throwIfAborted();
    const all = { ...options, stream, clock };
    try {
      return live ? recordLive(into, all) : recordFile(all);
    } catch (cause) {
      if (!live || ownRate) throw unsupported("This browser cannot record.", cause);
      // Some join a microphone only to a context of the microphone's own rate.
      ownRate = true;
      reset();
      return start(stream, options);
    }
  }

  function reset(): void {
    void context?.close();
    context = undefined;
    loaded = undefined;
  }

  return {
    get context() {
      return context;
    },
    wake() {
      // Where it does not wake, `record` says so.
      if (typeof AudioContext === "function")
        open()
          .resume()
          .catch(() => {});
    },
    async record(options) {
      const { onLost } = options;
      const stream = await microphone();
      let started: Recorder;
      try {
        started = await start(stream, options);
      } catch (error) {
        turnOff(stream);
        throw error;
      }
      recorder = started;
      for (const track of stream.getAudioTracks()) {
        track.addEventListener("ended", () => onLost(noMicrophone("The microphone has been taken away.")));
      }
      return started;
    },
    play: (options) => createPlayer(open(), options),
    close() {
      recorder?.cancel();
      recorder = undefined;
      reset();
    },
  };
}

/** A context that a browser keeps silent would record nothing and say nothing, without a word. */
async function running(context: AudioContext, clock: Clock): Promise<void> {
  if (context.state === "running") return;
  await new Promise<void>((resolve, reject) => {
    const stop = clock.timer(WAKING_MS, () => {
      reject(
        new SluiceError(
          "audio/refused",
          "The browser starts no sound: it wants a click first, or finds no loudspeaker.",
        ),
      );
    });
    context.resume().then(resolve, reject).finally(stop);
  });
}

const WAKING_MS = 3_000;

function microphoneError(cause: unknown): SluiceError {
  const name = cause instanceof DOMException ? cause.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") {
    return new SluiceError("audio/refused", "The microphone may not be used.", { cause });
  }
  return noMicrophone("There is no microphone that can be used.", cause);
}

function noMicrophone(message: string, cause?: unknown): SluiceError {
  return new SluiceError("audio/no-microphone", message, { cause });
}

function unsupported(message: string, cause?: unknown): SluiceError {
  return new SluiceError("audio/unsupported", message, { cause });
}
