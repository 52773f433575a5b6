// The piano roll: velocity as shade, the pedal below, a ruler above; what sounds, the cursor and the selection on top.

import { element } from "./elements.js";
import { indexOf, nameOf } from "./notes.js";

const RULER = 22, PEDAL = 14, HEIGHT = 340, FEWEST_PITCHES = 24, WIDEST = 4e6, SPANS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
const BLACK = [1, 3, 6, 8, 10];
const COLOURS = { ink: "--ink", quiet: "--quiet", line: "--line", accent: "--accent" };

/** Events: "select" (the selection changed), "seek" (the cursor moved). */
export class Roll extends EventTarget {
  /** {start_s, stop_s}, or null. */
  selection = null;
  cursor = 0;
  #performance = { notes: [], pedal: [], duration_s: 0 };
  #longest = 0;
  #low = 48;
  #high = 72;
  #scale = 40; // pixels per second
  #anchor = null; // start and end of a selection by keys
  #edge = null;
  #sounding = true;
  #base = element("canvas", { "aria-hidden": "true" });
  #top = element("canvas", { "aria-hidden": "true" });
  #space = element("div", { class: "roll-space" });
  #scroller = element("div", { class: "roll", id: "roll", tabindex: 0, role: "application", "aria-describedby": "roll-summary" });

