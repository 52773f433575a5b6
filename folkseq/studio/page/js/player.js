// The player: sends messages to the synthesizer a little ahead, timed by the audio clock, and reports what is heard.

import { ask, Refusal } from "./api.js";
import { countIn, indexAt, messages, secondsOfBars, stateAt } from "./music.js";
import { DRUMS, Synth } from "./synth.js";

const AHEAD_S = 0.15, AHEAD_HIDDEN_S = 1.5, TICK_MS = 30, START_S = 0.06, FRAME_S = 0.012, SHORTEST_LOOP_S = 0.05;
const CLICKS = { true: [76, 120], false: [77, 90] }; // pitch and velocity of the wood blocks on a downbeat or another beat

/**
 * Events: "state" (playing, loading, music or loop changed), "note" (the indices, {notes}, of the sounding notes in the
 * reading), "time" (each frame during playback), "fault" (a sentence).
 */
export class Player extends EventTarget {
  synth = new Synth();
  /**
   * A reading, or another object with {events: [{onset_s, duration_s, pitch, velocity, channel}], programs, duration_s}
   * and optional controls: [{time_s, channel, data}], MIDI messages such as the pedal's, with a status for channel 0.
   */
  music = null;
  state = "stopped"; // or "loading", "playing"
  metronome = false;
  countIn = false;
  /** Share of a quarter note that its first eighth takes; used by auditions and by callers that load a reading. */
  swing = 0.5;
  #tempo = 1;
  #instrument = null;
  #loop = null;
  #messages = [];
  #queue = []; // messages still to be sent
  #next = 0;
  #start = 0; // the start of playback, after the count-in
  #position = 0; // while stopped
  #lines = []; // {at, position, rate}: the position heard from a time of the audio clock on
  #sent = { at: 0, position: 0 }; // end of the sent messages
  #sounding = new Map(); // sent notes that have not ended: channel and pitch of the end, by both
  #until = null; // stop position before the end
  #ended = null; // called on stop
  #timer = null;
  #asked = 0;
  #shown = "";

  /** Load other music, and stop playback. */
  load(music, position = null) {
    this.pause();
    this.music = music;
    this.#messages = messages(music);
    this.#loop = null;
    this.#until = null;
    this.#position = position ?? firstOnset(music);
    this.#tell("state");
  }

