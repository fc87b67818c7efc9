/**
 * The module of an AudioWorklet that reads the microphone: PCM of 16 bit, in pieces of 40 ms. It is text, because it
 * runs in a scope of its own that nothing can be imported into, and is served as a file, because pages under a strict
 * Content-Security-Policy load it from nowhere else.
 */
export const VOICE_WORKLET: string = `// Reads the microphone for Sluice: PCM, signed 16 bit, little endian, mono, in pieces of 40 ms.
class SluiceVoice extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = Math.round(sampleRate / 25);
    this.view = new DataView(new ArrayBuffer(this.size * 2));
    this.length = 0;
    this.ended = false;
    // What is left over belongs to the talk: it is sent before the end is told.
    this.port.onmessage = () => {
      this.flush();
      this.ended = true;
      this.port.postMessage(null);
    };
  }

  process([channels]) {
    if (this.ended) return false;
    const count = channels.length;
    // A source that is muted has no channels at all.
    if (count === 0) return true;
    for (let at = 0; at < channels[0].length; at += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[at];
      const sample = Math.max(-1, Math.min(1, sum / count));
      this.view.setInt16(this.length * 2, Math.round(sample * 32767), true);
      this.length += 1;
      if (this.length === this.size) this.flush();
    }
    return true;
  }

  flush() {
    if (this.length === 0) return;
    const piece = this.view.buffer.slice(0, this.length * 2);
    this.length = 0;
    this.port.postMessage(piece, [piece]);
  }
}
registerProcessor("sluice-voice", SluiceVoice);
`;