  constructor(place) {
    super();
    this.#scroller.setAttribute("aria-label", "Piano roll: the arrow keys move the cursor, with shift they select a passage, plus and minus zoom, Escape clears the selection");
    this.#space.append(element("div", { class: "roll-view" }, this.#base, this.#top));
    this.#scroller.append(this.#space);
    place.append(this.#scroller);
    this.#scroller.addEventListener("scroll", () => this.#draw());
    this.#scroller.addEventListener("keydown", event => this.#key(event));
    this.#scroller.addEventListener("wheel", event => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 1.25 : 0.8, this.#time(event));
    }, { passive: false });
    this.#point();
    new ResizeObserver(() => this.#measure()).observe(this.#scroller);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** Show a performance; a new version of the previous one keeps the cursor, the selection and the scroll position. */
  show(performance, { same = false } = {}) {
    const pitches = performance.notes.map(note => note.pitch);
    this.#performance = performance;
    this.#longest = performance.notes.reduce((longest, note) => Math.max(longest, note.duration_s), 0);
    const low = pitches.reduce((least, pitch) => Math.min(least, pitch), 127), high = pitches.reduce((most, pitch) => Math.max(most, pitch), 0);
    const spare = Math.max(FEWEST_PITCHES - (high - low), 4) >> 1;
    [this.#low, this.#high] = pitches.length ? [Math.max(low - spare, 0), Math.min(high + spare, 127)] : [48, 72];
    if (!same) {
      this.cursor = 0;
      this.select(null);
      this.#scale = Math.max(this.#width / Math.max(performance.duration_s, 1), 24);
      this.#scroller.scrollLeft = 0;
    }
    this.#measure();
  }

  /** Select the seconds between two times, or nothing. */
  select(one, other = null) {
    const within = time => Math.min(Math.max(time, 0), this.#performance.duration_s);
    const [start_s, stop_s] = one === null ? [0, 0] : [within(one), within(other)].sort((a, b) => a - b);
    this.selection = stop_s - start_s > 0.02 ? { start_s, stop_s } : null;
    if (!this.selection) this.#anchor = this.#edge = null;
    this.#overlay();
    this.dispatchEvent(new Event("select"));
  }

  focus() { this.#scroller.focus(); }

  /** Move the cursor to a time, mark `sounding` notes, and keep the cursor in view. */
  move(time, sounding = false) {
    this.cursor = Math.min(Math.max(time, 0), this.#performance.duration_s);
    this.#sounding = sounding;
    this.#reveal(this.cursor, sounding ? 0.1 : 0.5);
    this.#overlay();
  }

  /** Scroll to a time that is out of view, to a share of the width. */
  #reveal(time, share) {
    const x = time * this.#scale, left = this.#scroller.scrollLeft;
    if (x < left || x > left + this.#width) this.#scroller.scrollLeft = Math.max(x - this.#width * share, 0);
  }

  /** Zoom in or out around a time. */
  zoom(factor, around = this.cursor) {
    const x = around * this.#scale - this.#scroller.scrollLeft, length = Math.max(this.#performance.duration_s, 0.1);
    this.#scale = Math.min(Math.max(this.#scale * factor, this.#width / length), WIDEST / length, 2000);
    this.#measure();
    this.#scroller.scrollLeft = around * this.#scale - x;
    this.#draw();
  }

  get #width() { return Math.max(this.#scroller.clientWidth, 100); }

  #measure() {
    const ratio = devicePixelRatio || 1;
    this.#scale = Math.max(this.#scale, this.#width / Math.max(this.#performance.duration_s, 0.1));
    this.#space.style.width = `${Math.max(Math.round(this.#performance.duration_s * this.#scale), 1)}px`;
    for (const canvas of [this.#base, this.#top]) {
      canvas.width = this.#width * ratio;
      canvas.height = HEIGHT * ratio;
      canvas.style.width = `${this.#width}px`;
      canvas.style.height = `${HEIGHT}px`;
    }
    this.#draw();
  }

  #begin(canvas) {
    const pen = canvas.getContext("2d"), ratio = devicePixelRatio || 1, colours = {};
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.#width, HEIGHT);
    for (const [name, property] of Object.entries(COLOURS)) {
      this.#space.style.color = `var(${property})`; // the color of the theme
      colours[name] = getComputedStyle(this.#space).color;
    }
    return { pen, colours, left: this.#scroller.scrollLeft / this.#scale, right: (this.#scroller.scrollLeft + this.#width) / this.#scale };
  }

  #x(time) { return time * this.#scale - this.#scroller.scrollLeft; }
  get #row() { return (HEIGHT - RULER - PEDAL) / (this.#high - this.#low + 1); }
  #y(pitch) { return RULER + (this.#high - pitch) * this.#row; }

  #draw() {
    const { pen, colours, left, right } = this.#begin(this.#base), width = this.#width, row = this.#row;
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "middle";
    for (let pitch = this.#low; pitch <= this.#high; pitch++) {
      if (BLACK.includes(pitch % 12)) {
        pen.globalAlpha = 0.35;
        pen.fillStyle = colours.line;
        pen.fillRect(0, this.#y(pitch), width, row);
      }
    }
    pen.globalAlpha = 1;
    const step = SPANS.find(span => span * this.#scale >= 56) ?? 600;
    for (let second = Math.floor(left / step) * step; second <= right; second += step) {
      const x = this.#x(second);
      pen.fillStyle = colours.line;
      pen.fillRect(x, RULER - 6, 1, HEIGHT - RULER + 6);
      pen.fillStyle = colours.quiet;
      pen.fillText(second < 60 ? `${second} s` : `${Math.floor(second / 60)}:${String(second % 60).padStart(2, "0")}`, x + 4, RULER / 2);
    }
    for (const note of this.#between(left, right)) {
      pen.globalAlpha = 0.3 + 0.7 * note.velocity / 127;
      pen.fillStyle = colours.accent;
      pen.fillRect(this.#x(note.onset_s), this.#y(note.pitch), Math.max(note.duration_s * this.#scale - 1, 2), Math.max(row - 1, 2));
    }
    pen.globalAlpha = 1;
    for (let pitch = this.#low; pitch <= this.#high; pitch++) {
      if (pitch % 12) continue;
      pen.fillStyle = colours.line;
      pen.fillRect(0, this.#y(pitch) + row, width, 1);
      pen.fillStyle = colours.quiet;
      pen.fillText(nameOf(pitch), 3, this.#y(pitch) + row - 7);
    }
    pen.fillStyle = colours.quiet;
    for (const { start_s, stop_s } of this.#performance.pedal) {
      if (stop_s >= left && start_s <= right) pen.fillRect(this.#x(start_s), HEIGHT - PEDAL + 3, Math.max((stop_s - start_s) * this.#scale - 1, 1), PEDAL - 5);
    }
    this.#overlay();
  }

  #overlay() {
    const { pen, colours, left, right } = this.#begin(this.#top);
    if (this.selection) {
      const { start_s, stop_s } = this.selection, x = this.#x(start_s), width = (stop_s - start_s) * this.#scale;
      pen.globalAlpha = 0.16;
      pen.fillStyle = colours.accent;
      pen.fillRect(x, RULER, width, HEIGHT - RULER);
      pen.globalAlpha = 1;
      pen.fillRect(x - 1, 0, 2, HEIGHT);
      pen.fillRect(x + width - 1, 0, 2, HEIGHT);
      pen.fillRect(x, RULER - 4, width, 4);
    }
    if (this.#sounding) {
      pen.fillStyle = colours.ink;
      for (const note of this.#between(left, right)) {
        if (note.onset_s <= this.cursor && this.cursor < note.onset_s + Math.max(note.duration_s, 0.05)) {
          pen.fillRect(this.#x(note.onset_s), this.#y(note.pitch), Math.max(note.duration_s * this.#scale - 1, 3), Math.max(this.#row - 1, 2));
        }
      }
    }
    pen.fillStyle = colours.ink;
    pen.fillRect(this.#x(this.cursor) - 1, 0, 2, HEIGHT);
  }

  /** Return the notes that sound between two times, sorted by onset. */
  #between(left, right) {
    const { notes } = this.#performance, first = indexOf(notes, left - this.#longest), last = indexOf(notes, right);
    return notes.slice(first, last).filter(note => note.onset_s + note.duration_s >= left);
  }

  #time(event) { return (event.clientX - this.#scroller.getBoundingClientRect().left + this.#scroller.scrollLeft) / this.#scale; }

  /** Select by dragging; a click moves the cursor. */
  #point() {
    let from = null, startX = 0;
    this.#scroller.addEventListener("pointerdown", event => {
      if (event.button || event.offsetY > HEIGHT) return; // the scroll bar
      from = this.#time(event);
      startX = event.clientX;
      if (event.pointerType !== "touch") this.#scroller.setPointerCapture(event.pointerId);
    });
    this.#scroller.addEventListener("pointermove", event => {
      if (from !== null && Math.abs(event.clientX - startX) > 4) this.select(from, this.#time(event));
    });
    this.#scroller.addEventListener("pointerup", event => {
      if (from !== null && Math.abs(event.clientX - startX) <= 4) {
        this.select(null);
        this.#seek(from);
      }
      from = null;
    });
    this.#scroller.addEventListener("pointercancel", () => { from = null; });
  }

  #seek(time) {
    this.move(time);
    this.dispatchEvent(new Event("seek"));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey) return;
    const step = event.altKey ? 0.1 : 1, { duration_s } = this.#performance;
    const from = event.shiftKey ? this.#edge ?? this.cursor : this.cursor;
    const to = { ArrowLeft: from - step, ArrowRight: from + step, Home: 0, End: duration_s }[event.key];
    if (to !== undefined) {
      if (event.shiftKey) {
        this.#anchor ??= this.cursor;
        this.#edge = Math.min(Math.max(to, 0), duration_s);
        this.#reveal(this.#edge, 0.5);
        this.select(this.#anchor, this.#edge);
      } else {
        this.#anchor = this.#edge = null;
        this.#seek(to);
      }
    } else if (event.key === "Escape") this.select(null);
    else if (["+", "=", "-"].includes(event.key)) this.zoom(event.key === "-" ? 0.8 : 1.25);
    else return;
    event.preventDefault();
  }
}