  /** Play from a position in seconds, or from the current one. */
  async play(from = null) {
    if (!this.music) return;
    const asked = ++this.#asked;
    this.#halt();
    this.#say("loading");
    try {
      await this.synth.open();
    } catch (error) {
      if (asked === this.#asked) this.#fail(error);
      return;
    }
    if (asked !== this.#asked) return; // superseded by another request
    let position = from ?? this.#position;
    if (position >= this.#end - 1e-3 || (this.#loop && position < this.#loop.from - 1e-3)) position = this.#loop?.from ?? firstOnset(this.music);
    if (this.countIn && position <= firstOnset(this.music)) position = 0; // include the silence before a pickup
    this.#use();
    const lead = this.countIn ? countIn(this.music, position) : [];
    this.#queue = [...lead, ...this.#messages.slice(indexAt(this.#messages, position))];
    this.#queue.sort((one, other) => one.time - other.time);
    this.#next = 0;
    this.#start = position;
    const at = Math.max(this.synth.now + START_S, this.#sent.at + START_S);
    this.#sent = { at, position: Math.min(lead[0]?.time ?? position, position) };
    this.#lines = [{ ...this.#sent, rate: this.#tempo }];
    this.#control(position, at - START_S / 2);
    this.synth.sound(at - START_S / 2);
    this.#timer = setInterval(() => this.#send(), TICK_MS);
    this.#send();
    this.#say("playing");
    requestAnimationFrame(() => this.#show());
  }

  /** Pause. */
  pause() {
    this.#asked += 1;
    this.#halt();
    this.#say("stopped");
  }

  /** The position of the audible sound, in seconds of the music. */
  get position() { return this.state === "playing" ? Math.max(this.#at(this.synth.heard), this.#start) : this.#position; }

  /** Go to a position, without changing the state. */
  seek(position) {
    this.#position = position;
    if (this.state === "playing") this.play(position);
    else this.#tell("time");
  }

  get tempo() { return this.#tempo; }
  /** Set the tempo factor. */
  set tempo(factor) {
    this.#tempo = factor;
    if (this.state === "playing") this.#lines.push({ ...this.#sent, rate: factor });
  }

  get loop() { return this.#loop; }
  /** Loop over the seconds {from, to}, or end the loop. */
  set loop(range) {
    this.#loop = range && range.to - range.from > SHORTEST_LOOP_S ? range : null;
    if (this.state === "playing" && range && !(this.position >= range.from && this.#sent.position <= range.to)) this.play(range.from);
    else this.#tell("state");
  }

  get instrument() { return this.#instrument; }
  /** Play the voices with a General MIDI program, or with their own. */
  set instrument(program) {
    this.#instrument = program;
    if (this.state === "playing") this.#use();
  }

  /**
   * Play a text that is not the open tune, or its bars {first, last} with context bars; then restore the loaded
   * music. Resolve at the end.
   */
  async audition(abc, { bars = null, around = 0 } = {}) {
    this.pause();
    const asked = this.#asked;
    try {
      const reading = await ask("api/read", { abc, swing: this.swing });
      if (asked !== this.#asked) return; // superseded by other music
      const range = bars && secondsOfBars(reading, bars, around);
      if (!reading.events.length) throw new Refusal(reading.faults.find(each => !each.lost)?.text ?? "there is nothing to hear in it", 400);
      await this.auditionMusic(reading, range ?? { from: firstOnset(reading), to: reading.duration_s });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Play a part {from, to} of other music, as `audition` does. */
  async auditionMusic(music, { from, to }) {
    const { music: before, position, loop } = this;
    this.load(music);
    this.#until = to;
    await new Promise(resolve => {
      this.play(from);
      this.#ended = resolve;
    });
    if (this.music !== music) return;
    this.load(before ?? { events: [], programs: {}, duration_s: 0 }, position);
    this.#loop = loop;
    this.#tell("state");
  }

  get #end() { return this.#loop?.to ?? this.#until ?? this.music.duration_s; }

  #use() {
    const { programs, chords = null } = this.music;
    const own = Object.entries(programs ?? {}).map(([channel, program]) => [Number(channel), program]);
    this.synth.use(own.map(([channel, program]) => [channel, channel === chords || channel === DRUMS ? program : this.#instrument ?? program]));
  }

  #at(time) {
    const line = this.#lines.findLast(each => each.at <= time) ?? this.#lines[0];
    return line ? line.position + (time - line.at) * line.rate : 0;
  }

  #halt() {
    if (this.state === "playing") {
      this.#position = Math.min(this.position, this.music.duration_s);
      this.synth.silence(this.#sent.at + START_S / 2);
    }
    clearInterval(this.#timer);
    this.#sounding.clear();
    this.#ended?.();
    this.#ended = null;
    this.#shown = "";
    this.dispatchEvent(new CustomEvent("note", { detail: { notes: [] } }));
  }

  /** Send the messages that are due soon. */
  #send() {
    const until = this.synth.now + (document.hidden ? AHEAD_HIDDEN_S : AHEAD_S);
    while (this.#sent.at < until) {
      const end = this.#end, rate = this.#tempo, from = this.#sent;
      const position = Math.max(Math.min(end, from.position + (until - from.at) * rate), from.position);
      const time = place => from.at + (Math.min(place, end) - from.position) / rate;
      for (; this.#next < this.#queue.length && this.#queue[this.#next].time < position - 1e-9; this.#next++) this.#sendOne(this.#queue[this.#next], time);
      this.#sent = { at: position < end ? until : time(position), position };
      if (position < end) return;
      for (const { channel, pitch } of this.#sounding.values()) this.synth.off(this.#sent.at, channel, pitch);
      this.#sounding.clear();
      if (!this.#loop) {
        if (this.synth.heard >= this.#sent.at) this.#finish();
        return;
      }
      this.#queue = this.#messages;
      this.#next = indexAt(this.#messages, this.#loop.from);
      this.#start = this.#sent.position = this.#loop.from;
      this.#control(this.#loop.from, this.#sent.at);
      this.#lines = [...this.#lines.slice(-8), { ...this.#sent, rate }];
    }
  }

  /** Restore the controllers, such as the pedal, for a jump to a position. */
  #control(position, at) {
    const channels = Object.keys(this.music.programs ?? {}).map(Number);
    for (const { channel, data } of stateAt(this.#messages, position, channels)) this.synth.send(at, channel, data);
  }

  #sendOne(message, time) {
    const { kind, channel, pitch } = message, key = `${channel} ${pitch}`, at = time(message.time);
    if (kind === "on") {
      this.synth.on(at, channel, pitch, message.velocity);
      this.#sounding.set(key, message);
    } else if (kind === "off" && this.#sounding.delete(key)) {
      this.synth.off(at, channel, pitch);
    } else if (kind === "control") {
      this.synth.send(at, channel, message.data);
    } else if (kind === "click" && (this.metronome || message.always)) {
      const [drum, velocity] = CLICKS[message.bar];
      this.synth.on(at, DRUMS, drum, velocity);
      this.synth.off(at + 0.1, DRUMS, drum);
    }
  }

  #finish() {
    const until = this.#until;
    this.pause();
    this.#position = until ?? firstOnset(this.music);
    this.#tell("time");
  }

  /** Report the audible position in each frame. */
  #show() {
    if (this.state !== "playing") return;
    const position = this.#at(this.synth.heard + FRAME_S), { steps = [] } = this.music; // at the time the frame is displayed
    const notes = position < this.#start ? [] : steps.filter(step => step.onset_s <= position && position < step.onset_s + step.duration_s).map(step => step.note);
    const shown = notes.join(" ");
    if (shown !== this.#shown) this.dispatchEvent(new CustomEvent("note", { detail: { notes } }));
    this.#shown = shown;
    this.#tell("time");
    requestAnimationFrame(() => this.#show());
  }

  #fail(error) {
    this.#halt();
    this.#say("stopped");
    this.dispatchEvent(new CustomEvent("fault", { detail: error instanceof Error ? error.message : String(error) }));
  }

  #say(state) {
    this.state = state;
    this.#tell("state");
  }

  #tell(name) { this.dispatchEvent(new Event(name)); }
}

const firstOnset = music => music.events[0]?.onset_s ?? 0;
