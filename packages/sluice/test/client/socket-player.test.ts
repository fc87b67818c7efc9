import { describe, expect, it } from "vitest";
import type { AudioFormat } from "../../src/client/index.ts";
import { createPlayer } from "../../src/client/socket-player.ts";
import { speech } from "../socket/support.ts";

interface Sound {
  readonly at: number;
  readonly channels: readonly Float32Array[];
  readonly rate: number;
  stopped: boolean;
  /** It has been heard. */
  end(): void;
}

/** What a player asks of an AudioContext, with time and sound in the hands of the test. */
function fakeContext(): {
  readonly context: AudioContext;
  readonly sounds: readonly Sound[];
  time: number;
  decodes: boolean;
} {
  const sounds: Sound[] = [];
  const world = { time: 0, decodes: true };
  const buffer = (channels: number, frames: number, rate: number): object => {
    const data = Array.from({ length: channels }, () => new Float32Array(frames));
    return { sampleRate: rate, data, getChannelData: (channel: number) => data[channel] };
  };
  const context = {
    sampleRate: 48_000,
    destination: {},
    get currentTime() {
      return world.time;
    },
    createBuffer: buffer,
    async decodeAudioData(bytes: ArrayBuffer) {
      if (!world.decodes) throw new Error("what is this");
      return buffer(1, bytes.byteLength, 48_000);
    },
    createBufferSource() {
      let onEnded = (): void => {};
      let sound: Sound | undefined;
      const source = {
        buffer: undefined as { data: Float32Array[]; sampleRate: number } | undefined,
        connect() {},
        disconnect() {},
        addEventListener: (_name: string, run: () => void) => (onEnded = run),
        start(at = 0) {
          sound = {
            at,
            channels: source.buffer?.data ?? [],
            rate: source.buffer?.sampleRate ?? 0,
            stopped: false,
            end: () => onEnded(),
          };
          sounds.push(sound);
        },
        stop() {
          if (sound) sound.stopped = true;
        },
      };
      return source;
    },
  };
  return Object.assign(world, { context: context as unknown as AudioContext, sounds });
}

function play(format: AudioFormat): ReturnType<typeof fakeContext> & {
  readonly player: ReturnType<typeof createPlayer>;
  readonly told: string[];
} {
  const fake = fakeContext();
  const told: string[] = [];
  const player = createPlayer(fake.context, {
    format,
    onPlayed: () => told.push("played"),
    onError: (error) => told.push("code" in error ? String(error.code) : error.message),
  });
  return Object.assign(fake, { player, told });
}

const pcm = (sampleRate = 24_000, channels = 1): AudioFormat => ({ mimeType: "audio/pcm", sampleRate, channels });

/** What PCM is, said plainly. */
function samplesOf(bytes: Uint8Array, channels = 1): readonly (readonly number[])[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const all = Array.from({ length: bytes.byteLength / 2 }, (_, index) => view.getInt16(index * 2, true) / 32_768);
  return Array.from({ length: channels }, (_, channel) => all.filter((_sample, index) => index % channels === channel));
}

describe("PCM", () => {
  it("is heard piece by piece, wherever its pieces are cut, in all channels", () => {
    for (const channels of [1, 2, 3]) {
      const { player, sounds } = play(pcm(24_000, channels));
      const bytes = speech(1_200 * channels);
      for (let at = 0, size = 1; at < bytes.byteLength; at += size, size = (size * 7) % 97) {
        player.add(bytes.subarray(at, at + size));
      }
      const heard = Array.from({ length: channels }, (_, channel) =>
        sounds.flatMap((sound) => [...(sound.channels[channel] ?? [])]),
      );
      expect(heard).toEqual(samplesOf(bytes, channels));
    }
  });

  it("begins a moment after it came, and each piece at the sample after the last", () => {
    const { player, sounds } = play(pcm());
    for (const size of [1_000, 2, 3_334]) player.add(speech(size));
    expect(sounds.map(({ at }) => Math.round(at * 24_000))).toEqual([2_400, 2_900, 2_901]);
    expect(sounds.map(({ rate }) => rate)).toEqual([24_000, 24_000, 24_000]);
  });

  it("that comes too late is heard a moment later, not on top of what was", () => {
    const fake = play(pcm());
    fake.player.add(speech(4_800));
    fake.time = 5;
    fake.player.add(speech(4_800));
    expect(fake.sounds.map(({ at }) => at)).toEqual([0.1, 5.1]);
  });

  it("is handed to the browser two seconds ahead, however much has come", () => {
    const fake = play(pcm());
    for (let piece = 0; piece < 100; piece += 1) fake.player.add(speech(24_000));
    expect(fake.sounds).toHaveLength(4);
    fake.time = 0.6;
    fake.sounds[0]?.end();
    expect(fake.sounds).toHaveLength(5);
  });

  it("has been played when all of it was heard and no more comes, once", () => {
    const { player, sounds, told } = play(pcm());
    player.add(speech(100));
    sounds[0]?.end();
    expect(told).toEqual([]);
    player.add(speech(100));
    player.end();
    expect(told).toEqual([]);
    sounds[1]?.end();
    player.end();
    expect(told).toEqual(["played"]);
  });

  it("of nothing has been played at its end", () => {
    const { player, told } = play(pcm());
    player.end();
    expect(told).toEqual(["played"]);
  });

  it("is silent at once when it is stopped, and says nothing more", () => {
    const { player, sounds, told } = play(pcm());
    for (let piece = 0; piece < 10; piece += 1) player.add(speech(24_000));
    player.stop();
    expect(sounds.map(({ stopped }) => stopped)).toEqual([true, true, true, true]);
    for (const sound of sounds) sound.end();
    player.add(speech(10));
    player.end();
    expect([sounds.length, told]).toEqual([4, []]);
  });

  it("is not held without end", () => {
    const { player, told } = play(pcm());
    const piece = new Uint8Array(8_388_608);
    for (let count = 0; count < 10; count += 1) player.add(piece);
    expect(told).toEqual(["request/too-large"]);
  });
});

describe("a file", () => {
  const webm: AudioFormat = { mimeType: "audio/webm;codecs=opus" };

  it("is decoded when all of it is there, and has been played at its end", async () => {
    const { player, sounds, told } = play(webm);
    player.add(speech(10));
    player.add(speech(20));
    expect(sounds).toEqual([]);
    player.end();
    await expect.poll(() => sounds.length).toBe(1);
    expect(sounds[0]?.channels[0]).toHaveLength(30);
    sounds[0]?.end();
    expect(told).toEqual(["played"]);
  });

  it("that the browser cannot decode is an error that names its type", async () => {
    const fake = play(webm);
    fake.decodes = false;
    fake.player.add(speech(10));
    fake.player.end();
    await expect.poll(() => fake.told).toEqual(["audio/unplayable"]);
  });

  it("that is stopped while it is decoded is never heard", async () => {
    const { player, sounds, told } = play(webm);
    player.add(speech(10));
    player.end();
    player.stop();
    await new Promise((resolve) => setImmediate(resolve));
    expect([sounds, told]).toEqual([[], []]);
  });

  it("of nothing has been played at its end", () => {
    const { player, told } = play(webm);
    player.end();
    expect(told).toEqual(["played"]);
  });
});
