// The open performance: a MIDI file with its versions. All views and editors listen to it.

import { ask } from "./api.js";

const KEPT = "performance", LONGEST_KEPT = 2e6; // most characters that a browser stores across a reload

/** Events: "open" (another performance or version is shown), "fault" (a sentence). */
export class OpenPerformance extends EventTarget {
  /** The answer of `/api/performances/read`, or null. */
  current = null;
  /** {midi, label, read}, oldest first, and the index of the open one. */
  versions = [];
  at = -1;
  /** Whether the shown performance is a version of the previous one. */
  same = false;

  /** A number for each performance, shared by its versions. */
  id = 0;

  /** The open file in base64. */
  get midi() { return this.versions[this.at]?.midi ?? ""; }
  get name() { return this.current?.title ?? ""; }

  /** Open another performance with a new list of versions. */
  open(performance, label = "new") {
    this.id += 1;
    this.versions = [{ midi: performance.midi, label, read: performance }];
    this.at = 0;
    this.#show(performance, false);
  }

  /** Add a version of the performance, which can be undone. Undone versions are dropped. */
  change(performance, label) {
    this.versions.splice(this.at + 1, Infinity, { midi: performance.midi, label, read: performance });
    this.at += 1;
    this.#show({ ...performance, title: this.name || performance.title }, true);
  }

  undo() { return this.goTo(this.at - 1); }
  redo() { return this.goTo(this.at + 1); }

  /** Show a version. */
  async goTo(at) {
    const version = this.versions[at];
    if (!version) return;
    try {
      version.read ??= await ask("api/performances/read", { midi: version.midi, name: `${this.name}.mid` });
      if (this.versions[at] !== version) return;
      this.at = at;
      this.#show({ ...version.read, title: this.name || version.read.title }, true);
    } catch (error) {
      this.dispatchEvent(new CustomEvent("fault", { detail: error.message }));
    }
  }

  /** Reopen the performance after a reload; return whether there was one. */
  async restore() {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "null");
    if (!kept?.versions?.length) return false;
    try {
      const performance = await ask("api/performances/read", { midi: kept.versions[kept.at].midi, name: `${kept.name}.mid` });
      Object.assign(this, { versions: kept.versions, at: kept.at });
      this.#show({ ...performance, title: kept.name || performance.title }, false);
      return true;
    } catch {
      return false;
    }
  }

  #show(performance, same) {
    this.current = performance;
    this.same = same;
    this.dispatchEvent(new Event("open"));
    this.#keep();
  }

  #keep() {
    const { name } = this;
    let { at } = this, versions = this.versions.map(({ midi, label }) => ({ midi, label }));
    while (versions.length > 1 && versions.reduce((sum, each) => sum + each.midi.length, 0) > LONGEST_KEPT) {
      const [from, to] = at > 0 ? [1, versions.length] : [0, versions.length - 1];
      versions = versions.slice(from, to);
      at -= from;
    }
    try {
      localStorage.setItem(KEPT, JSON.stringify({ name, versions, at }));
    } catch { /* it is too long to be kept */ }
  }
}

/** Return a performance in the form for the player. */
export function musicOf({ notes, pedal, changes, programs, duration_s }) {
  const moves = pedal.flatMap(({ start_s, stop_s, channel }) => [[start_s, 127], [stop_s, 0]].map(([time_s, value]) => ({ time_s, channel, data: [0xB0, 64, value] })));
  return { events: notes, programs, duration_s, controls: [...moves, ...changes] };
}
