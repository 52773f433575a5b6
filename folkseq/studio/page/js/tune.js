// The open tune: its text, the studio's reading, its versions, and the selected bars. All views and editors listen to it.

import { ask, Refusal } from "./api.js";

/**
 * Events: "text" (the text changed; `reading` is still the old one), "reading" (it has been read), "selection", "versions".
 */
export class OpenTune extends EventTarget {
  id = crypto.randomUUID();
  abc = "";
  /** The answer of `/api/read`: bars, notes and sounding events with their places in the text, and faults; and that text. */
  reading = null;
  /** Numbers of the first and last selected bar, or null. */
  selection = null;
  /** {abc, label}, oldest first, and the index of the open one. */
  versions = [];
  at = -1;
  #reader = null;

  /** Open another tune with a new list of versions. */
  open(abc, label, { id = crypto.randomUUID(), versions = null, at = 0 } = {}) {
    this.id = id;
    this.versions = versions ?? [{ abc: withLineFeeds(abc), label }];
    if (this.selection) this.select(null);
    this.at = versions ? at : 0;
    return this.#show(this.versions[this.at].abc);
  }

  /**
   * Add a version of the tune, which can be undone. Undone versions are dropped. Consecutive changes of one group form
   * one version.
   */
  change(text, label, group = null) {
    const abc = withLineFeeds(text);
    if (abc === this.abc) return Promise.resolve();
    const same = group !== null && this.versions[this.at]?.group === group;
    this.versions.splice(this.at + !same, Infinity, { abc, label, group });
    this.at += !same;
    return this.#show(abc);
  }

  undo() { return this.goTo(this.at - 1); }
  redo() { return this.goTo(this.at + 1); }

  /** Show a version. */
  goTo(at) {
    if (!(at in this.versions)) return Promise.resolve();
    this.at = at;
    return this.#show(this.versions[at].abc);
  }

  /** Select bars by their numbers, or nothing. */
  select(first, last = first) {
    this.selection = first === null || first === undefined ? null : { first: Math.min(first, last), last: Math.max(first, last) };
    this.#tell("selection");
  }

  async #show(abc) {
    this.abc = abc;
    this.#tell("text");
    this.#tell("versions");
    this.#reader?.abort();
    const reader = this.#reader = new AbortController();
    try {
      const reading = await ask("api/read", { abc }, { signal: reader.signal });
      if (reader !== this.#reader) return;
      this.reading = { ...reading, abc };
      const numbers = reading.bars.map(bar => bar.number);
      if (this.selection && !numbers.includes(this.selection.last)) this.select(null);
      this.#tell("reading");
    } catch (error) {
      if (error.name !== "AbortError") this.dispatchEvent(new CustomEvent("fault", { detail: error instanceof Refusal ? error.message : String(error) }));
    }
  }

  #tell(name) { this.dispatchEvent(new Event(name)); }
}

/** Return a text with the line breaks of a text area, so that positions in both agree. */
const withLineFeeds = text => text.replace(/\r\n?/g, "\n");
