// The score of the open tune, drawn by abcjs, with the sounding notes and the selected bars marked.

import { element } from "./elements.js";
import { setUpSelection } from "./selection.js";

const paper = document.getElementById("paper"), title = document.getElementById("title");
const sheet = element("div"), cursor = element("div", { class: "cursor", hidden: true });
const parts = new Map(); // the elements of each written note, by its index in the reading
const NEAR_PX = 12, NARROWEST_BAR_PX = 140, WRAP = { minSpacing: 1.2, maxSpacing: 2.7, preferredMeasuresPerLine: 4 }; // lines break as in the text if they fit
let drawn = "", voices = [], found = null; // the drawn text, its voices, and the rectangles of its bars

/** Draw the tune again whenever its text changes; `onNote(index)` is called with a clicked note. */
export function setUpScore(tune, player, onNote) {
  paper.append(cursor, sheet);
  tune.addEventListener("text", () => draw(tune));
  tune.addEventListener("reading", () => connect(tune));
  new ResizeObserver(() => draw(tune)).observe(paper);
  const marked = new Set();
  player.addEventListener("note", event => {
    const own = player.music?.abc === tune.abc ? event.detail.notes : [];
    for (const each of marked) each.classList.remove("sounding");
    marked.clear();
    for (const each of own.flatMap(elementsOf)) {
      each.classList.add("sounding");
      marked.add(each);
    }
    cursor.hidden = !marked.size;
    if (marked.size) moveCursor([...marked], tune);
  });
  sheet.addEventListener("click", event => {
    const note = noteNear(event);
    if (note !== null) onNote(note);
  });
  setUpSelection(tune, paper, () => regions(tune));
}

/** Mark the note at the caret, by its index in the reading; null for none. */
export function pointAt(note) {
  for (const each of sheet.querySelectorAll(".pointed")) each.classList.remove("pointed");
  if (note !== null) for (const each of elementsOf(note)) each.classList.add("pointed");
}

/** Return the elements that show a note, by its index in the reading. */
export const elementsOf = note => parts.get(note) ?? [];

function draw(tune) {
  const width = Math.max(paper.clientWidth - 10, 200), key = `${width} ${tune.abc}`;
  if (key === drawn || !paper.clientWidth) return; // a hidden container has no width
  drawn = key;
  const [visual] = ABCJS.renderAbc(sheet, withNumberFirst(tune.abc), {
    add_classes: true, staffwidth: width, wrap: barsOfLongestLine(tune.abc) * NARROWEST_BAR_PX > width ? WRAP : undefined,
    foregroundColor: "currentColor", paddingleft: 0, paddingright: 12, selectTypes: false,
  });
  voices = (visual?.lines ?? []).flatMap(line => (line.staff ?? []).flatMap((staff, row) => staff.voices.map(elements => ({ line, row, elements }))));
  title.textContent = tune.abc.match(/^T:(.*)$/m)?.[1].trim() || "Untitled";
  connect(tune);
}

/**
 * Return the text with everything before its X: moved after that line, so that later positions stay the same: when abcjs
 * wraps lines, it counts positions from the X: on.
 */
function withNumberFirst(abc) {
  const [, blank, head, number, rest] = abc.match(/^(\s*)([^]*?)(^X:.*)([^]*)$/m) ?? [];
  return number === undefined ? abc : `${number}${" ".repeat(blank.length)}\n${head.replace(/\n(?=\n)/g, " ")}${rest.slice(1)}`;
}

const barsOfLongestLine = abc => Math.max(...abc.split("\n").filter(line => !/^([A-Za-z]:|%)/.test(line)).map(line => line.split(/[|\]:]+/).filter(bar => bar.trim()).length));

/** Find the elements of each note of the reading, by their positions in the text. */
function connect(tune) {
  parts.clear();
  found = null;
  if (!tune.reading || tune.reading.abc !== tune.abc) return;
  const { notes } = tune.reading;
  const starts = notes.map((note, index) => [note.start, index]).sort((one, other) => one[0] - other[0]);
  for (const { elements } of voices) {
    for (const each of elements) {
      if (each.el_type !== "note" || each.startChar < 0) continue;
      for (const [start, index] of starts) {
        if (start < each.startChar || start >= each.endChar) continue;
        parts.set(index, [...elementsOf(index), ...svgOf(each)]);
        for (const one of svgOf(each)) one.dataset.note = index;
      }
    }
  }
  tune.dispatchEvent(new Event("drawn"));
}

const svgOf = each => each.abselem?.elemset?.filter(Boolean) ?? [];

/** Return the rectangle {number, line, left, right, top, bottom} of each bar on the page, relative to the paper. */
function regions(tune) {
  if (found) return found;
  found = [];
  const around = paper.getBoundingClientRect(), lines = [...new Set(voices.map(voice => voice.line))];
  for (const [at, line] of lines.entries()) {
    const here = voices.filter(voice => voice.line === line), staffs = here.flatMap(voice => voice.elements.flatMap(svgOf)).map(box);
    const top = Math.min(...staffs.map(each => each.top)) - 4, bottom = Math.max(...staffs.map(each => each.bottom)) + 4;
    let left = null, number = null;
    for (const each of here[0]?.elements ?? []) {
      const boxes = svgOf(each).map(box);
      if (!boxes.length) continue;
      if (each.el_type === "note") {
        left ??= Math.min(...boxes.map(one => one.left)) - 6;
        number ??= tune.reading?.notes.find(note => note.start >= each.startChar && note.start < each.endChar)?.bar ?? null;
      } else if (each.el_type === "bar") {
        const right = Math.min(...boxes.map(one => one.left));
        if (left !== null && number !== null) found.push({ number, line: at, left: left - around.left, right: right - around.left, top: top - around.top, bottom: bottom - around.top });
        left = left === null && number === null ? null : Math.max(...boxes.map(one => one.right));
        number = null;
      }
    }
  }
  return found;
}

/** Return the note at or near a point on the page; null if there is none. */
function noteNear({ clientX, clientY }) {
  let nearest = null, least = NEAR_PX;
  for (const [note, elements] of parts) {
    for (const { left, right, top, bottom } of elements.map(box)) {
      const far = Math.max(left - clientX, clientX - right, (top - clientY) / 2, (clientY - bottom) / 2, 0);
      if (far < least) [nearest, least] = [note, far];
    }
  }
  return nearest;
}

const box = element => element.getBoundingClientRect();

/** Place the cursor behind the sounding notes, at the height of their line, and keep it in view. */
function moveCursor(elements, tune) {
  const around = paper.getBoundingClientRect(), boxes = elements.map(box);
  const [left, right] = [Math.min(...boxes.map(each => each.left)) - around.left, Math.max(...boxes.map(each => each.right)) - around.left];
  const middle = (boxes[0].top + boxes[0].bottom) / 2 - around.top;
  const line = regions(tune).find(each => middle >= each.top && middle <= each.bottom) ?? { top: middle - 20, bottom: middle + 20 };
  Object.assign(cursor.style, { left: `${left - 4}px`, top: `${line.top}px`, width: `${right - left + 8}px`, height: `${line.bottom - line.top}px` });
  const { top, bottom } = box(cursor);
  if (top < 0 || bottom > innerHeight) cursor.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}
