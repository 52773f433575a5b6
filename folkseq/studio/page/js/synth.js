// The synthesizer: a soundfont of this machine, played by spessasynth in an audio worklet.

import { WorkletSynthesizer } from "spessasynth_lib";
import { ask } from "./api.js";

const PROCESSOR = "/assets/vendor/spessasynth_lib-4.3.14/spessasynth_processor.min.js";
export const DRUMS = 9; // General MIDI's channel, counted from 0, as on every port of 16
const ALL_SOUND_OFF = 120, RESET_CONTROLLERS = 121, FADE_S = 0.012;
// A single voice of a soundfont is quiet, since many may sound together.
const VOLUME = 3, LIMITER = { threshold: -9, knee: 6, ratio: 20, attack: 0.002, release: 0.1 };

export class Synth {
  /** The audio context, created for the first sound, since a browser requires a user gesture. */
  context = null;
  /** The output node. */
  output = null;
  /** The program of each channel. */
  programs = {};
  #bank = null;
  #opened = null;
  #synthesizer = null;

  /** Fetch the soundfont in advance. */
  fetch() {
    this.#bank ??= ask("api/soundfont", {}, { method: "GET" }).then(blob => blob.arrayBuffer());
    this.#bank.catch(() => { this.#bank = null; }); // the next call reports the error
    return this.#bank;
  }

  /** Prepare for playback; reject with a sentence if this is not possible. */
  async open() {
    this.#opened ??= this.#open();
    try {
      await this.#opened;
    } catch (error) {
      this.#opened = this.#bank = null; // buffers that were sent to the worklet are detached
      throw error;
    }
    if (this.context.state !== "running") await this.context.resume();
  }

  async #open() {
    const bank = await this.fetch();
    this.context ??= new AudioContext({ latencyHint: "interactive" });
    await this.context.audioWorklet.addModule("/assets/page/js/worklet.js");
    await this.context.audioWorklet.addModule(PROCESSOR);
    await this.context.resume();
    this.output = new GainNode(this.context, { gain: VOLUME });
    this.output.connect(new DynamicsCompressorNode(this.context, LIMITER)).connect(this.context.destination);
    const synthesizer = new WorkletSynthesizer(this.context);
    await synthesizer.isReady;
    synthesizer.connect(this.output);
    const refused = new Promise((_, reject) => synthesizer.eventHandler.addEvent("soundBankError", "studio", () =>
      reject(new Error("the soundfont cannot be used; start the studio with another --soundfont FILE.sf2"))));
    await Promise.race([synthesizer.soundBankManager.addSoundBank(bank, "bank"), refused]);
    this.#synthesizer = synthesizer;
  }

  /** The time of the audio clock, and the time of the audible sound, in seconds. */
  get now() { return this.context?.currentTime ?? 0; }
  get heard() { return this.now - (this.context?.outputLatency || this.context?.baseLatency || 0); }

  /** Create the given number of channels and set their programs, given as a map from channels to programs. */
  use(programs) {
    for (const [channel, program] of programs) {
      while (this.#synthesizer.channelCount <= channel) this.#synthesizer.addNewChannel();
      this.#synthesizer.controllerChange(channel, RESET_CONTROLLERS, 0);
      this.#synthesizer.programChange(channel, program);
      this.programs[channel] = program;
    }
  }

  on(at, channel, pitch, velocity) { this.#synthesizer.noteOn(channel, pitch, velocity, { time: at }); }
  off(at, channel, pitch) { this.#synthesizer.noteOff(channel, pitch, { time: at }); }
  control(at, channel, controller, value) { this.#synthesizer.controllerChange(channel, controller, value, { time: at }); }
  /** Send a MIDI message whose status has channel 0. */
  send(at, channel, [status, ...data]) { this.#synthesizer.sendMessage([status | channel % 16, ...data], channel - channel % 16, { time: at }); }

  /** Mute at once, including messages that were sent for times up to `until`. */
  silence(until) {
    const { gain } = this.output, now = this.now;
    gain.cancelScheduledValues(now);
    gain.setTargetAtTime(0, now, FADE_S / 3);
    for (let channel = 0; channel < this.#synthesizer.channelCount; channel++) this.control(Math.max(until, now + FADE_S), channel, ALL_SOUND_OFF, 0);
  }

  /** Unmute from a time on. */
  sound(from) {
    this.output.gain.cancelScheduledValues(this.now);
    this.output.gain.setValueAtTime(VOLUME, from);
  }
}
